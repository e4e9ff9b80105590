import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer

from lit_idim.errors import UserError
from lit_idim.pretraining import EncoderShape
from lit_idim.pretraining.series_writer import RESUME_FILE, SeriesWriter
from lit_idim.series import load_series
from lit_idim.subspace.loading import load_classifier

Run = Callable[..., Path]


class Stopped(Exception):
    pass


def stop_after(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """The process dies after an update, whatever has been saved by then."""
    original = SeriesWriter.on_train_batch_end

    def dying(self: SeriesWriter, trainer: Any, *arguments: Any) -> None:
        original(self, trainer, *arguments)
        if trainer.global_step == step:
            raise Stopped

    monkeypatch.setattr(SeriesWriter, "on_train_batch_end", dying)


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_keeps_a_series_that_transformers_loads(run: Run) -> None:
    out = run()
    assert sorted(path.name for path in out.glob("step-*")) == ["step-0", "step-12", "step-6"]
    assert not [path for path in out.iterdir() if path.name.startswith(".")] and not (out / RESUME_FILE).exists()
    model = AutoModelForMaskedLM.from_pretrained(out / "step-12")
    assert model.dtype == torch.float32 and model.config.max_position_embeddings == 34
    tokenizer = AutoTokenizer.from_pretrained(out / "step-12")
    assert len(tokenizer) == model.config.vocab_size
    classifier = load_classifier(str(out / "step-12"), num_labels=2)
    assert torch.equal(classifier.roberta.embeddings.word_embeddings.weight, model.get_input_embeddings().weight)

    scores = [json.loads((out / f"step-{step}" / "pretraining.json").read_text()) for step in (0, 6, 12)]
    assert [score["step"] for score in scores] == [0, 6, 12] and scores[0]["num_tokens"] == 0
    assert scores[0]["held_out_loss"] > scores[1]["held_out_loss"] > scores[2]["held_out_loss"]
    with (out / "progress.csv").open() as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["4", "8", "12"]


def test_bfloat16_files_hold_the_rounded_weights(run: Run) -> None:
    rounded = load_file(run("rounded", weights_dtype="bfloat16") / "step-12" / "model.safetensors")
    exact = load_file(run("exact") / "step-12" / "model.safetensors")
    assert rounded.keys() == exact.keys()
    assert all(torch.equal(rounded[name], exact[name].bfloat16()) for name in exact)


def test_step_0_may_be_told_by_its_seed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIT_IDIM_CACHE", str(tmp_path / "made"))
    kept = run("kept", weights_dtype="bfloat16")
    told = run("told", weights_dtype="bfloat16", keep_untrained_weights=False)
    assert not (told / "step-0" / "model.safetensors").exists()
    made = Path(load_series(str(told)).fetch(0).model)
    assert weights(made) == weights(kept / "step-0")
    for name in ("config.json", "tokenizer.json"):
        assert (made / name).read_text() == (kept / "step-0" / name).read_text()
    assert load_series(str(told)).steps == (0, 6, 12)


@pytest.mark.parametrize("step", [3, 6, 11])
def test_a_resumed_run_ends_with_the_same_bits(run: Run, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    whole = run("whole", options={"micro_batch_size": 4})
    with monkeypatch.context() as patched:
        stop_after(patched, step)
        with pytest.raises(Stopped):
            run("resumed", options={"micro_batch_size": 4})
    resumed = run("resumed", options={"micro_batch_size": 4})
    for kept in (0, 6, 12):
        assert weights(resumed / f"step-{kept}") == weights(whole / f"step-{kept}")
        scores = [json.loads((out / f"step-{kept}" / "pretraining.json").read_text()) for out in (whole, resumed)]
        assert scores[0] == scores[1]


def test_micro_batches_train_as_the_whole_batch_does(run: Run) -> None:
    shape = EncoderShape(hidden_size=32, num_layers=1, num_heads=2, dropout=0.0)
    whole = load_file(run("whole", encoder=shape) / "step-12" / "model.safetensors")
    parts = load_file(run("parts", encoder=shape, options={"micro_batch_size": 2}) / "step-12" / "model.safetensors")
    for name in whole:
        torch.testing.assert_close(parts[name], whole[name], atol=2e-5, rtol=0)


def test_a_finished_run_is_not_repeated(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    before = (run() / "step-12" / "model.safetensors").stat().st_mtime_ns
    assert (run() / "step-12" / "model.safetensors").stat().st_mtime_ns == before
    assert "all 12 steps are done" in capsys.readouterr().out


def test_a_half_written_checkpoint_is_never_seen_and_is_cleared_away(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("transformers.PreTrainedTokenizerBase.save_pretrained", _fail)
        with pytest.raises(OSError, match="disk"):
            run()
    out = run()
    assert len(list(out.glob("step-*"))) == 3 and not list(out.glob(".writing*"))


def _fail(*arguments: object, **options: object) -> None:
    raise OSError("disk full")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 1e-3}, r"holds a pretraining with learning_rate = 0.002, not 0.001"),
        ({"corpus": ["toy:4000"]}, r"holds a pretraining with corpus"),
    ],
)
def test_a_folder_of_other_settings_is_refused(run: Run, settings: dict[str, object], message: str) -> None:
    run()
    with pytest.raises(UserError, match=message):
        run(**settings)


def test_a_changed_text_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "text.txt"
    path.write_text("the plant is here . \n" * 2000)
    with monkeypatch.context() as patched:
        stop_after(patched, 4)
        with pytest.raises(Stopped):
            run(corpus=[str(path)])
    path.write_text("a plant is there . \n" * 2000)
    with pytest.raises(UserError, match="is not the one that the run in .* was started on"):
        run(corpus=[str(path)])


def test_a_folder_of_other_checkpoints_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run" / "step-5").mkdir(parents=True)
    with pytest.raises(UserError, match="checkpoints of another origin"):
        run()


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ({"warmup_steps": 12}, {}, "warmup_steps: expected less than num_steps = 12"),
        ({"vocab_size": 500}, {}, "vocab_size: 500 has no effect on the tokenizer 'toy'"),
        ({"name": "our/mini"}, {}, "name: expected a word without slashes, got 'our/mini'"),
        ({}, {"resume_every": 0}, "resume_every: expected a positive number, got 0"),
        ({"num_steps": 0}, {}, "num_steps: expected a positive number"),
        ({"corpus": ["missing.txt"]}, {}, "missing.txt does not exist"),
        ({"tokenizer": "no/such"}, {}, "tokenizer: 'no/such' is neither a folder"),
        ({}, {"micro_batch_size": 3}, "choose a micro_batch_size that divides"),
        ({"num_held_out_sequences": 10**6}, {}, "lower num_held_out_sequences"),
    ],
)
def test_bad_settings_are_named(
    run: Run, settings: dict[str, object], options: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        run(options=options, **settings)


@pytest.mark.slow
def test_a_killed_command_goes_on_where_it_was(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "lit_idim.commands.main",
        "pretrain",
        "--config",
        "configs/pretrain/toy-L2-H128.yaml",
    ]
    command += ["--corpus", "[toy:3000]", "--encoder.hidden_size", "32", "--num_steps", "60", "--warmup_steps", "5"]
    command += ["--num_held_out_sequences", "64", "--cache_dir", str(tmp_path / "cache"), "--accelerator", "cpu"]
    command += ["--checkpoint_steps", "[]", "--checkpoints_log_spaced", "5", "--resume_every", "1", "--out"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run([*command, str(whole)], check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen([*command, str(killed)], stdout=subprocess.DEVNULL)
    deadline_seconds = time.monotonic() + 120
    while not (killed / RESUME_FILE).exists() and time.monotonic() < deadline_seconds:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "step-60").exists()
    shown = subprocess.run([*command, str(killed)], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert "resumes from" in shown
    assert weights(killed / "step-60") == weights(whole / "step-60")
