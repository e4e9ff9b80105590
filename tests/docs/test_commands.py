"""Every command line of the documentation names verbs, scripts, files and options that exist."""

import functools
import re
import runpy
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lit_idim.commands.launch import _launcher_parser, _split_at_script
from lit_idim.commands.main import VERBS, main
from lit_idim.commands.study import run_study
from lit_idim.resources import resource_path
from lit_idim.tracking import keys

from .pages import DOCS, PAGES, code_spans, commands

REPOSITORY = DOCS.parent
OF_VERBS = {"merged", "output", "push"}  # named in the text without the command that takes it
OF_LIT_IDIM = sorted({tuple(words) for page in PAGES for words in commands(page) if words[0] == "lit-idim"})
OF_LAUNCHER = sorted({tuple(words) for page in PAGES for words in commands(page) if words[0] == "lightning"})


@pytest.fixture
def keep_signal_handler() -> Iterator[None]:
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


def test_commands_are_found() -> None:
    assert len(OF_LIT_IDIM) > 4
    assert len(OF_LAUNCHER) > 15


@pytest.mark.parametrize("words", OF_LIT_IDIM, ids=" ".join)
def test_a_verb_and_its_options_exist(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    _, verb, *arguments = words
    assert verb in VERBS
    given = [word.partition("=")[0] for word in arguments if word.startswith("--")]
    if given:
        first = arguments[:1] if verb == "checkpoints" else arguments[:2] if arguments[0] == "--adapter" else []
        with pytest.raises(SystemExit):
            main([verb, *first, "--help"])
        listed = re.findall(r"--[\w-]+", capsys.readouterr().out)
        assert set(given) <= set(listed)


@pytest.mark.parametrize("words", OF_LAUNCHER, ids=" ".join)
@pytest.mark.usefixtures("keep_signal_handler")
def test_a_study_takes_its_options(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    of_launcher, script, arguments = _split_at_script(list(words[2:]))
    _launcher_parser().parse_args(of_launcher)
    if script is None:
        return
    path = resource_path("studies") / Path(script).name
    assert script == f"studies/{path.name}"
    study = runpy.run_path(str(path))[path.stem]
    given: dict[str, Any] = {}

    @functools.wraps(study)
    def keep(**values: Any) -> None:
        given.update(values)

    monkeypatch.setattr("sys.argv", [path.name, *arguments])
    default = f"configs/{path.stem}/toy.yaml" if (REPOSITORY / "configs" / path.stem).is_dir() else None
    assert run_study(keep, default_config=default) == 0
    assert given


@pytest.mark.usefixtures("keep_signal_handler")
def test_options_and_settings_named_in_the_text_exist(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = _launcher_parser().format_help()
    for name in ("generalization", "pretrain_curve", "model_size"):
        monkeypatch.setattr("sys.argv", [f"{name}.py", "--help"])
        with pytest.raises(SystemExit):
            run_study(runpy.run_path(str(resource_path("studies") / f"{name}.py"))[name])
        listed += capsys.readouterr().out
    known = {option.replace("-", "_") for option in re.findall(r"--([\w.-]+)", listed)}
    for page in PAGES:
        for span in code_spans(page):
            if option := re.match(r"--([\w.-]+)", span):
                assert option[1].replace("-", "_") in known | OF_VERBS, (page.name, span)
            if re.fullmatch(r"(search|training|certificate)\.[a-z_]+", span):
                assert span in known, (page.name, span)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    for span in code_spans(page):
        if re.fullmatch(r"(lit_idim|tests|configs|studies|docs|checkpoints)/[\w./-]+", span):
            assert (REPOSITORY / span).exists(), span
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_headings_that_are_linked_exist() -> None:
    for page in PAGES:
        for target, link in re.findall(r"\]\(([\w./]*)#([^)]+)\)", page.read_text()):
            text = (page.parent / target if target else page).read_text()
            headings = [
                re.sub(r"[^\w\- ]", "", line.lstrip("# ")).lower() for line in re.findall(r"^#+ .*", text, re.M)
            ]
            assert link in [heading.replace(" ", "-") for heading in headings], (page.name, link)


def test_names_on_wandb_are_those_that_are_sent() -> None:
    spans = code_spans(DOCS / "tracking.md")
    for name in (
        keys.NUM_TRAININGS,
        keys.TRAINING_SECONDS,
        keys.NUM_CELLS_DONE,
        keys.NUM_CELLS_REACHED,
        keys.d90_key("d90", "pretraining_step", "MODEL", "TASK", "METHOD"),
        keys.d90_key("d90", "num_parameters", "TASK", "METHOD"),
        keys.score_key("MODEL", "CHECKPOINT", "TASK", "METHOD"),
        keys.full_score_key("MODEL", "TASK"),
        keys.table_key("NAME"),
        keys.figure_key("NAME"),
        *(keys.chart_key(axis) for axis in keys.AXES),
    ):
        assert name in spans
