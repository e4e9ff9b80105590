"""Which GPU a further process of a study has."""

import os

import pytest
import torch

from lit_idim.study.workers import _seeing, devices_of_workers


@pytest.mark.parametrize(
    ("visible", "count", "expected"),
    [
        (None, 0, [None, None, None]),
        (None, 1, ["0", "0", "0"]),
        (None, 2, ["1", "0", "1"]),
        ("3,5,7", 3, ["5", "7", "3"]),
        ("GPU-a, GPU-b", 2, ["GPU-b", "GPU-a", "GPU-b"]),
    ],
)
def test_gpus_are_dealt_out_in_turn(
    visible: str | None, count: int, expected: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert devices_of_workers(3) == expected


@pytest.mark.parametrize("before", [None, "0,1"])
def test_what_this_process_sees_stays(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if before is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", before)
    with _seeing("1"):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"
    with _seeing(None):
        assert os.environ.get("CUDA_VISIBLE_DEVICES") == before
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == before
