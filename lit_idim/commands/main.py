"""The `lit-idim` command: its verbs, and how errors reach the user."""

import os
import sys
from importlib.metadata import version

from lit_idim.errors import UserError
from lit_idim.resources import find_resource

USAGE_EXIT_CODE = 2
TRAINING_VERBS = ("fit", "validate", "test", "predict")
VERBS = (*TRAINING_VERBS, "export", "pretrain", "pretrain-fairseq2", "checkpoints", "status", "report", "dashboard")

_USAGE = """\
usage: lit-idim VERB [options]

  fit        train a model in full or in a subspace of d dimensions:
             lit-idim fit --config configs/fit/toy_sst2.yaml --model.method said --model.d 200
  validate   score a checkpoint on the dev split
  test       score a checkpoint on any labelled split (--data.test_split)
  predict    write a checkpoint's predictions (--format glue: as the GLUE server takes them)
             or of texts: lit-idim predict --adapter FILE --text FILE
  export     write a trained subspace as a file of a few kilobytes, or with --merged as an ordinary model
  pretrain   train a RoBERTa from scratch and keep a series of checkpoints:
             lit-idim pretrain --config configs/pretrain/toy-L2-H128.yaml --out outputs/toy
  pretrain-fairseq2
             the same by fairseq2, which keeps a run folder of its own (extra fairseq2)
  status     what a study has measured, runs and has left: lit-idim status outputs/pretrain_curve
  report     write report.html of a study anew from its ledger, also while it runs
  dashboard  a W&B workspace and report of a study, as code: --push sends them
  checkpoints
             list     the series of checkpoints, their steps, and the model families
             verify   load every checkpoint of a series and say which are damaged
             convert  write a series as safetensors

`lit-idim VERB --help` lists the options of a verb, --print_config writes them as YAML. Studies, which measure d90, are
started with `lightning run studies/NAME.py`.
"""


def main(args: list[str] | None = None) -> int:
    """Entry point of the console command `lit-idim`.

    Args:
        args: the words after the command; those of the process if None.

    Returns:
        The exit code: 0, or 2 where the input is wrong.
    """
    words = list(sys.argv[1:] if args is None else args)
    if not words or words[0] in ("-h", "--help"):
        print(_USAGE, end="")
        return 0 if words else USAGE_EXIT_CODE
    if words[0] == "--version":
        print(f"lit-idim {version('lit-idim')}")
        return 0
    try:
        _run_verb(words[0], words[1:])
        sys.stdout.flush()
    except UserError as error:
        print(f"lit-idim: error: {error}", file=sys.stderr)
        return USAGE_EXIT_CODE
    except BrokenPipeError:  # `... | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _run_verb(verb: str, words: list[str]) -> None:
    # Each verb imports what it needs: torch alone takes seconds.
    if verb == "export":
        from lit_idim.commands.adapter import run_export_verb

        run_export_verb(words)
    elif verb == "predict" and any(word == "--adapter" or word.startswith("--adapter=") for word in words):
        from lit_idim.commands.adapter import run_text_prediction

        run_text_prediction(words)
    elif verb in TRAINING_VERBS:
        from lit_idim.commands.training import run_training_verb

        run_training_verb(_with_shipped_configs([verb, *words]))
    elif verb == "pretrain":
        from lit_idim.commands.pretraining import run_pretraining_verb

        run_pretraining_verb(_with_shipped_configs(words))
    elif verb == "pretrain-fairseq2":
        from lit_idim.commands.fairseq2_pretraining import run_fairseq2_pretraining_verb

        run_fairseq2_pretraining_verb(_with_shipped_configs(words))
    elif verb == "checkpoints":
        from lit_idim.commands.checkpoints import run_checkpoints_verb

        run_checkpoints_verb(words)
    elif verb == "status":
        from lit_idim.commands.status import run_status_verb

        run_status_verb(words)
    elif verb == "report":
        from lit_idim.commands.report import run_report_verb

        run_report_verb(words)
    elif verb == "dashboard":
        from lit_idim.commands.dashboard import run_dashboard_verb

        run_dashboard_verb(words)
    else:
        raise UserError(f"VERB must be one of {', '.join(VERBS)}; got {verb!r}")


def _with_shipped_configs(words: list[str]) -> list[str]:
    """Resolves the files after --config, so that a shipped one is found from any folder."""
    resolved = []
    for i, word in enumerate(words):
        if words[i - 1 : i] in (["-c"], ["--config"]):
            resolved.append(str(find_resource(word)))
        elif word.startswith("--config="):
            resolved.append(f"--config={find_resource(word.removeprefix('--config='))}")
        else:
            resolved.append(word)
    return resolved


if __name__ == "__main__":
    sys.exit(main())
