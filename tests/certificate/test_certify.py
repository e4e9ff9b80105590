from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from lit_idim.certificate import (
    Certificate,
    CertificateRequest,
    certify,
    decode,
    derived_seeds,
    encode,
    hoeffding_bound,
    kl_bound,
    rebuild,
)
from lit_idim.certificate.data import HELD_OUT, SAMPLE, HeldOutDataModule, class_labels
from lit_idim.d90 import TrainingId
from lit_idim.data import Examples, GLUEDataModule
from lit_idim.data.sources import load_examples
from lit_idim.errors import UserError
from lit_idim.projections import FastfoodProjection
from lit_idim.randomness import keyed_permutation
from lit_idim.series import load_series
from lit_idim.study.cell import Cell, PreparedCell
from lit_idim.study.settings import StudySettings, TrainingSettings
from lit_idim.study.training import Trainings
from lit_idim.subspace import Subspace, load_classifier
from lit_idim.toy import toy_examples

MakeRequest = Callable[..., CertificateRequest]
METHODS = ("did", "said")
NUM_LAYERS = 4


@pytest.fixture(scope="module")
def trainings() -> Trainings:
    return Trainings()


@pytest.fixture(scope="module")
def certificates(make_request: MakeRequest, trainings: Trainings) -> dict[str, Certificate]:
    return {method: certify(make_request(method), trainings) for method in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_the_errors_are_those_of_the_file(
    certificates: dict[str, Certificate], checkpoint: Path, tmp_path: Path, method: str
) -> None:
    """From the bytes alone, with transformers and P, without this package's data modules and trainers."""
    certificate = certificates[method]
    (tmp_path / "message").write_bytes(certificate.message)
    assert certificate.num_bits == 8 * (tmp_path / "message").stat().st_size
    message = decode((tmp_path / "message").read_bytes(), num_lambdas=NUM_LAYERS)
    assert (message.method, message.d, message.study_seed, message.replicate) == (method, 20, 3, 1)
    assert (message.rate, message.num_updates, message.projection) == (-1, 8 + 4, "fastfood")
    seeds = derived_seeds(
        study_seed=message.study_seed, series="toy-L2-H128", step=4000, task="toy-opinion", method=message.method,
        d=message.d, replicate=message.replicate,
    )  # fmt: skip
    model = load_classifier(str(checkpoint), num_labels=2, head_seed=seeds["head"])
    subspace = Subspace(model, d=20, method=message.method, seed=seeds["projection"]).eval()
    with torch.no_grad():
        subspace.theta_d.copy_(torch.tensor(message.theta_d.levels).double() * message.theta_d.step)
        if subspace.lambdas is not None and message.lambdas is not None:
            subspace.lambdas.copy_(1 + torch.tensor(message.lambdas.levels).double() * message.lambdas.step)
    assert bool(subspace.theta_d.any())
    whole, dev = toy_examples("toy-opinion", "train"), toy_examples("toy-opinion", "dev")
    subset = np.sort(keyed_permutation(seeds["subset"], "data.subset/toy-opinion/train", len(whole))[:200])
    held_out = np.sort(subset[keyed_permutation(0, "data.holdout", 200)[:20]])
    sample = np.setdiff1d(subset, held_out)
    dev_part = np.sort(keyed_permutation(seeds["subset"], "data.subset/toy-opinion/dev", len(dev))[:50])
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(str(checkpoint))

    def error(split: Examples, positions: np.ndarray) -> float:
        part = split.take(positions)
        batch = tokenizer(part.first, padding=True, truncation=True, max_length=32, return_tensors="pt")
        batch.pop("token_type_ids", None)
        with torch.no_grad():
            predicted = subspace(**batch).logits.argmax(-1).numpy()
        assert part.labels is not None
        return float(np.mean(predicted != part.labels))

    assert certificate.sample_error == error(whole, sample)
    assert certificate.held_out_error == error(whole, held_out)
    assert certificate.dev_error == error(dev, dev_part)
    assert whole.labels is not None
    share = np.mean(whole.labels[sample])
    assert certificate.majority_error == pytest.approx(min(share, 1 - share))
    counts = (certificate.num_examples, certificate.num_held_out, certificate.num_train_examples)
    assert counts == (180, 20, 180)


@pytest.mark.parametrize("method", METHODS)
def test_the_bounds_are_of_these_numbers(certificates: dict[str, Certificate], method: str) -> None:
    certificate = certificates[method]
    numbers = (certificate.sample_error, 8 * len(certificate.message), 180, 0.05)
    assert certificate.hoeffding_bound == hoeffding_bound(*numbers)
    assert certificate.kl_bound == kl_bound(*numbers)
    assert certificate.kl_bound >= certificate.sample_error
    assert certificate.is_non_vacuous == (certificate.kl_bound < certificate.majority_error)
    assert certificate.asymptotic_shape == pytest.approx((20 / 180) ** 0.5)
    assert certificate.train_score == 1 - certificate.unrounded_sample_error
    assert certificate.dev_score == 1 - certificate.unrounded_dev_error


def test_it_is_the_same_again(certificates: dict[str, Certificate], make_request: MakeRequest) -> None:
    again = certify(make_request("said"), Trainings())
    assert replace(again, seconds=0.0) == replace(certificates["said"], seconds=0.0)


def test_the_best_of_the_grids_is_kept(certificates: dict[str, Certificate], make_request: MakeRequest) -> None:
    trainings = Trainings()
    alone = [certify(make_request(relative_steps=(step,)), trainings) for step in (2.0, 1.0, 0.5)]
    best = min(alone, key=lambda certificate: certificate.kl_bound)
    assert replace(best, seconds=0.0) == replace(certificates["did"], seconds=0.0)
    assert len({certificate.message for certificate in alone}) == 3


def test_without_further_updates_the_training_itself_is_rounded(
    make_request: MakeRequest, trainings: Trainings
) -> None:
    certificate = certify(make_request(relative_steps=(0.01,), num_further_updates=0), trainings)
    assert decode(certificate.message, num_lambdas=NUM_LAYERS).num_updates == 8
    # so fine a grid changes next to nothing
    assert certificate.sample_error == pytest.approx(certificate.unrounded_sample_error, abs=0.02)


def test_random_labels_get_no_bound_below_chance(make_request: MakeRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_random_labels(task: Any, split_name: str, data_dir: Any = None) -> Examples:
        examples = load_examples(task, split_name, data_dir)
        draws = np.random.default_rng(len(examples))
        return Examples(examples.first, examples.second, draws.integers(0, 2, len(examples)), examples.index)

    monkeypatch.setattr("lit_idim.data.datamodule.load_examples", with_random_labels)
    trainings = Trainings()
    for replicate in range(3):
        request = make_request(
            "did", replicate=replicate, num_updates=30, relative_steps=(1.0,), num_further_updates=10,
            seeds=derived_seeds(
                study_seed=3, series="toy-L2-H128", step=4000, task="toy-opinion", method="did", d=20,
                replicate=replicate,
            ),
        )  # fmt: skip
        certificate = certify(request, trainings)
        assert certificate.sample_error < 0.5  # it has learnt by heart what it could
        assert 0.5 <= certificate.kl_bound <= certificate.hoeffding_bound
        assert not certificate.is_non_vacuous


def test_seeds_are_those_of_a_study() -> None:
    settings = StudySettings(tasks=("toy-opinion",), study_seed=7, training=TrainingSettings(num_updates=1))
    cell = PreparedCell(
        cell=Cell(series=load_series("toy-L2-H128"), step=4000, task="toy-opinion", method="said"),
        settings=settings, training=settings.training, location=None, D=1, m=1, chance=0.5, num_train_examples=1,
        num_dev_examples=1, checksums={},
    )  # type: ignore[arg-type]  # fmt: skip
    derived = derived_seeds(
        study_seed=7, series="toy-L2-H128", step=4000, task="toy-opinion", method="said", d=99, replicate=2
    )
    assert derived == cell.seeds(TrainingId(d=99, rate=1, replicate=2))


def test_a_message_of_another_generator_is_refused(
    certificates: dict[str, Certificate],
    make_request: MakeRequest,
    trainings: Trainings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    message = decode(certificates["did"].message, num_lambdas=NUM_LAYERS)
    monkeypatch.setattr(FastfoodProjection, "version", message.projection_version + 1)
    with pytest.raises(UserError, match="projection_version: the message was written with version"):
        rebuild(message, make_request("did"), trainings)


def test_a_message_of_another_model_is_refused(
    certificates: dict[str, Certificate], make_request: MakeRequest, trainings: Trainings
) -> None:
    message = decode(certificates["said"].message, num_lambdas=NUM_LAYERS)
    assert message.lambdas is not None
    moved = replace(
        message,
        theta_d=replace(message.theta_d, levels=message.theta_d.levels[:-1]),
        lambdas=replace(message.lambdas, levels=(*message.lambdas.levels, 0)),
    )
    assert len(encode(moved))
    with pytest.raises(UserError, match="num_lambdas"):
        rebuild(moved, make_request("said"), trainings)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"task": "stsb"}, "task: .* is a regression"),
        ({"method": "full", "d": None, "projection": None}, "method: expected one of did, said"),
        ({"stop_after": 3}, "stop_after"),
        ({"score": "best_epoch"}, "training.score has no effect"),
        ({"relative_steps": ()}, "relative_steps"),
        ({"relative_steps": (0.0,)}, "relative_steps"),
        ({"num_further_updates": -1}, "num_further_updates"),
        ({"further_rate": 0.0}, "further_rate"),
        ({"delta": 0.0}, "delta"),
        ({"seeds": dict.fromkeys(("projection", "head", "order", "dropout", "subset"), 1)}, "seeds: expected those"),
    ],
)
def test_what_cannot_be_certified_is_named(make_request: MakeRequest, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UserError, match=named):
        make_request(**changes)


def test_a_training_that_diverges_is_named(make_request: MakeRequest, trainings: Trainings) -> None:
    with pytest.raises(UserError, match=r"the did training at rate 1e\+30 diverged at update"):
        certify(make_request(learning_rate=1e30), trainings)


def module(checkpoint: Path, **changes: Any) -> HeldOutDataModule:
    given: dict[str, Any] = {
        "holdout_fraction": 0.25, "holdout_seed": 4, "task": "toy-opinion", "tokenizer": str(checkpoint),
        "max_length": 32, "max_train_examples": 40, "subset_seed": 2,
    }  # fmt: skip
    return HeldOutDataModule(**(given | changes))


def test_sample_and_held_out_part_make_up_the_train_split(checkpoint: Path) -> None:
    data = module(checkpoint)
    plain = GLUEDataModule(
        task="toy-opinion", tokenizer=str(checkpoint), max_length=32, max_train_examples=40, subset_seed=2
    )
    parts = [data.dataset(name)[range(len(data.dataset(name)))]["index"].tolist() for name in ("train", HELD_OUT)]
    assert list(map(len, parts)) == [30, 10]
    assert sorted(parts[0] + parts[1]) == plain.dataset("train")[range(40)]["index"].tolist()
    assert data.num_train_examples == 30
    assert len({data.checksums["train"], data.checksums[HELD_OUT], plain.checksums["train"]}) == 3
    assert class_labels(data, HELD_OUT).shape == (10,)
    dev = data.dataset("dev")[range(5)]["input_ids"]
    assert torch.equal(dev, plain.dataset("dev")[range(5)]["input_ids"])


def test_phrases_are_held_out_by_sentence(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "SST-2").mkdir()
    sentences = [f"w{number} good film number{number}" for number in range(10)]
    phrases = [text for sentence in sentences for text in (sentence, sentence.split(" ", 1)[1], "good film")]
    for split in ("train", "dev"):
        lines = ["sentence\tlabel", *(f"{text}\t{place % 2}" for place, text in enumerate(phrases))]
        (tmp_path / "SST-2" / f"{split}.tsv").write_text("\n".join([*lines, ""]))
    data = module(checkpoint, task="sst2", data_dir=str(tmp_path), holdout_fraction=0.2, max_train_examples=None)
    # Each drawn sentence goes with what is a part of it alone; "good film" is a part of all.
    assert (len(data.dataset("train")), len(data.dataset(SAMPLE)), len(data.holdout.held_out)) == (26, 8, 4)
    assert len(data.dataset(HELD_OUT)) == 2 and class_labels(data, SAMPLE).shape == (8,)
    with pytest.raises(UserError, match="max_train_examples: train examples of sst2 are phrases of one another"):
        module(checkpoint, task="sst2", data_dir=str(tmp_path), max_train_examples=20)
