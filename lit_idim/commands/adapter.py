"""`lit-idim export`, and `lit-idim predict --adapter` on texts."""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch

from lit_idim.commands.checkpoint_file import read_data_settings, read_settings
from lit_idim.commands.parser import Parser
from lit_idim.data.text_lines import read_lines
from lit_idim.data.tokenizer import load_tokenizer
from lit_idim.errors import UserError
from lit_idim.subspace import Subspace
from lit_idim.subspace.adapter import AdapterBase, read_adapter
from lit_idim.subspace.loading import load_classifier
from lit_idim.training import SubspaceClassifier
from lit_idim.training.text_prediction import predict_logits

_DEFAULT_MAX_LENGTH = 128


def run_export_verb(words: list[str]) -> None:
    """Runs `lit-idim export`.

    Args:
        words: the options.

    Raises:
        UserError: for input that the user can mend.
    """
    parser = Parser(
        prog="lit-idim export",
        description="Writes a trained subspace as a file of a few kilobytes, or as an ordinary model.",
        allow_abbrev=False,
    )
    parser.add_argument("--ckpt_path", required=True, help="checkpoint that `lit-idim fit` wrote")
    parser.add_argument("--output", required=True, help="file to write, or with --merged a folder")
    parser.add_argument("--merged", action="store_true", help="write a save_pretrained folder with theta_D as weights")
    parser.add_argument("--model", help="the base model, where it was moved since the training")
    parser.add_argument("--tokenizer", help="folder or hub name; that of the training if left out")
    parser.add_argument("--max_length", type=int, help="most tokens; as in the training if left out")
    options = parser.parse_args(words)
    classifier = _load(options.ckpt_path, options.model)
    settings, output = classifier.hparams, Path(options.output)
    trained_on = read_data_settings(options.ckpt_path)
    tokenizer = options.tokenizer or trained_on.get("tokenizer") or settings["model"]
    revision = settings["revision"] if tokenizer == settings["model"] and not Path(tokenizer).is_dir() else None
    max_length = options.max_length or trained_on.get("max_length") or _DEFAULT_MAX_LENGTH
    network: Any = classifier.network.eval()
    if options.merged:
        _write_merged(network, classifier, load_tokenizer(tokenizer, revision), output)
        print(f"model: {output}")
        return
    if not isinstance(network, Subspace):
        raise UserError(
            f"ckpt_path: {options.ckpt_path} was trained with method {classifier.method!r}, which has no subspace; "
            "pass --merged to write its model"
        )
    base = AdapterBase(
        model=settings["model"],
        revision=None if Path(settings["model"]).is_dir() else settings["revision"],
        num_labels=classifier.task.num_labels,
        head_seed=settings["head_seed"],
        random_weights=settings["random_weights"],
        label_names=classifier.task.label_names,
        task=classifier.task.name,
        tokenizer=None if tokenizer == settings["model"] else tokenizer,
        max_length=max_length,
        is_pair=classifier.task.is_pair,
    )
    network.to_file(output, base)
    print(f"adapter: {output} ({output.stat().st_size:,} bytes, {network.d:,} trained numbers)")


def run_text_prediction(words: list[str]) -> None:
    """Runs `lit-idim predict --adapter FILE` on lines of text or the columns of a TSV.

    Args:
        words: the options.

    Raises:
        UserError: for input that the user can mend.
    """
    parser = Parser(
        prog="lit-idim predict --adapter",
        description="Predicts labels of texts with a trained subspace.",
        allow_abbrev=False,
    )
    parser.add_argument("--adapter", required=True, help="file that `lit-idim export` wrote")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--text", help="file with a text a line; - for standard input")
    source.add_argument("--tsv", help="file with a header line, and the columns that --columns names")
    parser.add_argument("--columns", help="of the TSV: one column, or two with a comma between")
    parser.add_argument("--model", help="the base model, where it was moved since the training")
    parser.add_argument("--output", help="TSV to write; standard output if left out")
    options = parser.parse_args(words)
    first, second = _read_texts(options)
    adapter = read_adapter(Path(options.adapter))
    base = adapter.base
    if (second is not None) != base.is_pair:
        wanted = "pairs of texts; pass --tsv FILE --columns ONE,OTHER" if base.is_pair else "texts; pass one column"
        raise UserError(f"columns: the adapter was trained on {wanted}")
    place = options.model or base.model
    revision = None if Path(place).is_dir() else base.revision
    model = load_classifier(
        place,
        num_labels=base.num_labels,
        head_seed=base.head_seed,
        revision=revision,
        random_weights=base.random_weights,
    )
    subspace = Subspace.from_file(options.adapter, model)
    tokenizer = load_tokenizer(base.tokenizer or place, None if base.tokenizer else revision)
    logits = predict_logits(subspace, tokenizer, first, second, max_length=base.max_length or _DEFAULT_MAX_LENGTH)
    if options.output is None:
        _write_predictions(sys.stdout, logits, base.label_names)
        return
    try:
        with Path(options.output).open("w", newline="", encoding="utf-8") as file:
            _write_predictions(file, logits, base.label_names)
    except OSError as error:
        raise UserError(f"output: {options.output} cannot be written ({error.strerror or error})") from error
    print(f"predictions: {options.output}")


def _load(path: str, model: str | None) -> SubspaceClassifier:
    read_settings(path)
    moved: dict[str, Any] = {} if model is None else {"model": model}
    return SubspaceClassifier.load_from_checkpoint(path, map_location="cpu", weights_only=True, **moved)


def _write_merged(network: Any, classifier: SubspaceClassifier, tokenizer: Any, folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"output: {folder} exists and is not an empty folder; pass another one")
    model: Any = network.merged() if isinstance(network, Subspace) else network
    if model.config.pad_token_id is None:  # decoders take batches only if they know it, as in the training
        model.config.pad_token_id = tokenizer.pad_token_id
    names = classifier.task.label_names
    if names:
        model.config.id2label = dict(enumerate(names))
        model.config.label2id = {name: number for number, name in enumerate(names)}
    try:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    except OSError as error:
        raise UserError(f"output: {folder} cannot be written ({error.strerror or error}); pass another one") from error


def _read_texts(options: argparse.Namespace) -> tuple[list[str], list[str] | None]:
    try:
        if options.text is not None:
            if options.columns is not None:
                raise UserError("columns: lines of text have none; leave out --columns, or pass --tsv")
            if options.text == "-":
                return sys.stdin.read().removesuffix("\n").split("\n"), None
            return [line for _, line in read_lines(Path(options.text))], None
        return _read_columns(Path(options.tsv), (options.columns or "").split(",") if options.columns else [])
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"text: {options.text or options.tsv} cannot be read as UTF-8 ({error})") from error


def _read_columns(path: Path, columns: list[str]) -> tuple[list[str], list[str] | None]:
    lines = [line.split("\t") for _, line in read_lines(path)]
    known, rows = lines[0], lines[1:]
    if len(columns) not in (1, 2) or not set(columns) <= set(known):
        raise UserError(
            f"columns: expected one or two of {', '.join(known)} of {path}, got {', '.join(columns) or 'none'}"
        )
    places = [known.index(column) for column in columns]
    for number, row in enumerate(rows):
        if len(row) != len(known):
            raise UserError(
                f"tsv: {path}, line {number + 2} has {len(row)} columns, its header line {len(known)}; mend the line"
            )
    texts = [[row[place] for row in rows] for place in places]
    return texts[0], texts[1] if len(texts) == 2 else None


def _write_predictions(file: TextIO, logits: Any, label_names: Sequence[str]) -> None:
    """A line a text: its number, the predicted label and the probability of each; or the score of a regression."""
    writer = csv.writer(file, delimiter="\t", lineterminator="\n")
    if not label_names:
        writer.writerow(["index", "score"])
        writer.writerows([number, f"{score:.6g}"] for number, score in enumerate(np.ravel(logits)))
        return
    probabilities = torch.softmax(torch.from_numpy(logits), dim=-1).numpy()
    writer.writerow(["index", "prediction", *(f"p({name})" for name in label_names)])
    writer.writerows(
        [number, label_names[int(row.argmax())], *(f"{value:.6g}" for value in row)]
        for number, row in enumerate(probabilities)
    )
