"""What a subspace is saved as, and that it comes back as it was."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from architectures import batch_for, moved, tiny_batch, tiny_model

from lit_idim.errors import UserError
from lit_idim.subspace import SUBSPACE_METHODS, Subspace

each_method = pytest.mark.parametrize("method", SUBSPACE_METHODS)


@each_method
def test_state_is_small_and_restores_exactly(method: Any) -> None:
    subspace = moved(Subspace(tiny_model("t5"), d=40, method=method, seed=9))
    saved = io.BytesIO()
    torch.save(subspace.state_dict(), saved)
    assert saved.tell() < 12_000
    saved.seek(0)
    restored = Subspace(tiny_model("t5"), d=40, method=method, seed=9)
    restored.load_state_dict(torch.load(saved, weights_only=True))
    assert torch.equal(restored(**batch_for("t5")).logits, subspace(**batch_for("t5")).logits)
    with pytest.raises(RuntimeError, match="theta_d"):
        restored.load_state_dict({key: value for key, value in subspace.state_dict().items() if key != "theta_d"})


@pytest.mark.parametrize(
    ("changed", "named"),
    [({"seed": 1}, "projection_seed: saved 0, here 1"), ({"projection": "onehot"}, "projection: saved fastfood"),
     ({"method": "did"}, "method: saved said, here did")],
)  # fmt: skip
def test_a_state_of_another_subspace_is_refused(changed: dict[str, Any], named: str) -> None:
    state = Subspace(tiny_model("bert"), d=24).state_dict()
    state["theta_d"] = torch.zeros(24 - (0 if changed.get("method") == "did" else 5))
    other = Subspace(tiny_model("bert"), **{"d": 24, **changed})
    with pytest.raises((UserError, RuntimeError), match=named):
        other.load_state_dict(state, strict=False)


def test_a_state_of_another_base_model_is_refused() -> None:
    state = Subspace(tiny_model("bert", seed=0), d=24).state_dict()
    with pytest.raises(UserError, match="theta_0_checksum"):
        Subspace(tiny_model("bert", seed=1), d=24).load_state_dict(state)


def test_a_refused_state_changes_nothing() -> None:
    subspace = moved(Subspace(tiny_model("bert"), d=24, seed=0))
    before = subspace.theta_d.detach().clone()
    with pytest.raises(UserError, match="projection_seed: saved 1, here 0"):
        subspace.load_state_dict(Subspace(tiny_model("bert"), d=24, seed=1).state_dict())
    assert torch.equal(subspace.theta_d, before)


def test_another_process_computes_the_same(tmp_path: Path) -> None:
    """Same weights, seeds and coordinates: the same logits, to rounding of the model's own products."""
    subspace = moved(Subspace(tiny_model("roberta"), d=40, seed=3))
    torch.save(subspace.state_dict(), tmp_path / "state.pt")
    program = (
        "import torch; from architectures import *; from lit_idim.subspace import Subspace;"
        "s = Subspace(tiny_model('roberta'), d=40, seed=3);"
        f"s.load_state_dict(torch.load({str(tmp_path / 'state.pt')!r}, weights_only=True));"
        "print(*s(**tiny_batch()).logits.flatten().tolist())"
    )
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    logits = torch.tensor([float(word) for word in out.stdout.split()])
    torch.testing.assert_close(logits, subspace(**tiny_batch()).logits.flatten(), rtol=1e-5, atol=1e-6)
