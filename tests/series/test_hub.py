import shutil
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from lit_idim.errors import UserError
from lit_idim.series import CheckpointUnavailableError, HubRepositorySource, HubRevisionSource, load_series
from lit_idim.series.hub import _wanted
from lit_idim.subspace.loading import load_classifier

COMMIT = "0" * 40


@pytest.fixture
def hub(tmp_path):
    return tmp_path / "hub"


def put_in_cache(hub, repository, revision, checkpoint):
    folder = hub / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True, exist_ok=True)
    (folder / "refs" / revision).write_text(COMMIT)
    return Path(shutil.copytree(checkpoint, folder / "snapshots" / COMMIT))


def error_of(kind):
    # What its constructor asks for differs between the hub's HTTP clients.
    error = kind.__new__(kind)
    error.args = ("no such thing",)
    return error


def test_a_cached_revision_needs_no_network(hub, checkpoints):
    source = HubRevisionSource(series="hubbed", repository="some/model", revision="step{step}")
    assert not source.is_cached(10)
    folder = put_in_cache(hub, "some/model", "step10", checkpoints / "step-10")
    assert source.is_cached(10) and not source.is_cached(20)
    location = source.fetch(10, offline=True)
    assert (location.model, location.revision, location.origin) == (str(folder), "step10", "some/model@step10")
    load_classifier(location.model, revision=location.revision, num_labels=2)
    (folder / "model.safetensors").unlink()
    assert not source.is_cached(10)


def test_weights_cached_alone_are_completed_where_that_is_possible(hub, checkpoints, monkeypatch):
    source = HubRevisionSource(series="hubbed", repository="some/model", revision="step{step}")
    folder = put_in_cache(hub, "some/model", "step10", checkpoints / "step-10")
    for path in folder.iterdir():
        if path.name not in ("config.json", "model.safetensors"):  # transformers 4 writes several for a tokenizer
            path.unlink()
    assert source.fetch(10).model == str(folder)
    monkeypatch.setattr(HfApi, "list_repo_files", lambda *_, **__: ["config.json", "model.safetensors"])
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(checkpoints / "step-10"))
    assert source.fetch(10).model == str(checkpoints / "step-10")


def test_a_cached_repository_needs_no_network(hub, checkpoints):
    source = HubRepositorySource(series="hubbed", repository="some/model-{thousands}k")
    folder = put_in_cache(hub, "some/model-20k", "main", checkpoints / "step-20")
    assert source.is_cached(20_000)
    assert source.fetch(20_000).model == str(folder)


def test_no_network_names_step_and_series():
    for offline in (False, True):
        with pytest.raises(CheckpointUnavailableError, match="step 20000 of series 'multiberts-seed-0'"):
            load_series("multiberts-seed-0").fetch(20_000, offline)


def test_a_step_that_the_series_does_not_have():
    with pytest.raises(UserError, match="'pythia-70m' has no step 1500; the nearest are 256, 512, 1000, 2000"):
        load_series("pythia-70m").fetch(1500)
    with pytest.raises(UserError, match="'miniberta-1' has no step 5"):
        load_series("miniberta-1").fetch(5)


@pytest.mark.parametrize(
    ("error", "message", "is_unavailable"),
    [
        (lambda: error_of(RevisionNotFoundError), "no such revision", False),
        (lambda: error_of(RepositoryNotFoundError), "no such repository", False),
        (lambda: error_of(HfHubHTTPError), "could not be had", True),
        (lambda: HfHubHTTPError.__bases__[0]("cut off"), "could not be had.*cut off", True),
        (lambda: ConnectionError("no route"), "could not be had.*no route", True),
    ],
)
def test_what_the_hub_answers_is_told(monkeypatch, error, message, is_unavailable):
    def refuse(*_, **__):
        raise error()

    monkeypatch.setattr(HfApi, "list_repo_files", refuse)
    with pytest.raises(UserError, match=rf"step 1000 of series 'pythia-70m' .*@step1000.*{message}") as caught:
        load_series("pythia-70m").fetch(1000)
    assert isinstance(caught.value, CheckpointUnavailableError) == is_unavailable


def test_a_download_takes_one_format_and_no_code(monkeypatch, tmp_path, checkpoints):
    wanted = []
    monkeypatch.setattr(HfApi, "list_repo_files", lambda *_, **__: ["config.json", "pytorch_model.bin", "evil.py"])

    def snapshot_download(repository, *, revision, allow_patterns):
        wanted.append((repository, revision, allow_patterns))
        return str(checkpoints / "step-0")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    load_series("pythia-70m").fetch(0)
    [(repository, revision, patterns)] = wanted
    assert (repository, revision) == ("EleutherAI/pythia-70m", "step0")
    assert "pytorch_model.bin" in patterns and not any(pattern.endswith(".py") for pattern in patterns)


def test_files_that_are_wanted():
    both = ["config.json", "model.safetensors", "pytorch_model.bin", "optimizer.bin"]
    assert "model.safetensors" in _wanted(both) and "pytorch_model.bin" not in _wanted(both)
    shards = ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    assert set(shards) <= set(_wanted([*shards, "training_args.bin"]))
    assert "training_args.bin" not in _wanted([*shards, "training_args.bin"])


def answer_with(monkeypatch, branches, tags=()):
    refs = SimpleNamespace(
        branches=[SimpleNamespace(name=name) for name in branches], tags=[SimpleNamespace(name=name) for name in tags]
    )
    monkeypatch.setattr(HfApi, "list_repo_refs", lambda *_, **__: refs)


def test_steps_are_asked_of_the_hub_and_kept(monkeypatch, hub, checkpoints):
    series = load_series("olmo-2-1b")
    with pytest.raises(CheckpointUnavailableError, match="the steps of series 'olmo-2-1b'"):
        series.find_steps(offline=True)
    with monkeypatch.context() as patch:
        answer_with(
            patch, ["main", "stage1-step200-tokens1B", "stage2-ingredient1-step7-tokens1B"], ["stage1-step0-tokens0B"]
        )
        assert series.steps == (0, 200)
    # Without a network the last answer holds.
    assert series.steps == series.find_steps(offline=True) == (0, 200)
    assert series.step_for_tokens(10**8) == 0
    put_in_cache(hub, "allenai/OLMo-2-0425-1B", "stage1-step200-tokens1B", checkpoints / "step-10")
    assert series.is_cached(200)
    assert series.fetch(200, offline=True).revision == "stage1-step200-tokens1B"
    with pytest.raises(UserError, match="'olmo-2-1b' has no step 100; the nearest are 0, 200"):
        series.fetch(100)


def test_padded_steps(monkeypatch):
    answer_with(monkeypatch, ["main", "ckpt_000", "ckpt_012"])
    series = load_series("amber")
    assert series.steps == (0, 12)
    assert series.source.origin(12) == "LLM360/Amber@ckpt_012"


def test_a_pattern_that_no_revision_matches(monkeypatch):
    answer_with(monkeypatch, ["main"])
    with pytest.raises(UserError, match=r"series 'amber': none of the 1 revisions of LLM360/Amber matches"):
        _ = load_series("amber").steps
