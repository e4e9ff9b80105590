import warnings
from types import SimpleNamespace

import lightning
import numpy as np
import pytest
import torch
from torch import Tensor

from lit_idim import errors
from lit_idim.data import GLUEDataModule, datamodule
from lit_idim.data.sources import load_examples

from .conftest import word_tokenizer, write_sst2
from .padding import padding_fraction
from .test_shared_glue import GLUE

UserError = errors.UserError


@pytest.fixture
def make(tmp_path, tokenizer_dir):
    data_dir = write_sst2(tmp_path / "glue")

    def build(**settings) -> GLUEDataModule:
        defaults = {"task": "sst2", "tokenizer": tokenizer_dir, "data_dir": str(data_dir), "max_length": 32}
        return GLUEDataModule(**{**defaults, "batch_size": 8, "eval_batch_size": 4, **settings})

    return build


def on_rank(data: GLUEDataModule, world_size: int, rank: int) -> GLUEDataModule:
    data.trainer = SimpleNamespace(world_size=world_size, global_rank=rank, state=SimpleNamespace(fn="fit"))
    return data


def indices(loader) -> list[int]:
    return torch.cat([batch["index"] for batch in loader]).tolist()


def test_a_batch_stays_as_it_is_on_the_cpu_and_is_moved_elsewhere(make) -> None:
    data = make()
    batch = next(iter(data.val_dataloader()))
    assert data.transfer_batch_to_device(batch, torch.device("cpu"), 0) is batch
    moved = data.transfer_batch_to_device(batch, torch.device("meta"), 0)
    assert {tensor.device.type for tensor in moved.values()} == {"meta"} and set(moved) == set(batch)


def test_stand_alone(make) -> None:
    data = make()
    data.prepare_data()
    data.setup("fit")
    assert data.task.name == "sst2"
    assert (data.num_train_examples, data.num_dev_examples, data.pad_token_id) == (40, 13, 0)
    assert set(data.checksums) == {"train", "dev"}
    train = list(data.train_dataloader())
    assert len(train) == len(data.train_dataloader()) == 5
    assert {len(batch["labels"]) for batch in train} == {8}
    for batch in train:
        assert batch["input_ids"].shape == batch["attention_mask"].shape == batch["token_type_ids"].shape
        assert batch["labels"].tolist() == [i % 2 for i in batch["index"].tolist()]
        assert int(batch["attention_mask"].sum(dim=1).max()) == batch["input_ids"].shape[1]
    assert sorted(indices(data.val_dataloader())) == list(range(13))
    assert sorted(indices(data.test_dataloader())) == list(range(13))
    predictions = list(data.predict_dataloader())
    assert indices(predictions) == [0, 1]
    assert "labels" not in predictions[0]


def test_a_stage_loads_only_its_splits(make, monkeypatch) -> None:
    loaded = []

    def record(task, split, data_dir):
        loaded.append(split)
        return load_examples(task, split, data_dir)

    monkeypatch.setattr(datamodule, "load_examples", record)
    for stage, splits in (
        ("fit", ["train", "dev"]),
        ("validate", ["dev"]),
        ("test", ["dev"]),
        ("predict", ["test"]),
        (None, ["train", "dev"]),
    ):
        loaded.clear()
        data = make()
        data.setup(stage)
        data.setup(stage)
        assert loaded == splits
    loaded.clear()
    on_rank(make(), 1, 0).prepare_data()
    assert loaded == ["train", "dev"]


def test_examples_are_tokenised_once(make, monkeypatch) -> None:
    make().setup("fit")
    encode = datamodule.encode_examples
    monkeypatch.setattr(datamodule, "encode_examples", lambda *_: pytest.fail("tokenised again"))
    make().setup("fit")
    encoded = []

    def record(examples, tokenizer, max_length):
        encoded.append(len(examples))
        return encode(examples, tokenizer, max_length)

    monkeypatch.setattr(datamodule, "encode_examples", record)
    make(max_length=16).setup("validate")
    make(max_train_examples=10, max_dev_examples=5).setup("fit")
    assert encoded == [13, 10, 5]


def test_caps_are_nested_subsets_wherever_the_split_is_used(make) -> None:
    small, large = (make(max_train_examples=count, test_split="train") for count in (8, 24))
    assert set(indices(small.test_dataloader())) < set(indices(large.test_dataloader())) < set(range(40))
    assert set(indices(small.train_dataloader())) == set(indices(small.test_dataloader()))
    other = make(max_train_examples=8, subset_seed=1)
    assert set(indices(other.train_dataloader())) != set(indices(small.train_dataloader()))
    assert make(max_train_examples=10**6).num_train_examples == 40
    assert small.num_dev_examples == 13
    assert make(max_dev_examples=3).num_dev_examples == 3
    assert len(make(max_dev_examples=1).dataset("test")) == 2


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_devices_share_batches_and_score_every_example_once(make, world_size) -> None:
    alone = list(make().train_dataloader())
    ranks = [on_rank(make(), world_size, rank) for rank in range(world_size)]
    for batch, *parts in zip(alone, *(data.train_dataloader() for data in ranks), strict=True):
        assert sorted(torch.cat([part["index"] for part in parts]).tolist()) == sorted(batch["index"].tolist())
    scored = [i for data in ranks for i in indices(data.val_dataloader())]
    assert sorted(scored) == list(range(13))


def test_more_devices_than_the_batch_or_the_examples_allow_are_refused(make) -> None:
    with pytest.raises(UserError, match=r"batch_size: .* 3 devices must divide it; got 8"):
        on_rank(make(), 3, 0).train_dataloader()
    with pytest.raises(UserError, match="devices: test of sst2 has 2 examples for 3 devices"):
        on_rank(make(), 3, 0).predict_dataloader()


def test_the_order_follows_seed_and_epoch(make) -> None:
    loader = make().train_dataloader()
    first = indices(loader)
    assert indices(make().train_dataloader()) == first
    assert indices(make(order_seed=1).train_dataloader()) != first
    loader.sampler.set_epoch(1)
    assert indices(loader) != first


class Recorder(lightning.LightningModule):
    """Records the examples that it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.trained: list[list[int]] = []
        self.scored: list[int] = []

    def training_step(self, batch: dict[str, Tensor]) -> Tensor:
        self.trained.append(batch["index"].tolist())
        return self.weight**2

    def validation_step(self, batch: dict[str, Tensor]) -> None:
        self.scored += batch["index"].tolist()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_lightning_takes_the_loaders_as_they_are(make, tmp_path) -> None:
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=tmp_path,
    )
    model, data = Recorder(), make()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(does not have many workers|GPU available|litlogger).*")
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
        warnings.filterwarnings("error", message=".*(shuffling|batch_size|sampler).*")
        trainer.fit(model, datamodule=data)
    assert sorted(model.scored) == sorted([*range(13)] * 2)
    assert len(model.trained) == 10
    assert sorted(i for batch in model.trained[:5] for i in batch) == list(range(40))
    assert model.trained[:5] != model.trained[5:]  # Lightning told the sampler of the second epoch


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"task": "sst3"}, "task: expected one of .*Did you mean 'sst2'"),
        ({"batch_size": 0}, "batch_size: expected at least 1; got 0"),
        ({"eval_batch_size": -1}, "eval_batch_size: expected at least 1; got -1"),
        ({"max_length": 7}, "max_length: expected at least 8; got 7"),
        ({"max_train_examples": 0}, "max_train_examples: expected at least 1; got 0"),
        ({"max_dev_examples": 0}, "max_dev_examples: expected at least 1; got 0"),
        ({"test_split": "validation"}, "test_split: .* sst2 has train, dev, test; got 'validation'"),
        ({"predict_split": "dev_mismatched"}, "predict_split: .* got 'dev_mismatched'"),
        ({"task": "toy-sst2"}, "data_dir: toy-sst2 is generated and reads no files"),
    ],
)
def test_bad_arguments_are_refused_at_once(make, settings, message) -> None:
    with pytest.raises(UserError, match=message):
        make(**settings)


def test_what_only_the_tokenizer_or_the_data_can_tell_is_refused_in_words(make) -> None:
    with pytest.raises(UserError, match=r"max_length: .* allows at most 64 tokens; got 65 \(on the command line"):
        make(max_length=65).setup("validate")
    with pytest.raises(UserError, match="test_split: the labels of sst2's test split are not published"):
        make(test_split="test").test_dataloader()


@pytest.mark.parametrize(("task", "num_labels"), [("toy-sst2", 2), ("toy-mrpc", 2), ("toy-mnli", 3)])
def test_toy_tasks_need_neither_files_nor_network(task, num_labels) -> None:
    data = GLUEDataModule(
        task=task, tokenizer="toy", max_length=32, max_train_examples=64, max_dev_examples=32, test_split="test"
    )
    data.setup("fit")
    assert data.num_train_examples == 64
    labels = torch.cat([batch["labels"] for batch in data.train_dataloader()])
    assert set(labels.tolist()) == set(range(num_labels)) == set(range(data.task.num_labels))
    unknown = data.tokenizer.unk_token_id
    assert not any((batch["input_ids"] == unknown).any() for batch in data.val_dataloader())


@pytest.mark.skipif(not GLUE.is_dir(), reason="the GLUE files are not at ../shared/glue")
def test_buckets_waste_little_padding_on_published_sentences(tmp_path) -> None:
    words = sorted({word for text in load_examples_of_sst2_dev() for word in text.split()})
    folder = tmp_path / "words"
    word_tokenizer(words=words, model_max_length=128).save_pretrained(folder)
    data = GLUEDataModule(task="sst2", tokenizer=str(folder), data_dir=str(GLUE), max_train_examples=4000)
    dataset = data.dataset("train")
    batches = [np.array(positions) for positions in data.train_dataloader().sampler]
    unsorted = [np.arange(start, start + 32) for start in range(0, 4000, 32)]
    assert padding_fraction(dataset.lengths, batches) < 0.1 < 0.5 < padding_fraction(dataset.lengths, unsorted)


def load_examples_of_sst2_dev() -> list[str]:
    from lit_idim.tasks import get_task

    return load_examples(get_task("sst2"), "dev", str(GLUE)).first
