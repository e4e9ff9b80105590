"""`lit-idim pretrain`: the settings and options of `pretrain` on the command line or in YAML."""

import dataclasses

import jsonargparse

from lit_idim.pretraining import PretrainingSettings, pretrain
from lit_idim.training import shut_down_process_group

_DESCRIPTION = """\
Pretrains a RoBERTa from scratch by masked language modelling and keeps a series of checkpoints. Started again with the
same settings and the same --out, a run goes on where it stopped.
"""


def run_pretraining_verb(words: list[str]) -> None:
    """Runs `lit-idim pretrain`.

    Args:
        words: the options.

    Raises:
        UserError: for input that the user can mend.
    """
    parser = jsonargparse.ArgumentParser(prog="lit-idim pretrain", description=_DESCRIPTION)
    parser.add_argument("--config", action="config", help="YAML file with any of the options below.")
    parser.add_class_arguments(PretrainingSettings, as_group=True)
    parser.add_function_arguments(pretrain, skip={"settings", "logger"})
    options = parser.instantiate(parser.parse_args(words))
    names = {field.name for field in dataclasses.fields(PretrainingSettings)}
    values = {name: value for name, value in options.as_dict().items() if name != "config"}
    settings = PretrainingSettings(**{name: value for name, value in values.items() if name in names})
    out = pretrain(settings, **{name: value for name, value in values.items() if name not in names})
    shut_down_process_group()
    print(f"series: {out}")
