"""`lit-idim fit|validate|test|predict`: Lightning's command line over `SubspaceClassifier` and `GLUEDataModule`."""

import json
import sys
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.utilities import rank_zero_only

from lit_idim.commands.checkpoint_file import read_data_settings, read_settings
from lit_idim.data import GLUEDataModule
from lit_idim.errors import UserError
from lit_idim.training import (
    GLUESubmissionWriter,
    SubspaceClassifier,
    build_trainer,
    quiet_lightning,
    shut_down_process_group,
)

OUTPUT_FOLDER = "outputs"
MOVABLE_SETTINGS = ("--model.model", "--model.revision")
TRAINER_DEFAULTS = {
    "max_epochs": 3,
    "requeue": True,
    "logger": {
        "class_path": "lightning.pytorch.loggers.CSVLogger",
        "init_args": {"save_dir": OUTPUT_FOLDER, "name": "fit"},
    },
}


def run_training_verb(words: list[str]) -> None:
    """Runs one verb.

    Args:
        words: the verb and its options.

    Raises:
        UserError: for input that the user can mend.
    """
    quiet_lightning()
    sys.argv[1:] = with_checkpoint_settings(words)  # Lightning reads them there, and starts further processes with them
    TrainingCLI(
        SubspaceClassifier,
        GLUEDataModule,
        trainer_class=build_trainer,
        trainer_defaults=TRAINER_DEFAULTS,
        save_config_callback=FitConfigCallback,
        save_config_kwargs={"overwrite": True},
        seed_everything_default=False,
        parser_kwargs={"prog": "lit-idim"},
    )
    shut_down_process_group()


def with_checkpoint_settings(words: list[str]) -> list[str]:
    """Puts the settings that a checkpoint was trained with into the words of a command.

    Those of the model come after configuration files, which cannot change them. Tokenizer and length of its examples
    come before, and hold where neither a file nor an option says otherwise.

    Args:
        words: the verb and its options, `--ckpt_path FILE` among them or not.

    Raises:
        UserError: if the file is missing or is no checkpoint of `SubspaceClassifier`, if a setting that it settles is
            given beside it, or if a verb that needs one has none.
    """
    path = next((value for word, value in pairwise(words) if word == "--ckpt_path"), None)
    path = next((word.partition("=")[2] for word in words if word.startswith("--ckpt_path=")), path)
    if path is None:
        if words[0] != "fit" and not {"-h", "--help", "--print_config"} & set(words):
            raise UserError(f"ckpt_path must name the checkpoint to {words[0]}: pass --ckpt_path FILE.ckpt")
        return words
    fixed = [word for word in words if word.startswith("--model.") and word.split("=")[0] not in MOVABLE_SETTINGS]
    if fixed:
        raise UserError(
            f"{fixed[0].split('=')[0]} is settled by the checkpoint {path} and cannot be changed beside it; leave it "
            f"out (what may differ: {', '.join(MOVABLE_SETTINGS)}, for a base model that was moved, and --tokenizer)"
        )
    settings, data = read_settings(path), read_data_settings(path)
    options = [f"--model.{name}={_option(value)}" for name, value in settings.items() if not name.startswith("_")]
    # After the configuration files, which may be the training's own, and before the options that may still differ.
    last = max((i for i, word in enumerate(words) if word.startswith("--config") or word == "-c"), default=0)
    last += 1 if last and "=" not in words[last] else 0
    return [words[0], *_data_options(data, settings), *words[1 : last + 1], *options, *words[last + 1 :]]


def _data_options(data: Mapping[str, Any], settings: Mapping[str, Any]) -> list[str]:
    """The options that name the length and the tokenizer of a checkpoint's examples.

    A tokenizer that is the model's is left out: it follows a model that was moved.
    """
    options = {"--data.max_length": data.get("max_length")}
    if data.get("tokenizer") != settings.get("model"):
        options["--tokenizer"] = data.get("tokenizer")
    return [f"{name}={_option(value)}" for name, value in options.items() if value is not None]


def _option(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class FitConfigCallback(SaveConfigCallback):
    """Writes the resolved configuration beside a training, and beside nothing else."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage == "fit":
            super().setup(trainer, pl_module, stage)


class TrainingCLI(LightningCLI):
    """Task and tokenizer are given once, with the model; the data module follows."""

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--tokenizer",
            type=str | None,
            default=None,
            help="Folder or hub name of the tokenizer; the model's if null.",
        )
        parser.link_arguments("model.task", "data.task")
        parser.link_arguments(("model.model", "tokenizer"), "data.tokenizer", compute_fn=_tokenizer)
        parser.link_arguments(
            ("model.revision", "tokenizer"), "data.tokenizer_revision", compute_fn=_tokenizer_revision
        )

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        parser = super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        if subcommand in ("validate", "test"):
            parser.set_defaults({"verbose": False})  # the scores are printed below, as those of fit are
        if subcommand == "predict":
            parser.add_argument(
                "--format", type=Literal["glue"], default="glue", help="Format of the file of predictions."
            )
            parser.add_argument(
                "--output", type=str, default=f"{OUTPUT_FOLDER}/predictions", help="Folder for the file of predictions."
            )
        return parser

    def _parse_ckpt_path(self) -> None:
        """Left to `with_checkpoint_settings`: Lightning's own comes after parsing, which asks for the model's task."""

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        trainer = self._get(self.config_init, "trainer")
        configured: Any = trainer["callbacks"] or []
        callbacks = configured if isinstance(configured, list) else [configured]
        if self.subcommand == "fit" and not any(isinstance(callback, ModelCheckpoint) for callback in callbacks):
            callbacks = [*callbacks, ModelCheckpoint(filename="last", enable_version_counter=False)]
        if self.subcommand == "predict":
            callbacks = [*callbacks, GLUESubmissionWriter(self._get(self.config, "output"))]
        if self.subcommand != "fit":
            kwargs["logger"] = False
        return super().instantiate_trainer(callbacks=callbacks, **kwargs)

    def before_fit(self) -> None:
        model, trainer = self.model, self.trainer
        numbers = f"{model.num_trained:,} trained numbers of D = {model.layout.D:,}"
        if trainer.is_global_zero:
            print(model.layout.table())
            print(f"method {model.method}: {numbers}, peak learning rate {model.learning_rate:.3g}", flush=True)

    def after_fit(self) -> None:
        if self.model.last_scored_update != self.trainer.global_step:  # the score is that after the last update
            self.trainer.validate(self.model, datamodule=self.datamodule, verbose=False)
        self._print_scores()
        checkpoint = self.trainer.checkpoint_callback
        if isinstance(checkpoint, ModelCheckpoint) and checkpoint.best_model_path:
            _print_once(f"checkpoint: {checkpoint.best_model_path}")

    def after_validate(self) -> None:
        self._print_scores()

    def after_test(self) -> None:
        self._print_scores()

    def after_predict(self) -> None:
        callbacks: list[Any] = self.trainer.callbacks  # type: ignore[attr-defined]
        for callback in callbacks:
            if isinstance(callback, GLUESubmissionWriter) and callback.path is not None:
                _print_once(f"predictions: {callback.path}")

    def _print_scores(self) -> None:
        values = {name: float(value) for name, value in self.trainer.callback_metrics.items()}
        _print_once("  ".join(f"{name} {value:.4f}" for name, value in values.items()))


@rank_zero_only
def _print_once(text: str) -> None:
    print(text, flush=True)


def _tokenizer(model: str, tokenizer: str | None) -> str:
    return tokenizer or model


def _tokenizer_revision(revision: str | None, tokenizer: str | None) -> str | None:
    return None if tokenizer else revision
