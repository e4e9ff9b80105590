"""A folder of fairseq's checkpoints as a user meets it: on the command line and in a study."""

import json

import torch
from transformers import RobertaForMaskedLM

from lit_idim.commands.checkpoints import run_checkpoints_verb
from lit_idim.commands.main import main
from lit_idim.series import load_series
from tests.study.tiny_study import read_table, run, write_config


def test_list(run_folder, capsys):
    run_checkpoints_verb(["list", str(run_folder), "--json"])
    assert json.loads(capsys.readouterr().out)[2] == {
        "step": 100,
        "tokens": 6400,
        "cached": True,
        "location": str(run_folder / "checkpoint_2_100.pt"),
    }


def test_verify(run_folder, capsys):
    assert main(["checkpoints", "verify", str(run_folder / "series.yaml"), "--offline"]) == 0
    assert capsys.readouterr().out.endswith("series 'own': 3 checkpoints are sound\n")
    (run_folder / "vocab.bpe").unlink()
    assert main(["checkpoints", "verify", str(run_folder)]) == 2
    assert "vocab.bpe is missing" in capsys.readouterr().out


def test_convert(run_folder, tmp_path):
    out = tmp_path / "out"
    run_checkpoints_verb(["convert", str(run_folder), "--out", str(out), "--steps", "20,100"])
    converted = load_series(out)
    assert converted.steps == (20, 100) and converted.tokens(100) == 6400
    state = torch.load(run_folder / "checkpoint_2_100.pt", weights_only=False)["model"]
    model = RobertaForMaskedLM.from_pretrained(out / "step-100")
    assert torch.equal(model.lm_head.decoder.weight, state["encoder.lm_head.weight"])
    run_checkpoints_verb(["verify", str(out)])


def test_a_study(run_folder, tmp_path):
    config = write_config(
        tmp_path, series=[str(run_folder / "series.yaml")], steps=[10, 100], out=str(tmp_path / "out")
    )
    finished = run("--config", config, cwd=tmp_path)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    rows = read_table(tmp_path / "out" / "d90.csv")
    assert {(row["model"], row["pretraining_step"]) for row in rows} == {("own", "10"), ("own", "100")}
