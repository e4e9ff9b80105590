"""`config.yaml` of a study's outputs, read again."""

from dataclasses import fields
from pathlib import Path

import yaml
from jsonargparse import ArgumentError, ArgumentParser

from lit_idim.errors import UserError
from lit_idim.study.settings import StudySettings
from lit_idim.yaml_text import parse_yaml

CONFIG_FILE = "config.yaml"


def read_config(folder: Path) -> tuple[StudySettings, str | None]:
    """The settings of the study whose outputs are in a folder, and the address of its ledger if that is elsewhere.

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
    except (OSError, ValueError, AttributeError, TypeError, yaml.YAMLError, ArgumentError) as error:
        raise UserError(f"{path} is damaged ({error}); start the study again, which writes it anew") from error
    return settings, values.get("ledger")
