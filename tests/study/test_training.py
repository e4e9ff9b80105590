import io
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import RobertaConfig, RobertaModel

from lit_idim.data import GLUEDataModule
from lit_idim.data.encoded_dataset import EncodedDataset
from lit_idim.errors import UserError
from lit_idim.series.location import CheckpointLocation
from lit_idim.study.outcomes import score_predictions, unpack_predictions
from lit_idim.study.settings import TrainingSettings
from lit_idim.study.training import TrainingOutcome, TrainingRequest, Trainings
from lit_idim.toy import build_toy_tokenizer
from lit_idim.training import SubspaceClassifier, build_trainer
from lit_idim.training.segmented import SegmentedTraining

PAUSABLE = pytest.mark.parametrize("method", ["did", "said", "head"])
RATES = {"full": 3e-3, "head": 3e-3, "did": 0.05, "said": 0.05}
SETTINGS: dict[str, Any] = {"num_updates": 12, "max_length": 32, "max_train_examples": 160, "max_dev_examples": 60}


def write_encoder(folder: Path, seed: int) -> str:
    tokenizer = build_toy_tokenizer()
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=34, type_vocab_size=1, initializer_range=0.2,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        RobertaModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_encoder(tmp_path_factory.mktemp("encoder"), 0)


@pytest.fixture(scope="module")
def trainings(encoder: str) -> Trainings:
    """Has run a training already, with seeds that no test uses."""
    used = Trainings()
    seeds = dict.fromkeys(("projection", "head", "order", "dropout", "subset"), 9)
    used.run(request(encoder, "said", seeds=seeds, num_updates=2))
    used.run(request(encoder, "full", num_updates=2))
    return used


def request(encoder: str, method: str, **changes: Any) -> TrainingRequest:
    settings = SETTINGS | {name: changes.pop(name) for name in ("num_updates", "epochs", "score") if name in changes}
    in_subspace = method in ("did", "said")
    given: dict[str, Any] = {
        "location": CheckpointLocation(model=encoder, origin="a test"),
        "task": "toy-sst2",
        "method": method,
        "d": 200 if in_subspace else None,
        "projection": "fastfood" if in_subspace else None,
        "learning_rate": RATES[method],
        "seeds": {"projection": 1, "head": 2, "order": 3, "dropout": 4, "subset": 5},
        "settings": TrainingSettings(**settings),
    }
    return TrainingRequest(**(given | changes))


def same_numbers(first: bytes | None, second: bytes | None) -> bool:
    """Whether two states hold the same bits."""
    assert first is not None and second is not None
    flat = [torch.load(io.BytesIO(state), weights_only=True)["numbers"] for state in (first, second)]
    return equal(*flat)


def equal(first: Any, second: Any) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[name], second[name]) for name in first)
    if isinstance(first, list):
        return len(first) == len(second) and all(map(equal, first, second))
    return bool(first == second)


@pytest.mark.parametrize("method", RATES)
def test_segments_end_where_a_plain_training_ends(encoder: str, method: str) -> None:
    def classifier() -> SubspaceClassifier:
        d = 200 if method in ("did", "said") else None
        return SubspaceClassifier(
            model=encoder, task="toy-sst2", method=method, d=d, learning_rate=RATES[method], dropout_seed=4
        )

    data = GLUEDataModule(
        task="toy-sst2", tokenizer=encoder, max_length=32, max_train_examples=160, max_dev_examples=60
    )
    plain = classifier()
    trainer = build_trainer(max_steps=12, limit_val_batches=0, enable_progress_bar=False)
    trainer.fit(plain, datamodule=data)
    training = SegmentedTraining(classifier(), data, num_updates=12, precision="32-true")
    for stop in (3, 5, 12):
        training.advance(stop)
    ends = dict(training.classifier.named_parameters())
    assert all(torch.equal(value, ends[name]) for name, value in plain.named_parameters())
    assert any(not torch.equal(value, ends[name]) for name, value in classifier().named_parameters())


@pytest.mark.parametrize("method", RATES)
def test_what_is_kept_changes_no_number(encoder: str, trainings: Trainings, method: str) -> None:
    changes = {} if method == "full" else {"stop_after": 6}
    kept = trainings.run(request(encoder, method, **changes))
    alone = Trainings().run(request(encoder, method, **changes))
    assert (kept.evaluations, kept.outcomes, kept.checksums) == (alone.evaluations, alone.outcomes, alone.checksums)
    if method != "full":
        assert same_numbers(kept.state, alone.state)


@PAUSABLE
def test_a_pause_leaves_no_trace(encoder: str, trainings: Trainings, method: str) -> None:
    first = trainings.run(request(encoder, method, stop_after=3))  # in the first epoch of 5 updates
    second = trainings.run(request(encoder, method, stop_after=5, state=first.state))  # at its end
    third = Trainings().run(request(encoder, method, stop_after=9, state=second.state))
    last = trainings.run(request(encoder, method, state=third.state))
    whole = trainings.run(request(encoder, method, evaluate_at=(3, 5, 9)))
    assert [outcome.status for outcome in (first, third, last, whole)] == ["paused", "paused", "finished", "finished"]
    assert first.score is None and first.outcomes is None and whole.state is None
    assert [update for update, _ in whole.evaluations] == [3, 5, 9, 12]
    assert (last.evaluations, last.outcomes, last.score) == (whole.evaluations, whole.outcomes, whole.score)
    unbroken = trainings.run(request(encoder, method, stop_after=9))
    assert same_numbers(third.state, unbroken.state) and not same_numbers(third.state, second.state)


def test_the_outcome_tells_what_was_done(encoder: str, trainings: Trainings) -> None:
    asked = request(encoder, "said", epochs=2, num_updates=None)
    outcome = trainings.run(asked)
    data = trainings.data(asked)
    labels = data.dataset("dev").labels
    assert labels is not None and outcome.outcomes is not None
    assert score_predictions(data.task, unpack_predictions(outcome.outcomes), labels.numpy()) == outcome.score
    assert outcome.chance_score == max(labels.float().mean(), 1 - labels.float().mean())
    assert (outcome.num_updates, outcome.num_updates_done, outcome.num_examples) == (10, 10, 320)
    assert (outcome.num_train_examples, outcome.num_dev_examples, outcome.metric) == (160, 60, "accuracy")
    assert outcome.evaluations == ((10, outcome.score),) and outcome.seconds > 0 and outcome.device == "cpu"
    assert set(outcome.checksums) == {"projection", "weights", "train", "dev"}


def test_the_best_epoch_counts_and_a_pause_between_epochs_does_not(encoder: str, trainings: Trainings) -> None:
    def best(**changes: Any) -> TrainingOutcome:
        return trainings.run(request(encoder, "did", score="best_epoch", **changes))

    whole = best()
    paused = best(stop_after=7)
    continued = best(state=paused.state)
    assert [update for update, _ in whole.evaluations] == [5, 10, 12]
    assert [update for update, _ in continued.evaluations] == [5, 7, 10, 12]
    assert whole.score == continued.score == max(score for _, score in whole.evaluations)
    assert whole.outcomes == continued.outcomes


@pytest.mark.parametrize(("num_updates", "done"), [(50, 20), (7, 7)])
def test_a_diverging_training_stops_and_says_where(
    encoder: str, trainings: Trainings, num_updates: int, done: int
) -> None:
    outcome = trainings.run(request(encoder, "full", num_updates=num_updates, learning_rate=1e30))
    assert (outcome.status, outcome.score, outcome.outcomes, outcome.state) == ("diverged", None, None, None)
    assert outcome.reason is not None and "not finite at update 2" in outcome.reason
    assert (outcome.num_updates_done, outcome.evaluations) == (done, ())


def test_logits_that_break_in_the_last_update_are_noticed(encoder: str, trainings: Trainings) -> None:
    outcome = trainings.run(request(encoder, "full", num_updates=1, learning_rate=1e30))
    assert (outcome.status, outcome.reason) == ("diverged", "loss or logits not finite at update 1")


def test_another_trainings_state_is_refused(encoder: str, trainings: Trainings, tmp_path: Path) -> None:
    state = trainings.run(request(encoder, "did", stop_after=3)).state
    seeds = {"projection": 1, "head": 7, "order": 3, "dropout": 4, "subset": 5}
    for changes, message in (
        ({"d": 201}, "d: saved 200, here 201"),
        ({"seeds": seeds}, "head_seed: saved 2, here 7"),
        ({"num_updates": 13}, "num_updates: saved 12, here 13"),
        ({"task": "toy-mrpc"}, "train_checksum: saved"),
        ({"location": CheckpointLocation(model=write_encoder(tmp_path, 1), origin="")}, "weights_checksum: saved"),
    ):
        with pytest.raises(UserError, match=message):
            trainings.run(request(encoder, "did", state=state, **changes))
    assert state is not None
    with pytest.raises(UserError, match="cannot be read"):
        trainings.run(request(encoder, "did", state=state[:-200]))
    with pytest.raises(UserError, match="stop_after: 3 updates are made already, got 3"):
        trainings.run(request(encoder, "did", state=state, stop_after=3))


def test_requests_that_make_no_sense_are_refused(encoder: str) -> None:
    with pytest.raises(UserError, match="full fine-tuning cannot pause"):
        request(encoder, "full", stop_after=3)
    with pytest.raises(UserError, match="seeds: expected projection, head, order, dropout, subset; got head"):
        request(encoder, "did", seeds={"head": 1})
    with pytest.raises(UserError, match="evaluate_at: expected numbers of updates, at least 1"):
        request(encoder, "did", evaluate_at=(0,))


def test_missing_labels_are_named(encoder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EncodedDataset, "is_labelled", property(lambda self: len(self) != 60))
    with pytest.raises(UserError, match="task 'toy-sst2': its dev split holds no labels"):
        Trainings().run(request(encoder, "did"))


def test_checkpoints_with_one_tokenizer_share_the_data(encoder: str, trainings: Trainings, tmp_path: Path) -> None:
    other = write_encoder(tmp_path, 1)
    assert trainings.data(request(encoder, "did")) is trainings.data(request(other, "did"))
    weights = [trainings.run(request(name, "did", stop_after=1)).checksums["weights"] for name in (encoder, other)]
    assert weights[0] != weights[1]


def test_random_weights_are_drawn_from_the_head_seed(encoder: str, trainings: Trainings) -> None:
    def weights(head: int, **changes: Any) -> str:
        seeds = {"projection": 1, "head": head, "order": 3, "dropout": 4, "subset": 5}
        return trainings.run(request(encoder, "did", stop_after=1, seeds=seeds, **changes)).checksums["weights"]

    assert weights(0) == weights(1)
    assert weights(0, random_weights=True) != weights(1, random_weights=True)
