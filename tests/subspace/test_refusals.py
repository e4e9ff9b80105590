"""What a subspace is refused for: wrong arguments, and models that it would train wrongly."""

import pytest
import torch
from architectures import tiny_batch, tiny_model

from lit_idim.errors import UserError
from lit_idim.subspace import Subspace


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_trained_numbers_below_float32_are_refused(dtype: torch.dtype) -> None:
    with pytest.raises(UserError, match=r"trained numbers must be float32.*bf16-mixed"):
        Subspace(tiny_model("bert"), d=24).to(dtype)(**tiny_batch())


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(UserError, match="d must exceed m = 5 for method 'said'.*d=5; choose d >= 6, or method 'did'"):
        Subspace(tiny_model("bert"), d=5)
    assert Subspace(tiny_model("bert"), d=6).theta_d.shape == (1,)
    with pytest.raises(UserError, match="d must not exceed D = 7690.*d=7691"):
        Subspace(tiny_model("bert"), d=7691, method="did")
    with pytest.raises(UserError, match="method must be one of did, said; got 'lora'"):
        Subspace(tiny_model("bert"), d=9, method="lora")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="projection must be one of fastfood"):
        Subspace(tiny_model("bert"), d=9, projection="circulant")


def test_a_model_on_several_devices_is_refused() -> None:
    """At once, and where a part is moved later."""
    subspace = Subspace(tiny_model("roberta"), d=24)
    subspace.model.classifier.to("meta")
    told = r"embeddings\.weight on cpu, classifier\.dense\.weight on meta; load it without device_map"
    with pytest.raises(UserError, match=told):
        subspace(**tiny_batch())
    model = tiny_model("roberta")
    model.classifier.to("meta")
    with pytest.raises(UserError, match=told):
        Subspace(model, d=24)


def test_gradient_checkpointing_is_refused() -> None:
    subspace = Subspace(tiny_model("bert"), d=24).train()
    subspace.model.gradient_checkpointing_enable()
    with pytest.raises(UserError, match="gradient checkpointing must be off"):
        subspace(**tiny_batch())
