from pathlib import Path

import lightning
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from lit_idim.certificate import Grid, QuantizationAwareTraining
from lit_idim.certificate.quantization import quantize, round_to_grid
from lit_idim.certificate.quantized_vector import LARGEST_LEVEL, nearest_step_exponent, step_size
from lit_idim.data import GLUEDataModule
from lit_idim.errors import UserError
from lit_idim.subspace import Subspace
from lit_idim.training import SubspaceClassifier
from lit_idim.training.segmented import SegmentedTraining

GRID = Grid(theta_d=-2, lambdas=-19)  # a step of which 1 is no multiple: the offset shows


@given(
    st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=30),
    st.integers(-20, 40),
    st.sampled_from([0.0, 1.0]),
)
def test_rounding_is_what_the_levels_say(numbers: list[float], exponent: int, offset: float) -> None:
    tensor = torch.tensor(numbers)
    assume(float((tensor.abs().max() + 1) / step_size(exponent)) < LARGEST_LEVEL)
    rounded = round_to_grid(tensor, step_exponent=exponent, offset=offset)
    vector = quantize(tensor, step_exponent=exponent, offset=offset)
    assert rounded.numpy().tobytes() == vector.values(offset).tobytes()
    assert bool(((rounded - tensor).abs() <= step_size(exponent) / 2 + 1e-5).all())
    assert quantize(rounded, step_exponent=exponent, offset=offset).levels == vector.levels


@given(st.floats(1e-20, 1e20))
def test_the_nearest_step(size: float) -> None:
    exponent = nearest_step_exponent(size)
    assert 2**-0.126 <= step_size(exponent) / size <= 2**0.126


def test_steps_are_fourth_roots() -> None:
    for exponent in range(-20, 20):
        assert step_size(exponent) ** 4 == pytest.approx(2.0**exponent, rel=1e-15)


def test_numbers_that_no_level_holds_are_refused() -> None:
    for numbers in ([1e9], [float("nan")], [float("inf")]):
        with pytest.raises(UserError, match="choose a larger step"):
            quantize(torch.tensor(numbers), step_exponent=0)


def classifier(checkpoint: Path, method: str = "said", **changes: object) -> SubspaceClassifier:
    made = SubspaceClassifier(
        model=str(checkpoint),
        task="toy-opinion",
        method=method,  # type: ignore[arg-type]
        d=30,
        learning_rate=0.5,
        lambda_learning_rate=0.1 if method == "said" else None,
        **changes,  # type: ignore[arg-type]
    )
    network = made.network
    assert isinstance(network, Subspace)
    with torch.no_grad():
        network.theta_d.copy_(torch.linspace(-3, 3, len(network.theta_d)))
        if network.lambdas is not None:
            network.lambdas.copy_(torch.linspace(0.9, 1.2, len(network.lambdas)))
    return made


@pytest.fixture
def data(checkpoint: Path) -> GLUEDataModule:
    return GLUEDataModule(
        task="toy-opinion", tokenizer=str(checkpoint), max_length=32, max_train_examples=160, max_dev_examples=60
    )


def numbers(module: SubspaceClassifier) -> dict[str, Tensor]:
    network = module.network
    assert isinstance(network, Subspace)
    return {name: parameter.detach().clone() for name, (parameter, _, _) in GRID.places(network).items()}


def on_grid(values: dict[str, Tensor]) -> bool:
    return all(
        torch.equal(values[name], round_to_grid(values[name], step_exponent=exponent, offset=offset))
        for name, exponent, offset in (("theta_d", GRID.theta_d, 0.0), ("lambdas", GRID.lambdas, 1.0))
        if name in values
    )


class Watch(lightning.Callback):
    """What the forward passes see."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Tensor]]] = []

    def on_train_batch_start(self, trainer, pl_module, *_) -> None:  # type: ignore[no-untyped-def]
        self.seen.append(("train", numbers(pl_module)))

    def on_validation_batch_start(self, trainer, pl_module, *_) -> None:  # type: ignore[no-untyped-def]
        self.seen.append(("dev", numbers(pl_module)))


@pytest.mark.parametrize("method", ["did", "said"])
def test_forward_validation_and_end_are_on_the_grid(checkpoint: Path, data: GLUEDataModule, method: str) -> None:
    module, watch, rounding = classifier(checkpoint, method), Watch(), QuantizationAwareTraining(GRID)
    training = SegmentedTraining(module, data, num_updates=6, precision="32-true", callbacks=[rounding, watch])
    predictions = training.advance(6)
    assert [kind for kind, _ in watch.seen] == ["train"] * 6 + ["dev"]
    assert all(on_grid(values) for _, values in watch.seen)
    end = numbers(module)
    assert on_grid(end) and not on_grid(rounding.latent)
    assert set(end) == ({"theta_d", "lambdas"} if method == "said" else {"theta_d"})
    assert all(torch.equal(end[name], value) for name, value in watch.seen[-1][1].items())
    before = numbers(classifier(checkpoint, method))
    assert all(not torch.equal(rounding.latent[name], before[name]) for name in before)
    # dev predictions are those of the rounded numbers
    fresh = classifier(checkpoint, method)
    network = fresh.network
    assert isinstance(network, Subspace)
    with torch.no_grad():
        for name, (parameter, _, _) in GRID.places(network).items():
            parameter.copy_(end[name])
    rows = data.dataset("dev")[range(data.num_dev_examples)]
    with torch.no_grad():
        assert np.array_equal(fresh.eval()(rows).argmax(-1).numpy(), predictions)


def test_one_update_is_the_straight_through_estimate(checkpoint: Path, data: GLUEDataModule) -> None:
    """SGD: w - rate * gradient at q(w), then rounded; two updates, so that the second starts from w, not from q(w)."""
    module = classifier(checkpoint, optimizer="sgd", warmup_fraction=0.0)
    rounding = QuantizationAwareTraining(GRID)
    training = SegmentedTraining(module, data, num_updates=4, precision="32-true", callbacks=[rounding])
    training.advance(2)

    manual = classifier(checkpoint)
    network = manual.network
    assert isinstance(network, Subspace)
    places = GRID.places(network)
    latent = numbers(manual)
    data.updates = range(2)
    for update, batch in enumerate(data.train_dataloader()):
        with torch.no_grad():
            for name, (parameter, offset, exponent) in places.items():
                parameter.copy_(round_to_grid(latent[name], step_exponent=exponent, offset=offset))
        loss = torch.nn.functional.cross_entropy(manual(batch), batch["labels"])  # the toy model has no dropout
        gradients = torch.autograd.grad(loss, [parameter for parameter, _, _ in places.values()])
        for (name, rate), gradient in zip({"theta_d": 0.5, "lambdas": 0.1}.items(), gradients, strict=True):
            latent[name] -= rate * (1 - update / 4) * gradient
    start, end = numbers(classifier(checkpoint)), numbers(module)
    for name, (_, offset, exponent) in places.items():
        assert torch.allclose(rounding.latent[name], latent[name], atol=1e-6)
        assert not torch.allclose(latent[name], start[name], atol=1e-6)
        assert torch.equal(end[name], round_to_grid(rounding.latent[name], step_exponent=exponent, offset=offset))


def test_segments_leave_no_trace(checkpoint: Path, data: GLUEDataModule) -> None:
    ends = []
    for stops in ((6,), (2, 5, 6)):
        module, rounding = classifier(checkpoint), QuantizationAwareTraining(GRID)
        training = SegmentedTraining(module, data, num_updates=6, precision="32-true", callbacks=[rounding])
        for stop in stops:
            training.advance(stop)
        ends.append((rounding.latent, numbers(module)))
    for first, second in zip(*ends, strict=True):
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_grid_follows_the_trained_numbers(checkpoint: Path) -> None:
    network = classifier(checkpoint).network
    assert isinstance(network, Subspace)
    grid = Grid.relative(network, 0.5)
    spread = float(network.theta_d.detach().square().mean().sqrt())
    assert step_size(grid.theta_d) == pytest.approx(0.5 * spread, rel=0.1)
    shift = float((network.lambdas.detach() - 1).square().mean().sqrt())
    assert step_size(grid.lambdas) == pytest.approx(0.5 * shift, rel=0.1)
    assert {name: offset for name, (_, offset, _) in grid.places(network).items()} == {"theta_d": 0.0, "lambdas": 1.0}
    assert Grid.relative(network, 1.0) == Grid(theta_d=grid.theta_d + 4, lambdas=grid.lambdas + 4)


def test_a_full_training_has_nothing_to_round(checkpoint: Path, data: GLUEDataModule) -> None:
    module = SubspaceClassifier(model=str(checkpoint), task="toy-opinion", method="full")
    training = SegmentedTraining(
        module, data, num_updates=2, precision="32-true", callbacks=[QuantizationAwareTraining(GRID)]
    )
    with pytest.raises(UserError, match="needs a subspace"):
        training.advance(2)
