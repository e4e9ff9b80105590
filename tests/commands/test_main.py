import csv
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from transformers import RobertaConfig, RobertaModel

from lit_idim.commands.main import VERBS, main
from lit_idim.commands.training import with_checkpoint_settings
from lit_idim.resources import resource_path
from lit_idim.toy import build_toy_tokenizer
from lit_idim.training.classifier import DATA_KEY

TOY = ["--model.task", "toy-sst2", "--data.max_length", "32", "--trainer.accelerator", "cpu"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    tokenizer = build_toy_tokenizer()
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=34, type_vocab_size=1,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        RobertaModel(config, add_pooling_layer=False).save_pretrained(tmp_path / "encoder")
    tokenizer.save_pretrained(tmp_path / "encoder")
    return "encoder"


def run(*words: str) -> int:
    return main([*words, "--trainer.enable_progress_bar", "false"])


def fit(encoder: str, method: str) -> str:
    """Runs a short training; returns the checkpoint that it leaves."""
    options = ["--model.model", encoder, *TOY, "--data.max_train_examples", "96", "--data.max_dev_examples", "60"]
    d = [] if method == "full" else ["--model.d", "40"]
    assert run("fit", *options, "--model.method", method, *d, "--trainer.max_epochs", "1") == 0
    return "outputs/fit/version_0/checkpoints/last.ckpt"


@pytest.mark.parametrize("method", ["full", "did", "said"])
def test_fit_then_validate_test_and_predict(encoder: str, method: str, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = fit(encoder, method)
    shown = capsys.readouterr().out
    assert "embeddings" in shown and "m = 3" in shown and f"checkpoint: {checkpoint}" in shown
    assert f"method {method}" in shown
    fitted = next(line for line in shown.splitlines() if "dev_score" in line)
    assert "checkpoint" not in fitted

    # the checkpoint tells model, task, method and length; only how many examples is said again
    data = ["--data.max_dev_examples", "60", "--trainer.accelerator", "cpu"]
    assert run("validate", "--ckpt_path", checkpoint, *data) == 0
    validated = next(line for line in capsys.readouterr().out.splitlines() if "dev_score" in line)
    assert validated == fitted[fitted.index("dev_loss") :]
    assert run("test", "--ckpt_path", checkpoint, *data, "--data.test_split", "test") == 0
    assert "test_score" in capsys.readouterr().out
    predict = ["--ckpt_path", checkpoint, *data, "--data.predict_split", "dev", "--format", "glue", "--output", "out"]
    assert run("predict", *predict) == 0
    with Path("out/toy-sst2-dev.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    positions = [int(row["index"]) for row in rows]
    assert positions == sorted(set(positions)) and len(positions) == 60
    assert {row["prediction"] for row in rows} <= {"0", "1"}


def test_the_score_is_that_after_the_last_update(encoder: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--model.model", encoder, *TOY, "--data.max_train_examples", "160", "--data.max_dev_examples", "60"]
    train = ["--model.method", "did", "--model.d", "40", "--model.learning_rate", "3.0"]
    assert run("fit", *options, *train, "--trainer.max_epochs", "5", "--trainer.max_steps", "8") == 0
    fitted = next(line for line in capsys.readouterr().out.splitlines() if "dev_score" in line)
    data = ["--data.max_dev_examples", "60", "--trainer.accelerator", "cpu"]
    assert run("validate", "--ckpt_path", "outputs/fit/version_0/checkpoints/last.ckpt", *data) == 0
    validated = next(line for line in capsys.readouterr().out.splitlines() if "dev_score" in line)
    assert validated == fitted[fitted.index("dev_loss") :]


def test_files_and_options_say_otherwise_than_a_checkpoint_s_data(encoder: str, tmp_path: Path) -> None:
    shutil.copytree(encoder, tmp_path / "tokenizer")
    train = ["--model.model", encoder, *TOY, "--data.max_train_examples", "32", "--data.max_dev_examples", "20"]
    train += ["--model.method", "head", "--tokenizer", str(tmp_path / "tokenizer"), "--trainer.max_epochs", "1"]
    assert run("fit", *train) == 0
    checkpoint = "outputs/fit/version_0/checkpoints/last.ckpt"
    words = with_checkpoint_settings(["test", "--config", "own.yaml", "--ckpt_path", checkpoint])
    assert words[:4] == ["test", "--data.max_length=32", f"--tokenizer={tmp_path / 'tokenizer'}", "--config"]
    assert words.index("own.yaml") < words.index(f"--model.model={encoder}") < words.index("--ckpt_path")


def test_a_resumed_training_cuts_its_examples_as_before(encoder: str) -> None:
    checkpoint = fit(encoder, "said")
    data = ["--data.max_train_examples", "96", "--data.max_dev_examples", "60", "--trainer.accelerator", "cpu"]
    assert run("fit", "--ckpt_path", checkpoint, *data, "--trainer.max_epochs", "2") == 0
    resumed = torch.load("outputs/fit/version_1/checkpoints/last.ckpt", weights_only=True)
    assert resumed["epoch"] == 1 and resumed[DATA_KEY]["max_length"] == 32


def test_a_training_s_own_configuration_serves_its_checkpoint(encoder: str) -> None:
    checkpoint = fit(encoder, "said")
    config = ["--config", "outputs/fit/version_0/config.yaml"]
    assert run("validate", *config, "--ckpt_path", checkpoint) == 0


def test_the_resolved_configuration_runs_again(encoder: str) -> None:
    fit(encoder, "said")
    assert run("fit", "--config", "outputs/fit/version_0/config.yaml") == 0
    first, second = (Path(f"outputs/fit/version_{i}/checkpoints/last.ckpt") for i in (0, 1))
    states = [torch.load(path, weights_only=True)["state_dict"] for path in (first, second)]
    for name in ("network.theta_d", "network.lambdas"):
        assert torch.equal(states[0][name], states[1][name])


def test_the_submission_has_the_server_s_name_and_words(encoder: str, tmp_path: Path) -> None:
    folder = tmp_path / "RTE"
    folder.mkdir()
    lines = [f"{i}\tthe sentence {i}\tanother one\t{'entailment' if i % 2 else 'not_entailment'}" for i in range(40)]
    for name in ("train", "dev"):
        (folder / f"{name}.tsv").write_text("\n".join(["index\tsentence1\tsentence2\tlabel", *lines]) + "\n")
    (folder / "test.tsv").write_text("index\tsentence1\tsentence2\n0\ta b\tc\n1\td\te f\n")
    options = [
        "--model.model",
        encoder,
        "--model.task",
        "rte",
        "--data.data_dir",
        str(tmp_path),
        "--data.max_length",
        "32",
    ]
    options += ["--trainer.accelerator", "cpu"]
    assert run("fit", *options, "--model.method", "did", "--model.d", "20", "--trainer.max_epochs", "1") == 0
    checkpoint = "outputs/fit/version_0/checkpoints/last.ckpt"
    data = ["--data.data_dir", str(tmp_path), "--data.max_length", "32", "--trainer.accelerator", "cpu"]
    assert run("predict", "--ckpt_path", checkpoint, *data) == 0
    text = Path("outputs/predictions/RTE.tsv").read_text().splitlines()
    assert text[0] == "index\tprediction" and len(text) == 3
    assert {line.split("\t")[1] for line in text[1:]} <= {"entailment", "not_entailment"}


@pytest.mark.parametrize("path", sorted(resource_path("configs").glob("fit/*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_configuration_parses(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["fit", "--config", f"configs/fit/{path.name}", "--print_config"])
    assert stopped.value.code == 0
    resolved, written = yaml.safe_load(capsys.readouterr().out), yaml.safe_load(path.read_text())
    assert resolved["model"]["task"] == written["model"]["task"]


def test_the_toy_configuration_runs_from_any_folder() -> None:
    limits = ["--data.max_train_examples", "64", "--data.max_dev_examples", "40", "--trainer.max_epochs", "1"]
    assert run("fit", "--config", "configs/fit/toy_sst2.yaml", *limits, "--trainer.accelerator", "cpu") == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"], f"VERB must be one of {', '.join(VERBS)}; got 'train'"),
        (["fit", "--config", "configs/fit/none.yaml"], "configs/fit/none.yaml does not exist"),
        (["fit", "--model.model", "encoder", *TOY, "--model.method", "said", "--model.d", "3"], "d must exceed m = 3"),
        (["test", "--ckpt_path", "encoder/config.json"], "ckpt_path: encoder/config.json is not a checkpoint"),
        (["validate", *TOY], "ckpt_path must name the checkpoint to validate"),
        (["test", "--ckpt_path", "x.ckpt", "--model.task", "toy-mrpc"], "--model.task is settled by the checkpoint"),
        (["test", "--ckpt_path=none.ckpt"], "ckpt_path: none.ckpt is not a checkpoint"),
        (["fit", "--model.model", "encoder", *TOY], "d must be given for method 'said'"),
        (["fit", "--model.model", "nowhere", *TOY, "--model.d", "9"], "model 'nowhere'"),
    ],
)
def test_errors_are_one_line_and_exit_code_2(
    encoder: str, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    error = capsys.readouterr().err
    assert "lit-idim: error: " in error and message in error and "Traceback" not in error


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0 and "fit" in capsys.readouterr().out
    assert main([]) == 2 and capsys.readouterr().out
    assert main(["--version"]) == 0 and capsys.readouterr().out.startswith("lit-idim ")
