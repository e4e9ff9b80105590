import json
from pathlib import Path

import pytest
import yaml

from lit_idim.commands.dashboard import run_dashboard_verb
from lit_idim.dashboard.reading import read_study
from lit_idim.dashboard.spec import dashboard_of
from lit_idim.errors import UserError
from lit_idim.study.size_table import write_size_trends
from lit_idim.study.size_trend import size_trends
from lit_idim.study.tables import write_d90

CONFIG = {
    "series": ["toy-L2-H128", "toy-L2-H64"],
    "steps": [1000, 4000],
    "tasks": ["toy-topic"],
    "methods": ["said"],
    "head_baseline": True,
    "training": {"num_updates": 10},
}


@pytest.fixture
def folder(tmp_path, make_row):
    """Outputs of a study that has ended, as a study writes them."""
    out = tmp_path / "curve"
    (out / "figures").mkdir(parents=True)
    (out / "config.yaml").write_text(yaml.safe_dump({**CONFIG, "out": str(out), "ledger": None}))
    rows = [
        make_row(model=model, pretraining_step=step, task="toy-topic", num_parameters=number)
        for model, number in (("toy-L2-H128", 500_000), ("toy-L2-H64", 100_000))
        for step in (1000, 4000)
    ]
    write_d90(out / "d90.csv", rows)
    write_size_trends(out / "trends.csv", size_trends(rows[1::2], {}))
    (out / "trials.csv").write_text("model\n")
    for name in ("d90_vs_pretraining_step.png", "d90_vs_pretraining_step.svg"):
        (out / "figures" / name).touch()
    return out


def test_a_study_is_described_from_its_folder(folder):
    study = read_study(folder)
    assert study.name == "curve" and len(study.cells) == 4 and study.target_fraction == 0.9
    assert study.models == ("toy-L2-H128", "toy-L2-H64") and {cell.method for cell in study.cells} == {"said"}
    assert study.tables == ("d90", "trends") and study.figures == ("d90_vs_pretraining_step",)
    assert "toy-L2-H128" in study.summary and len(study.size_trends) == 2
    assert study.size_trends[0].startswith("d90 on toy-topic said against D: no rank correlation")


def test_the_manifest_tells_the_name_and_the_target_the_variant(folder):
    (folder / "manifest.json").write_text('{"study": "pretrain_curve"}')
    config = {**CONFIG, "search": {"targets": ["final"]}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    study = read_study(folder, group="a")
    assert (study.name, study.group, study.variant) == ("pretrain_curve", "a", "d90_final_target")
    assert "its variant d90_final_target." in dashboard_of(study).texts_before[0].markdown
    (folder / "manifest.json").write_text('{"study": ')
    with pytest.raises(UserError, match=r"manifest.json is damaged"):
        read_study(folder)


def test_a_study_that_has_just_begun_has_a_dashboard(folder, capsys):
    for name in ("d90.csv", "trends.csv", "trials.csv"):
        (folder / name).unlink()
    run_dashboard_verb([str(folder), "--study", "another"])
    text = capsys.readouterr().out
    assert text.startswith("d90 of another: runs of study 'another', job type 'study'\n") and "tables/d90" in text
    assert "score_against_d/toy-L2-H64/step-1000/toy-topic/said" in text


def test_nothing_is_written_or_sent_unless_asked(folder, capsys, monkeypatch):
    monkeypatch.setattr("lit_idim.commands.dashboard.push", None)
    before = sorted(folder.rglob("*"))
    run_dashboard_verb([str(folder)])
    assert sorted(folder.rglob("*")) == before
    assert "figures/d90_vs_pretraining_step" in capsys.readouterr().out


def test_the_output_is_what_the_server_would_be_sent(folder, tmp_path, capsys):
    pytest.importorskip("wandb_workspaces")
    file = tmp_path / "dashboard.json"
    run_dashboard_verb([str(folder), "--output", str(file), "--entity", "me", "--project", "mine"])
    sent = json.loads(file.read_text())
    assert (sent["entity"], sent["project"]) == ("me", "mine")
    assert sent["workspace"]["display_name"] == sent["report"]["display_name"] == "d90 of curve"
    with pytest.raises(UserError, match="--output: .* cannot be written"):
        run_dashboard_verb([str(folder), "--output", str(tmp_path / "none" / "file.json")])


def test_push_prints_where_the_dashboard_is(folder, capsys, monkeypatch):
    asked = {}

    def saved(dashboard, **where):
        from lit_idim.dashboard.push import Pushed

        asked.update(where, title=dashboard.title)
        return Pushed(workspace="http://w", report="http://r")

    monkeypatch.setattr("lit_idim.commands.dashboard.push", saved)
    monkeypatch.setenv("WANDB_ENTITY", "team")
    run_dashboard_verb([str(folder), "--push"])
    assert asked == {"entity": "team", "project": "lit_idim", "title": "d90 of curve"}
    assert capsys.readouterr().out == "workspace: http://w\nreport: http://r\n"


def test_what_is_no_study_is_an_error(folder, tmp_path):
    with pytest.raises(UserError, match=r"holds no config.yaml"):
        run_dashboard_verb([str(tmp_path)])
    with pytest.raises(UserError, match="see lit-idim dashboard --help"):
        run_dashboard_verb([str(folder), "--pull"])
    Path(folder / "trends.csv").write_text("x,task\nnum_parameters,toy-topic\n")
    with pytest.raises(UserError, match=r"trends.csv is damaged"):
        run_dashboard_verb([str(folder)])
