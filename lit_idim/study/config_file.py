"""`config.yaml` of a study's outputs, read again."""

from dataclasses import dataclass, fields
from pathlib import Path

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from lit_idim.errors import UserError
from lit_idim.study.settings import StudySettings
from lit_idim.yaml_text import parse_yaml

CONFIG_FILE = "config.yaml"


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """What a study's `config.yaml` says.

    Attributes:
        settings: of the study.
        ledger: its address; None for `ledger.sqlite` in the folder of the outputs.
        pretraining_step: at which a study of sizes compares; None for the last one that all series have.
    """

    settings: StudySettings
    ledger: str | None
    pretraining_step: int | None


def read_config(folder: Path) -> StudyConfig:
    """Reads `config.yaml` of the study whose outputs are in a folder.

    Raises:
        UserError: if the folder holds none, or they are damaged.
    """
    path = folder / CONFIG_FILE
    if not path.is_file():
        raise UserError(f"out: {folder} holds no {CONFIG_FILE}; give the --out of a study that was started")
    known = {field.name for field in fields(StudySettings)}
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(StudySettings, "study")
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))
        given = {name: value for name, value in values.items() if name in known}
        settings: StudySettings = parser.instantiate(parser.parse_object({"study": given})).study
        ledger, step = values.get("ledger"), values.get("pretraining_step")
        if not isinstance(ledger, str | None) or isinstance(step, bool) or not isinstance(step, int | None):
            raise ValueError(
                f"expected an address as ledger and a number as pretraining_step, got {ledger!r}, {step!r}"
            )
    except (OSError, ValueError, AttributeError, TypeError, yaml.YAMLError, ArgumentError) as error:
        raise UserError(f"{path} is damaged ({error}); start the study again, which writes it anew") from error
    return StudyConfig(settings=settings, ledger=ledger, pretraining_step=step)
