"""`lit-idim pretrain-fairseq2` where fairseq2 is missing."""

import sys

import pytest

from lit_idim.commands.main import main


def test_without_fairseq2_the_extra_and_the_make_target_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "fairseq2", None)
    config = "configs/pretrain_fairseq2/toy-L2-H64.yaml"
    monkeypatch.setattr(sys, "argv", ["lit-idim", "pretrain-fairseq2", "--config", config, "--out", "nowhere"])
    with pytest.raises(SystemExit) as ended:
        sys.exit(main())
    shown = capsys.readouterr().err
    assert ended.value.code == 2 and "lit-idim[fairseq2]" in shown and "make test-fairseq2" in shown


@pytest.mark.parametrize("value", ["abc", "", "0", "-1", "2.5", "²"])
def test_a_world_size_that_is_none_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", value)
    config = "configs/pretrain_fairseq2/toy-L2-H64.yaml"
    assert main(["pretrain-fairseq2", "--config", config, "--out", "nowhere"]) == 2
    assert f"WORLD_SIZE: expected a whole number from 1 on, got {value!r}" in capsys.readouterr().err
