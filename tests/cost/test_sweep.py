import pytest
import torch

from lit_idim.cost import sweep as sweep_module
from lit_idim.cost.steps import VOCABULARY, random_batch, step_for_cost
from lit_idim.cost.sweep import left_out, sweep
from lit_idim.figures.projection_cost import projection_cost_figure


def test_each_pass_of_each_projection_and_the_copy_have_a_row() -> None:
    rows = sweep(["fastfood", "onehot"], [4, 600], [500, 1000], device="cpu", dtype=torch.float32, repeats=1)
    found = [(row["projection"], row["pass"], row["d"], row["D"]) for row in rows]
    expected = [("copy", "forward", 0, D) for D in (500, 1000)]
    for D, ds in ((500, [4]), (1000, [4, 600])):
        expected += [
            (name, which, d, D) for d in ds for name in ("fastfood", "onehot") for which in ("forward", "backward")
        ]
    assert sorted(found) == sorted(expected)
    for row in rows:
        assert row["seconds"] > 0 and row["least_bytes"] == row["D"] * (4 if row["pass"] == "backward" else 8)
    figure = projection_cost_figure(rows, title="made up")
    assert [axes.get_title() for axes in figure.axes] == ["forward pass", "backward pass"]
    assert {line.get_label() for line in figure.axes[0].lines} >= {"fastfood, d = 600", "memory, at copy speed"}


def test_what_is_too_large_for_dense_has_rows_that_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sweep_module.LARGEST_DENSE, "cpu", 3000)
    rows = sweep(["dense"], [4, 6], [500, 1000], device="cpu", dtype=torch.float32, repeats=1)
    reasons = {(row["d"], row["D"]): row["left_out"] for row in rows if row["projection"] == "dense"}
    assert reasons == {(4, 500): "", (6, 500): "", (4, 1000): "D d > 3000", (6, 1000): "D d > 3000"}
    assert all((row["seconds"] is None) == bool(row["left_out"]) for row in rows)
    assert left_out(rows) == "not measured: dense where D d > 3000 (d = 4, D = 1000; d = 6, D = 1000)"
    figure = projection_cost_figure(rows, title="made up")
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [1, 1, 1]


@pytest.mark.parametrize("method", ["full", "did", "said"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_step_trains_what_it_is_said_to(method: str, dtype: str) -> None:
    batch = random_batch(VOCABULARY["tiny"], batch_size=2, length=8)
    step = step_for_cost(method, "tiny", batch, d=20, dtype=dtype)
    trained = [parameter for parameter in step.model.parameters() if parameter.requires_grad]
    before = [parameter.detach().clone() for parameter in trained]
    step()
    assert all(parameter.dtype == torch.float32 for parameter in trained)
    assert any(not torch.equal(parameter, old) for parameter, old in zip(trained, before, strict=True))
    if method != "full":
        assert sum(parameter.numel() for parameter in trained) == 20
        assert step.model.model.classifier.dense.weight.dtype == getattr(torch, dtype)
