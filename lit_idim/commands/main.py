"""The `lit-idim` command: its verbs, and how errors reach the user."""

import sys
from importlib.metadata import version

from lit_idim.errors import UserError
from lit_idim.resources import find_resource

USAGE_EXIT_CODE = 2
TRAINING_VERBS = ("fit", "validate", "test", "predict")

_USAGE = """\
usage: lit-idim VERB [options]

  fit        train a model in full or in a subspace of d dimensions:
             lit-idim fit --config configs/fit/toy_sst2.yaml --model.method said --model.d 200
  validate   score a checkpoint on the dev split
  test       score a checkpoint on any labelled split (--data.test_split)
  predict    write a checkpoint's predictions (--format glue: as the GLUE server takes them)

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
        if words[0] not in TRAINING_VERBS:
            raise UserError(f"VERB must be one of {', '.join(TRAINING_VERBS)}; got {words[0]!r}")
        from lit_idim.commands.training import run_training_verb  # imports torch, which takes seconds

        run_training_verb(_with_shipped_configs(words))
    except UserError as error:
        print(f"lit-idim: error: {error}", file=sys.stderr)
        return USAGE_EXIT_CODE
    return 0


def _with_shipped_configs(words: list[str]) -> list[str]:
    """Resolves the files after --config, so that a shipped one is found from any folder."""
    resolved = []
    for i, word in enumerate(words):
        if i and words[i - 1] in ("-c", "--config"):
            resolved.append(str(find_resource(word)))
        elif word.startswith("--config="):
            resolved.append(f"--config={find_resource(word.removeprefix('--config='))}")
        else:
            resolved.append(word)
    return resolved


if __name__ == "__main__":
    sys.exit(main())
