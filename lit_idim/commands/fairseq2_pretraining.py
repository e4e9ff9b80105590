"""`lit-idim pretrain-fairseq2`: settings and options of a pretraining by fairseq2, on the command line or in YAML."""

import dataclasses

import jsonargparse

from lit_idim.data.optional_import import import_optional
from lit_idim.errors import UserError
from lit_idim.pretraining import PretrainingSettings
from lit_idim.training.distributed import torchrun_world_size

_DESCRIPTION = """\
Pretrains a RoBERTa from scratch by fairseq2 and keeps its run folder, a series of checkpoints for every study. Started
again with the same settings and the same --out, a run goes on where it stopped.
"""


def run_fairseq2_pretraining_verb(words: list[str]) -> None:
    """Runs `lit-idim pretrain-fairseq2`.

    Args:
        words: the options.

    Raises:
        UserError: for input that the user can mend, or if fairseq2 is not installed.
    """
    parser = jsonargparse.ArgumentParser(prog="lit-idim pretrain-fairseq2", description=_DESCRIPTION)
    parser.add_argument("--config", action="config", help="YAML file with any of the options below.")
    parser.add_class_arguments(PretrainingSettings, as_group=True)
    parser.add_argument("--out", required=True, help="folder of the run")
    parser.add_argument("--micro_batches", type=int, default=1, help="pieces of an update on one device")
    parser.add_argument("--log_every", type=int, default=100, help="updates between two lines of progress")
    options = parser.instantiate(parser.parse_args(words)).as_dict()
    names = {field.name for field in dataclasses.fields(PretrainingSettings)}
    settings = PretrainingSettings(**{name: value for name, value in options.items() if name in names})
    torchrun_world_size()  # before fairseq2 reads it
    check_fairseq2()
    from lit_idim.fairseq2_extension.pretraining import pretrain_with_fairseq2

    out = pretrain_with_fairseq2(
        settings, out=options["out"], micro_batches=options["micro_batches"], log_every=options["log_every"]
    )
    print(f"series: {out}")


def check_fairseq2() -> None:
    """Imports fairseq2, which loads libraries of the system, too.

    Raises:
        UserError: if it is not installed, or a library that it needs is not.
    """
    try:
        import_optional("fairseq2", package="lit-idim[fairseq2]", purpose="Pretraining with fairseq2")
    except UserError as error:
        raise UserError(
            f"{error}; it pins torch 2.9.1 and needs an environment of its own: install the extra fairseq2 there, or "
            "let `make test-fairseq2` set one up in .venv-fairseq2"
        ) from error
    except OSError as error:
        raise UserError(f"fairseq2 cannot be loaded: {error}") from error
