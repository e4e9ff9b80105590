"""`lit-idim export` and `lit-idim predict --adapter`, on what `lit-idim fit` leaves."""

import csv
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from lit_idim.commands.main import main
from lit_idim.subspace.adapter import read_adapter
from lit_idim.toy import toy_examples

MODEL = "checkpoints/toy-L1-H64/step-4000"
DATA = ["--data.max_length", "32", "--data.max_dev_examples", "50", "--trainer.accelerator", "cpu"]
CHECKPOINT = "outputs/fit/version_0/checkpoints/last.ckpt"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def fit(method: str, task: str = "toy-opinion") -> None:
    d = ["--model.d", "60", "--model.learning_rate", "0.5"] if method != "full" else []
    words = ["--model.model", MODEL, "--model.task", task, "--model.method", method, *d, *DATA]
    few = ["--data.max_train_examples", "64", "--trainer.max_epochs", "1", "--trainer.enable_progress_bar", "false"]
    assert main(["fit", *words, *few]) == 0


def read(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


@pytest.mark.parametrize("method", ["did", "said"])
def test_export_then_predict_what_the_checkpoint_predicts(method: str, capsys: pytest.CaptureFixture[str]) -> None:
    fit(method)
    assert main(["export", "--ckpt_path", CHECKPOINT, "--output", "a.safetensors"]) == 0
    assert "60 trained numbers" in capsys.readouterr().out
    assert read_adapter(Path("a.safetensors")).base.max_length == 32  # of the training
    split = ["--data.predict_split", "dev", "--output", "out", "--trainer.enable_progress_bar", "false"]
    assert main(["predict", "--ckpt_path", CHECKPOINT, *DATA, *split]) == 0
    by_checkpoint = {int(row["index"]): row["prediction"] for row in read("out/toy-opinion-dev.tsv")}
    texts = toy_examples("toy-opinion", "dev").first
    Path("lines.txt").write_text("\n".join(texts) + "\n")
    assert main(["predict", "--adapter", "a.safetensors", "--text", "lines.txt", "--output", "lines.tsv"]) == 0
    rows = read("lines.tsv")
    assert len(rows) == len(texts) and len(by_checkpoint) == 50
    assert {number: rows[number]["prediction"] for number in by_checkpoint} == by_checkpoint
    assert all(float(row["p(0)"]) + float(row["p(1)"]) == pytest.approx(1, abs=1e-5) for row in rows)

    assert main(["export", "--ckpt_path", CHECKPOINT, "--output", "merged", "--merged"]) == 0
    model = AutoModelForSequenceClassification.from_pretrained("merged").eval()
    batch = AutoTokenizer.from_pretrained("merged")(texts[:8], return_tensors="pt", padding=True)
    with torch.no_grad():
        found = model(**batch).logits.softmax(-1)[:, 1]
    torch.testing.assert_close(found, torch.tensor([float(row["p(1)"]) for row in rows[:8]]), atol=1e-5, rtol=0)
    assert model.config.id2label == {0: "0", 1: "1"}


def test_pairs_from_a_tsv_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    fit("said", "toy-mrpc")
    assert main(["export", "--ckpt_path", CHECKPOINT, "--output", "a.safetensors"]) == 0
    capsys.readouterr()
    Path("pairs.tsv").write_text('one\tother\tid\nthe manvo was "so\tthe kavo is so\t1\na b\tc d\t2\n')
    assert main(["predict", "--adapter=a.safetensors", "--tsv", "pairs.tsv", "--columns", "one,other"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split("\t") == ["index", "prediction", "p(0)", "p(1)"] and len(shown) == 3
    Path("line.txt").write_text("a b\n")
    assert main(["predict", "--adapter=a.safetensors", "--text", "line.txt"]) == 2
    assert "the adapter was trained on pairs of texts" in capsys.readouterr().err


def test_full_fine_tuning_can_only_be_merged(capsys: pytest.CaptureFixture[str]) -> None:
    fit("full")
    assert main(["export", "--ckpt_path", CHECKPOINT, "--output", "a.safetensors"]) == 2
    assert "method 'full', which has no subspace; pass --merged" in capsys.readouterr().err
    assert main(["export", "--ckpt_path", CHECKPOINT, "--output", "merged", "--merged"]) == 0
    assert AutoModelForSequenceClassification.from_pretrained("merged").num_labels == 2
    assert main(["export", "--ckpt_path", CHECKPOINT, "--output", "merged", "--merged"]) == 2
    assert "merged exists and is not an empty folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["export", "--output", "x"], "--ckpt_path"),
        (["export", "--ckpt_path", "lines.txt", "--output", "x"], "lines.txt is not a checkpoint"),
        (["predict", "--adapter", "none.safetensors", "--text", "lines.txt"], "adapter: none.safetensors is no file"),
        (["predict", "--adapter", "lines.txt", "--text", "lines.txt"], "truncated or no safetensors file"),
        (["predict", "--adapter", "x"], "one of the arguments --text --tsv is required"),
        (["predict", "--adapter", "x", "--text", "none.txt"], "none.txt cannot be read"),
        (["predict", "--adapter", "x", "--text", "lines.txt", "--columns", "a"], "leave out --columns"),
        (["predict", "--adapter", "x", "--tsv", "lines.txt", "--columns", "a"], "columns: expected one or two of some"),
    ],
)
def test_bad_input_is_told_in_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("lines.txt").write_text("some text\n")
    assert main(words) == 2
    assert message in capsys.readouterr().err
