"""peft's subspaces as far as they are installed: Uni-LoRA trains d numbers, and what is missing is told."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lit_idim.cost.peft_peers import peft_peers
from lit_idim.cost.steps import VOCABULARY, random_batch


def peers(**changed: Any) -> Any:
    batch = random_batch(VOCABULARY["tiny"], batch_size=2, length=8)
    return peft_peers("tiny", batch, **{"d": 20, "device": "cpu", "dtype": "float32", **changed})


def test_without_peft_nothing_but_a_line_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    found = peers()
    assert not found.steps and not found.num_trained
    assert found.missing == ("peft is not installed: Uni-LoRA and VeRA are left out; pip install 'lit-idim[benchmark]'")


def test_a_peft_that_lacks_them_is_told_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", SimpleNamespace(__version__="0.1"))  # type: ignore[arg-type]
    found = peers()
    assert not found.steps
    assert found.missing == "peft 0.1 has no uni-lora, vera: left out"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_step_moves_the_trained_numbers_and_no_other(dtype: str) -> None:
    pytest.importorskip("peft", reason="needs the extra benchmark")
    found = peers(dtype=dtype)
    assert not found.missing
    # VeRA: a vector of its rank and one of the output's width for two matrices of each of two blocks
    assert found.num_trained == {"uni-lora": 20, "vera": 2 * 2 * (256 + 64)}
    for step in found.steps.values():
        before = {name: parameter.detach().clone() for name, parameter in step.model.named_parameters()}
        step()
        for name, parameter in step.model.named_parameters():
            assert torch.equal(parameter, before[name]) or parameter.requires_grad
        trained = [(name, parameter) for name, parameter in step.model.named_parameters() if parameter.requires_grad]
        assert any(not torch.equal(parameter, before[name]) for name, parameter in trained)
