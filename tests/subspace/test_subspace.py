import copy
from itertools import pairwise
from typing import Any

import pytest
import torch
from architectures import CONFIGS, batch_for, moved, tiny_batch, tiny_model
from torch.func import functional_call

from lit_idim.projections import PROJECTIONS
from lit_idim.subspace import SUBSPACE_METHODS, Subspace

each_architecture = pytest.mark.parametrize("name", CONFIGS)
each_method = pytest.mark.parametrize("method", SUBSPACE_METHODS)


@each_architecture
@each_method
def test_start_is_the_model_bit_for_bit(name: str, method: Any) -> None:
    model = tiny_model(name)
    for enabled in (True, False):  # attention has other kernels where no gradient is asked for
        with torch.set_grad_enabled(enabled):
            expected = model(**batch_for(name)).logits
            subspace = Subspace(copy.deepcopy(model), d=24, method=method)
            assert torch.equal(subspace(**batch_for(name)).logits, expected)


@each_architecture
@each_method
def test_logits_and_gradients_agree_with_an_explicit_dense_projection(name: str, method: Any) -> None:
    """In float64, theta built by hand from to_dense() and passed to every name of every tied group."""
    model = tiny_model(name).double()
    subspace = moved(Subspace(copy.deepcopy(model), d=24, method=method, seed=4))
    theta_d = subspace.theta_d.detach().clone().requires_grad_()
    scales = torch.ones(subspace.layout.m, dtype=torch.float64)
    if subspace.lambdas is not None:
        scales = subspace.lambdas.detach().clone().requires_grad_()
    moves = subspace.projection.to_dense() @ theta_d
    weights = {}
    for scale, layer in zip(scales, subspace.layout.layers, strict=True):
        for parameter in layer.parameters:
            move = scale * moves[parameter.start : parameter.stop].view(parameter.shape)
            for alias in parameter.aliases:
                weights[alias] = model.get_parameter(alias).detach() + move
    expected = functional_call(model, weights, kwargs=batch_for(name), tie_weights=False).logits
    logits = subspace(**batch_for(name)).logits
    torch.testing.assert_close(logits, expected)

    cotangent = torch.tensor([1.0, -0.3], dtype=torch.float64)
    (expected * cotangent).sum().backward()
    (logits * cotangent).sum().backward()
    assert theta_d.grad is not None and theta_d.grad.abs().max() > 0
    torch.testing.assert_close(subspace.theta_d.grad, theta_d.grad)
    if subspace.lambdas is not None:
        assert scales.grad is not None and scales.grad.abs().min() > 0
        torch.testing.assert_close(subspace.lambdas.grad, scales.grad)


@each_method
def test_numerical_derivatives(method: Any) -> None:
    subspace = moved(Subspace(tiny_model("albert").double(), d=8, method=method))
    trained = [parameter for parameter in (subspace.theta_d, subspace.lambdas) if parameter is not None]

    def logits(*values: torch.Tensor) -> torch.Tensor:
        weights = subspace._weights
        assert weights is not None
        return functional_call(  # type: ignore[no-any-return]
            subspace.model, weights(values[0], values[1] if len(values) > 1 else None), kwargs=tiny_batch(batch=1),
            tie_weights=False,
        ).logits  # fmt: skip

    subspace(**tiny_batch(batch=1))

    def analytic() -> list[torch.Tensor]:
        return list(torch.autograd.grad(logits(*trained)[0, 0], trained))

    gradients = analytic()
    step = 1e-6
    for parameter, gradient in zip(trained, gradients, strict=True):
        for i in range(len(parameter)):
            values = []
            for sign in (1, -1):
                shifted = [value.detach().clone() for value in trained]
                position = next(k for k, value in enumerate(trained) if value is parameter)
                shifted[position][i] += sign * step
                values.append(logits(*shifted)[0, 0].item())
            assert abs((values[0] - values[1]) / (2 * step) - gradient[i].item()) < 1e-6 * max(
                1, abs(gradient[i].item())
            )


@each_architecture
def test_exactly_d_numbers_require_gradients(name: str) -> None:
    for method in SUBSPACE_METHODS:
        subspace = Subspace(tiny_model(name), d=30, method=method)
        assert sum(p.numel() for p in subspace.parameters() if p.requires_grad) == 30
        subspace(**batch_for(name)).logits.sum().backward()
        assert all(parameter.grad is None for parameter in subspace.model.parameters())


@pytest.mark.parametrize("projection", PROJECTIONS)
def test_every_projection_moves_the_model(projection: str) -> None:
    model = tiny_model("roberta")
    start = model(**tiny_batch()).logits
    subspace = moved(Subspace(model, d=200, projection=projection))
    assert not torch.allclose(subspace(**tiny_batch()).logits, start)


def test_tied_weights_move_together() -> None:
    subspace = moved(Subspace(tiny_model("t5"), d=20))
    weights = subspace.weights()
    shared = weights["transformer.shared.weight"]
    for alias in ("transformer.encoder.embed_tokens.weight", "transformer.decoder.embed_tokens.weight"):
        assert weights.get(alias, shared) is shared
    assert not torch.equal(shared, subspace.model.transformer.shared.weight)


def test_a_module_that_goes_by_two_names_is_left_as_it_was() -> None:
    separate, common = tiny_model("t5"), tiny_model("t5")
    common.transformer.encoder.embed_tokens = common.transformer.decoder.embed_tokens = common.transformer.shared
    logits = []
    for model in (separate, common):
        subspace = moved(Subspace(model, d=40))
        table = model.transformer.shared.weight
        logits.append(subspace(**batch_for("t5")).logits)
        assert model.transformer.shared.weight is table and model.transformer.encoder.embed_tokens.weight is table
    assert torch.equal(logits[0], logits[1])


@each_method
def test_dropout_is_that_of_the_model(method: Any) -> None:
    model = tiny_model("roberta").train()
    torch.manual_seed(3)
    expected = model(**tiny_batch()).logits
    subspace = Subspace(model, d=24, method=method).train()
    torch.manual_seed(3)
    logits = subspace(**tiny_batch()).logits
    assert torch.equal(logits, expected)
    assert not torch.equal(subspace(**tiny_batch()).logits, logits)
    subspace.eval()
    assert torch.equal(subspace(**tiny_batch()).logits, subspace(**tiny_batch()).logits)


@each_method
def test_bfloat16_autocast_keeps_the_trained_numbers_in_float32(method: Any) -> None:
    model = tiny_model("roberta")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = model(**tiny_batch()).logits
    reference = Subspace(copy.deepcopy(model), d=40, method=method, projection="dense")
    subspace = Subspace(model, d=40, method=method, projection="dense")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = subspace(**tiny_batch()).logits
        assert torch.equal(logits, expected)
        logits.float().sum().backward()
    assert subspace.theta_d.grad is not None and subspace.theta_d.grad.dtype == torch.float32
    reference(**tiny_batch()).logits.sum().backward()
    assert torch.nn.functional.cosine_similarity(subspace.theta_d.grad, reference.theta_d.grad, dim=0) > 0.99


def test_theta_0_keeps_its_dtype_and_the_sum_is_rounded_once() -> None:
    model = tiny_model("roberta").to(torch.bfloat16)
    subspace = moved(Subspace(copy.deepcopy(model), d=40, method="did"))
    assert subspace.theta_d.dtype == torch.float32
    moves = subspace.projection.matvec(subspace.theta_d.detach())
    for parameter in subspace.layout.parameters:
        weight = subspace.weights()[parameter.name]
        exact = model.get_parameter(parameter.name).float() + moves[parameter.start : parameter.stop].view(
            parameter.shape
        )
        assert weight.dtype == torch.bfloat16
        torch.testing.assert_close(weight, exact.to(torch.bfloat16), rtol=2**-8, atol=0)
    subspace(**tiny_batch()).logits.float().sum().backward()
    assert subspace.theta_d.grad is not None and subspace.theta_d.grad.dtype == torch.float32


def test_gradients_are_projected_layer_by_layer_as_the_backward_pass_goes() -> None:
    subspace = moved(Subspace(tiny_model("bert"), d=24))
    largest = max(layer.stop - layer.start for layer in subspace.layout.layers)
    events: list[str] = []
    adjoint = subspace.projection.adjoint

    def recorded(pieces: Any, *, like: torch.Tensor) -> torch.Tensor:
        pieces = list(pieces)
        assert sum(piece.numel() for _, piece in pieces) <= largest
        events.append(next(layer.name for layer in subspace.layout.layers if layer.start == pieces[0][0]))
        return adjoint(pieces, like=like)

    subspace.projection.adjoint = recorded  # type: ignore[method-assign]
    for i, block in enumerate(subspace.model.bert.encoder.layer):
        block.register_full_backward_hook(lambda *_, i=i: events.append(f"backward {i}"))
    subspace(**tiny_batch()).logits.sum().backward()
    assert events == [
        "head", "bert.encoder.2", "backward 2", "bert.encoder.1", "backward 1", "bert.encoder.0", "backward 0",
        "embeddings",
    ]  # fmt: skip


def test_the_weights_follow_every_way_of_changing_theta_d() -> None:
    subspace = Subspace(tiny_model("bert"), d=24, method="did").eval()
    seen = [subspace(**tiny_batch()).logits.detach()]
    with torch.no_grad():
        subspace.theta_d.add_(0.3)
        seen.append(subspace(**tiny_batch()).logits)
        subspace.theta_d.data[0] = 2.0  # leaves no trace in the version counter
        seen.append(subspace(**tiny_batch()).logits)
        subspace.model.bert.embeddings.word_embeddings.weight.mul_(1.5)
        seen.append(subspace(**tiny_batch()).logits)
    for first, second in pairwise(seen):
        assert not torch.equal(first, second)


def test_copies_and_conversions_have_weights_of_their_own() -> None:
    subspace = moved(Subspace(tiny_model("bert"), d=24)).eval()
    expected = subspace(**tiny_batch()).logits.detach()
    clone = copy.deepcopy(subspace)
    with torch.no_grad():
        clone.theta_d.zero_()
        clone.model.classifier.weight.zero_()
    assert torch.equal(clone(**tiny_batch()).logits, clone.model.classifier.bias.expand(3, 2))
    assert torch.equal(subspace(**tiny_batch()).logits, expected)
    torch.testing.assert_close(copy.deepcopy(subspace).double()(**tiny_batch()).logits.float(), expected)


def test_a_replaced_module_is_noticed() -> None:
    model = tiny_model("roberta")
    subspace = moved(Subspace(model, d=24))
    expected = subspace(**batch_for("roberta")).logits
    model.classifier = copy.deepcopy(model.classifier)
    assert torch.equal(subspace.eval()(**batch_for("roberta")).logits, expected)
    subspace.model = copy.deepcopy(model)
    assert torch.equal(subspace(**batch_for("roberta")).logits, expected)


def test_training_follows_evaluation_in_inference_mode() -> None:
    subspace, other = (moved(Subspace(tiny_model("bert"), d=24)) for _ in range(2))
    with torch.inference_mode():
        subspace(**tiny_batch())
    for each in (subspace, other):
        each.eval()(**tiny_batch()).logits.sum().backward()
    assert torch.equal(subspace.theta_d.grad, other.theta_d.grad)


def test_a_graph_from_before_an_update_is_refused() -> None:
    subspace = Subspace(tiny_model("bert"), d=24)
    stale = subspace(**tiny_batch()).logits.sum()
    with torch.no_grad():
        subspace.theta_d.add_(1.0)
    subspace(**tiny_batch())
    with pytest.raises(RuntimeError, match="written anew between this forward pass and its backward pass"):
        stale.backward()


def test_two_forward_passes_before_one_backward_pass_add_up() -> None:
    subspace = moved(Subspace(tiny_model("bert"), d=24)).eval()
    first, second = tiny_batch(seed=1), tiny_batch(seed=2)
    (subspace(**first).logits.sum() + subspace(**second).logits.sum()).backward()
    assert subspace.theta_d.grad is not None
    together = subspace.theta_d.grad.clone()
    subspace.zero_grad()
    for batch in (first, second):
        subspace(**batch).logits.sum().backward()
    torch.testing.assert_close(together, subspace.theta_d.grad)


def test_a_diverged_subspace_gives_nan_and_no_error() -> None:
    subspace = Subspace(tiny_model("bert"), d=24)
    with torch.no_grad():
        subspace.theta_d[0] = float("nan")
    (subspace(**tiny_batch()).logits.sum() + subspace(**tiny_batch()).logits.sum()).backward()
    assert subspace.theta_d.grad is not None and subspace.theta_d.grad.isnan().any()
