"""`GLUEDataModule`: a task's splits as batches, for Lightning and on its own."""

import logging
from typing import Any

import lightning
import torch
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase

from lit_idim.data.batching import EvaluationBatchSampler, TrainingBatchSampler, UpdatesBatchSampler
from lit_idim.data.encoded_dataset import EncodedDataset
from lit_idim.data.encoding import encode_examples
from lit_idim.data.encoding_cache import EncodingCache, cache_key
from lit_idim.data.examples import Examples
from lit_idim.data.sampling import sample_positions
from lit_idim.data.sources import load_examples
from lit_idim.data.tokenizer import load_tokenizer, tokenizer_fingerprint
from lit_idim.errors import UserError
from lit_idim.tasks import get_split, get_task

_log = logging.getLogger(__name__)
_SHORTEST_MAX_LENGTH = 8  # room for the special tokens of a pair and a few of text

Batches = DataLoader[dict[str, Tensor]]


class GLUEDataModule(lightning.LightningDataModule):
    """One task, tokenised once, in batches of examples of similar length.

    A batch is a dict of `input_ids`, `attention_mask`, `token_type_ids` (where the tokenizer gives them), `labels`
    (where they are published) and `index` (position in the split). Under several devices the module shards by itself,
    so the Trainer needs `use_distributed_sampler=False`: the devices' training rows together are the batch of a single
    device, and every evaluation example is on exactly one device, once. Without a Trainer it serves a single device.

    `max_train_examples` and `max_dev_examples` draw a subset before tokenisation: at most so many examples, all if
    there are fewer. The subsets of one `subset_seed` are nested. They hold wherever the split is used, so
    `test_split="train"` scores the very examples that were trained on.

    Args:
        task: Name of the task, such as `sst2`, `mnli`, `anli` or `toy-sst2`.
        tokenizer: Folder or hub repository with the tokenizer, or `toy`.
        data_dir: Folder that holds the task (or `<TASK>/`): original TSVs, parquet files, or a `save_to_disk` folder.
            The Hugging Face hub if None.
        batch_size: Training examples in a batch over all devices.
        eval_batch_size: Most examples in an evaluation batch of one device; scores do not depend on it.
        max_length: Most tokens of an example, special tokens included; longer ones are cut.
        max_train_examples: Most examples of the train split; all if None.
        max_dev_examples: Most examples of the dev splits (`dev`, `dev_mismatched`), each; all if None.
        subset_seed: Seed of the subsets.
        order_seed: Seed of the order of training examples.
        cache_dir: Folder for tokenised examples; `$LIT_IDIM_CACHE` or the user's cache folder if None.
        test_split: Labelled split that `test` scores.
        predict_split: Split that `predict` runs over, labelled or not.
        tokenizer_revision: Branch, tag or commit of the tokenizer's hub repository.

    Attributes:
        updates: The updates, counted from 0, that `train_dataloader` gives the batches of; None for an epoch at a time.

    Raises:
        UserError: for an unknown task or split, or a number out of range.

    Example:
        >>> data = GLUEDataModule(task="mnli", tokenizer="roberta-base", test_split="dev_mismatched")
        >>> data.task.num_labels
        3
    """

    def __init__(
        self,
        task: str,
        tokenizer: str,
        data_dir: str | None = None,
        batch_size: int = 32,
        eval_batch_size: int = 128,
        max_length: int = 128,
        max_train_examples: int | None = None,
        max_dev_examples: int | None = None,
        subset_seed: int = 0,
        order_seed: int = 0,
        cache_dir: str | None = None,
        test_split: str = "dev",
        predict_split: str = "test",
        tokenizer_revision: str | None = None,
    ) -> None:
        super().__init__()
        self.task = get_task(task)
        _require_split(self, "test_split", test_split)
        _require_split(self, "predict_split", predict_split)
        _require_at_least("batch_size", batch_size, 1)
        _require_at_least("eval_batch_size", eval_batch_size, 1)
        _require_at_least("max_length", max_length, _SHORTEST_MAX_LENGTH)
        _require_at_least("max_train_examples", max_train_examples, 1)
        _require_at_least("max_dev_examples", max_dev_examples, 1)
        if self.task.is_generated and data_dir is not None:
            raise UserError(f"data_dir: {task} is generated and reads no files; leave out data_dir={data_dir!r}")
        self.tokenizer_name = tokenizer
        self.tokenizer_revision = tokenizer_revision
        self.data_dir = data_dir
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.max_length = max_length
        self.max_train_examples = max_train_examples
        self.max_dev_examples = max_dev_examples
        self.subset_seed = subset_seed
        self.order_seed = order_seed
        self.test_split = test_split
        self.predict_split = predict_split
        self.updates: range | None = None
        self.checksums: dict[str, str] = {}
        self._cache = EncodingCache(cache_dir)
        self._datasets: dict[str, EncodedDataset] = {}
        self._tokenizer: PreTrainedTokenizerBase | None = None

    def prepare_data(self) -> None:
        """Download, tokenise and cache, in one process a machine; the others then find everything on disk."""
        for split_name in self._stage_splits(None if self.trainer is None else self.trainer.state.fn):
            self.dataset(split_name)

    def setup(self, stage: str | None = None) -> None:
        """Load the splits of a stage: train and dev for `fit` and None, else dev, `test_split` or `predict_split`."""
        for split_name in self._stage_splits(stage):
            self.dataset(split_name)

    def train_dataloader(self) -> Batches:
        """Training batches, of an epoch or of `updates`, in an order that `order_seed` and the epoch decide."""
        dataset = self.dataset("train")
        order = (dataset.lengths, self.batch_size, self.order_seed, *self._world())
        sampler = TrainingBatchSampler(*order) if self.updates is None else UpdatesBatchSampler(self.updates, *order)
        return _dataloader(dataset, sampler)

    def val_dataloader(self) -> Batches:
        """The dev split (MNLI: matched), every example once."""
        return self.evaluation_dataloader("dev")

    def test_dataloader(self) -> Batches:
        """`test_split`, every example once.

        Raises:
            UserError: if its labels are not published.
        """
        if not self.dataset(self.test_split).is_labelled:
            raise UserError(
                f"test_split: the labels of {self.task.name}'s {self.test_split} split are not published; score "
                f"dev, or predict with predict_split={self.test_split}"
            )
        return self.evaluation_dataloader(self.test_split)

    def predict_dataloader(self) -> Batches:
        """`predict_split`, every example once, with labels only where they are published."""
        return self.evaluation_dataloader(self.predict_split)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Batches are made on the CPU: there Lightning's walk through them, a share of a small step, moves nothing."""
        return batch if device.type == "cpu" else super().transfer_batch_to_device(batch, device, dataloader_idx)

    def evaluation_dataloader(self, split_name: str) -> Batches:
        """Any split, every example on exactly one device, once.

        Raises:
            UserError: if there are fewer examples than devices.
        """
        dataset = self.dataset(split_name)
        world_size, rank = self._world()
        self._require_examples(split_name, world_size)
        return _dataloader(dataset, EvaluationBatchSampler(dataset.lengths, self.eval_batch_size, world_size, rank))

    def require_shares(self, world_size: int) -> None:
        """Refuses training or dev splits that so many devices cannot share.

        Raises:
            UserError: if the devices cannot share a batch evenly, or there are fewer dev examples than devices.
        """
        TrainingBatchSampler(self.dataset("train").lengths, self.batch_size, self.order_seed, world_size)
        self._require_examples("dev", world_size)

    def _require_examples(self, split_name: str, world_size: int) -> None:
        number = len(self.dataset(split_name))
        if number < world_size:
            raise UserError(
                f"devices: {split_name} of {self.task.name} has {number} examples for {world_size} devices, "
                f"some of which would wait for ever; use fewer devices"
            )

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The tokenizer, loaded at first use.

        Raises:
            UserError: if it cannot be loaded, or `max_length` is more than it allows.
        """
        if self._tokenizer is None:
            tokenizer = load_tokenizer(self.tokenizer_name, self.tokenizer_revision)
            if self.max_length > tokenizer.model_max_length:
                raise UserError(
                    f"max_length: the tokenizer {self.tokenizer_name!r} allows at most {tokenizer.model_max_length} "
                    f"tokens; got {self.max_length} (on the command line --data.max_length, of a study "
                    f"--training.max_length, of measure_d90 training=TrainingSettings(max_length=...))"
                )
            self._tokenizer = tokenizer
        return self._tokenizer

    @property
    def pad_token_id(self) -> int:
        """Token number that fills up a batch; the model's `config.pad_token_id` must be the same."""
        return int(self.tokenizer.pad_token_id)

    @property
    def num_train_examples(self) -> int:
        """Number of training examples after `max_train_examples`; loads the split if need be."""
        return len(self.dataset("train"))

    @property
    def num_dev_examples(self) -> int:
        """Number of dev examples after `max_dev_examples`; loads the split if need be."""
        return len(self.dataset("dev"))

    def dataset(self, split_name: str) -> EncodedDataset:
        """The tokenised examples of a split, loaded at first use and kept."""
        if split_name not in self._datasets:
            self._datasets[split_name] = self._load(split_name)
        return self._datasets[split_name]

    def examples(self, split_name: str) -> Examples:
        """The examples of a split before tokenisation, after `max_train_examples` or `max_dev_examples`."""
        examples = load_examples(self.task, split_name, self.data_dir)
        limit = self._max_examples(split_name)
        where = f"{self.task.name}/{split_name}"
        return examples.take(sample_positions(len(examples), limit, self.subset_seed, where))

    def _load(self, split_name: str) -> EncodedDataset:
        where = f"{self.task.name}/{split_name}"
        examples = self.examples(split_name)
        checksum = examples.checksum()
        key = cache_key(checksum, tokenizer_fingerprint(self.tokenizer), self.max_length)
        name = f"{self.task.name}-{split_name}-{key}"
        encoding = self._cache.load(name)
        if encoding is None:
            encoding = encode_examples(examples, self.tokenizer, self.max_length)
            self._cache.save(name, encoding)
            encoding = self._cache.load(name) or encoding  # the same, in memory that is shared
        self.checksums[split_name] = checksum
        if encoding.num_truncated:
            _log.info(
                "%s: %d of %d examples cut to %d tokens", where, encoding.num_truncated, len(examples), self.max_length
            )
        return EncodedDataset(examples, encoding, self.tokenizer)

    def _max_examples(self, split_name: str) -> int | None:
        if split_name == "train":
            return self.max_train_examples
        # By name and not by content: Yelp's test split is its dev split, but only asked for as dev is it capped.
        return self.max_dev_examples if split_name.startswith("dev") else None

    def _stage_splits(self, stage: str | None) -> tuple[str, ...]:
        if stage == TrainerFn.VALIDATING:
            return ("dev",)
        if stage == TrainerFn.TESTING:
            return (self.test_split,)
        if stage == TrainerFn.PREDICTING:
            return (self.predict_split,)
        return ("train", "dev")

    def _world(self) -> tuple[int, int]:
        """Number of devices and number of this one."""
        return (1, 0) if self.trainer is None else (self.trainer.world_size, self.trainer.global_rank)


def _dataloader(dataset: EncodedDataset, sampler: TrainingBatchSampler | EvaluationBatchSampler) -> Batches:
    # Without collation: the dataset itself turns a list of positions into a padded batch. Assembling one takes well
    # under a millisecond, so worker processes would only add the cost of handing it over.
    return DataLoader(dataset, sampler=sampler, batch_size=None, num_workers=0, pin_memory=torch.cuda.is_available())


def _require_at_least(argument: str, value: int | None, minimum: int) -> None:
    if value is not None and value < minimum:
        raise UserError(f"{argument}: expected at least {minimum}; got {value}")


def _require_split(data: GLUEDataModule, argument: str, split_name: str) -> None:
    try:
        get_split(data.task, split_name)
    except UserError as error:
        raise UserError(f"{argument}: {error}") from None
