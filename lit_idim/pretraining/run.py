"""A pretraining from settings to a series of checkpoints."""

import dataclasses
import os
import shutil
from pathlib import Path
from typing import Any, Literal

import torch
import yaml
from transformers import PreTrainedTokenizerBase

from lit_idim.data.tokenizer import load_tokenizer
from lit_idim.errors import UserError
from lit_idim.pretraining.batches import PackedText
from lit_idim.pretraining.checkpoint_steps import checkpoint_steps
from lit_idim.pretraining.corpus import check_corpus, read_corpus
from lit_idim.pretraining.masking import Vocabulary
from lit_idim.pretraining.model import MaskedLanguageModel, build_model
from lit_idim.pretraining.packed_cache import load_packed
from lit_idim.pretraining.progress import Progress
from lit_idim.pretraining.series_writer import RESUME_FILE, SeriesWriter
from lit_idim.pretraining.settings import BPE_TOKENIZER, ROBERTA_VOCAB_SIZE, PretrainingSettings
from lit_idim.pretraining.tokenizer import train_tokenizer
from lit_idim.series import FolderSource, Series, write_series
from lit_idim.training import build_trainer, quiet_lightning

SETTINGS_FILE = "pretraining.yaml"
TOKENIZER_FOLDER = "tokenizer"
TEXT_CHECKSUM_FILE = "text.sha256"
Precision = Literal["auto", "32-true", "bf16-mixed"]


def pretrain(
    settings: PretrainingSettings,
    *,
    out: str | Path,
    accelerator: str = "auto",
    devices: int | str | None = None,
    strategy: str = "auto",
    num_nodes: int | None = None,
    precision: Precision = "auto",
    micro_batch_size: int | None = None,
    num_workers: int = 0,
    compile_encoder: bool = False,
    log_every: int = 100,
    resume_every: int = 500,
    cache_dir: str | Path | None = None,
    logger: Any = False,
) -> Path:
    """Pretrains a RoBERTa from scratch and keeps a series of checkpoints; run again, it goes on where it stopped.

    On CPU the weights of a resumed run are bit for bit those of one that was never stopped, at equal threads and
    devices; on a GPU order, masking and steps are the same.

    Args:
        settings: what decides the weights.
        out: folder of the series: `step-N/` in `save_pretrained` format, `series.yaml`, `pretraining.yaml`,
            `progress.csv`, and the tokenizer if it was trained.
        accelerator: hardware, as Lightning names it.
        devices: number of devices a node.
        strategy: how several devices work together.
        num_nodes: number of machines.
        precision: "auto" is bf16-mixed on a GPU and 32-true on CPU.
        micro_batch_size: sequences at once on a device, where its share of a step does not fit in memory.
        num_workers: processes that prepare batches; worth it beside a GPU.
        compile_encoder: fuse operations with torch.compile; worth it on a GPU.
        log_every: updates between two lines of progress.
        resume_every: updates between two savings of the state to resume from.
        cache_dir: folder for packed text.
        logger: a Lightning logger.

    Returns:
        `out`.

    Raises:
        UserError: for a corpus that cannot be read, settings that contradict each other, or a folder that holds a run
            of other settings.
    """
    quiet_lightning()
    out = Path(out)
    for name, value in (
        ("log_every", log_every),
        ("resume_every", resume_every),
        ("micro_batch_size", micro_batch_size),
    ):
        if value is not None and value < 1:
            raise UserError(f"{name}: expected a positive number, got {value}")
    check_corpus(settings.corpus)
    steps = checkpoint_steps(
        settings.num_steps,
        log_spaced=settings.checkpoints_log_spaced,
        every=settings.checkpoint_every,
        explicit=settings.checkpoint_steps,
    )
    claim_folder(out, settings)
    if (out / f"step-{settings.num_steps}").exists():
        (out / RESUME_FILE).unlink(missing_ok=True)
        print(f"{out}: all {settings.num_steps} steps are done")
        return out
    tokenizer = prepare_tokenizer(out, settings)
    text = load_text(settings, tokenizer, cache_dir=cache_dir)
    check_same_text(out, text)
    write_series(_describe(settings, text, out), out)
    module = MaskedLanguageModel(
        build_model(settings, tokenizer),
        text,
        settings,
        micro_batch_size=micro_batch_size,
        num_workers=num_workers,
        compile_encoder=compile_encoder,
    )
    accelerator = os.environ.get("LT_ACCELERATOR", accelerator)  # a launcher's, which decides the precision below
    on_gpu = accelerator in ("gpu", "cuda") or (accelerator == "auto" and torch.cuda.is_available())
    trainer = build_trainer(
        accelerator=accelerator,
        devices=devices,
        strategy=strategy,
        num_nodes=num_nodes,
        precision=_resolve_precision(precision, on_gpu=on_gpu),
        max_steps=settings.num_steps,
        max_epochs=-1,
        callbacks=[
            Progress(out / "progress.csv", num_steps=settings.num_steps, every=log_every),
            SeriesWriter(out, tokenizer, steps=steps, resume_every=resume_every),
        ],
        logger=logger,
        log_every_n_steps=log_every,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    state = out / RESUME_FILE
    if trainer.is_global_zero:
        num_parameters = sum(parameter.numel() for parameter in module.model.parameters())
        print(
            f"{num_parameters:,} parameters, {len(text.trained):,} sequences of {settings.sequence_length} tokens, "
            f"{settings.num_steps:,} steps, checkpoints at {', '.join(map(str, steps))}"
            + (f"; resumes from {state}" if state.exists() else ""),
            flush=True,
        )
    trainer.fit(module, ckpt_path=state if state.exists() else None)
    if trainer.is_global_zero:
        state.unlink(missing_ok=True)
    return out


def _resolve_precision(precision: Precision, *, on_gpu: bool) -> Literal["32-true", "bf16-mixed"] | None:
    if precision != "auto":
        return precision
    if "LT_PRECISION" in os.environ:
        return None  # the launcher's holds
    return "bf16-mixed" if on_gpu else "32-true"


def _check_special_tokens(name: str, tokenizer: PreTrainedTokenizerBase) -> None:
    ids = [getattr(tokenizer, f"{token}_token_id") for token in ("bos", "pad", "eos", "mask")]
    if None in ids or len(set(ids)) < len(ids) or not hasattr(tokenizer, "backend_tokenizer"):
        raise UserError(
            f"tokenizer: {name!r} does not have RoBERTa's special tokens, begin, padding, end and mask (ids {ids}), "
            "or is a slow one; pass --tokenizer bpe to train one"
        )


def check_same_text(out: Path, text: PackedText) -> None:
    """A run is resumed on the text that it was started on, whatever its files are called."""
    path, checksum = out / TEXT_CHECKSUM_FILE, text.checksum()
    if path.exists() and path.read_text().strip() != checksum:
        raise UserError(
            f"corpus: its text, or its tokenizer, is not the one that the run in {out} was started on; restore it, or "
            "pass another --out"
        )
    path.write_text(checksum + "\n")


def _describe(settings: PretrainingSettings, text: PackedText, out: Path) -> Series:
    shape = settings.encoder
    return Series(
        name=settings.name,
        title=settings.title,
        source=FolderSource(series=settings.name, path=out),
        tokens_per_step=round(settings.batch_size * text.mean_tokens()),
        architecture=f"RoBERTa, {shape.num_layers} x {shape.hidden_size}",
        license=settings.license,
        notes=settings.notes or None,
    )


def claim_folder(out: Path, settings: PretrainingSettings) -> None:
    """Writes the settings into the folder, or compares them with those that are there."""
    wanted = dataclasses.asdict(settings)
    path = out / SETTINGS_FILE
    if path.exists():
        found = yaml.safe_load(path.read_text()) or {}
        differing = [name for name, value in wanted.items() if found.get(name) != value]
        if differing:
            name = differing[0]
            raise UserError(
                f"out: {out} holds a pretraining with {name} = {found.get(name)!r}, not {wanted[name]!r}; pass another "
                "folder, or the same settings to resume it"
            )
        return
    if out.exists() and any(out.glob("step-*")):
        raise UserError(f"out: {out} holds checkpoints of another origin (no {SETTINGS_FILE}); pass another folder")
    try:
        out.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_text(yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True))
        aside.replace(path)
    except OSError as error:
        raise UserError(f"out: {out} cannot be written ({error}); pass a folder that can") from error


def prepare_tokenizer(out: Path, settings: PretrainingSettings) -> PreTrainedTokenizerBase:
    """The tokenizer of a run, trained on its corpus and kept in the run's folder where it asks for that."""
    if settings.tokenizer != BPE_TOKENIZER:
        return load_tokenizer(settings.tokenizer)
    folder = out / TOKENIZER_FOLDER
    if not folder.exists():
        tokenizer = train_tokenizer(
            read_corpus(settings.corpus),
            vocab_size=settings.vocab_size or ROBERTA_VOCAB_SIZE,
            max_length=settings.sequence_length,
        )
        aside = out / f".{TOKENIZER_FOLDER}.{os.getpid()}"
        tokenizer.save_pretrained(aside)
        try:
            aside.replace(folder)
        except OSError:
            shutil.rmtree(aside, ignore_errors=True)
            if not folder.exists():  # if it does, another process of the run was faster
                raise
    return load_tokenizer(str(folder))


def load_text(
    settings: PretrainingSettings, tokenizer: PreTrainedTokenizerBase, *, cache_dir: str | Path | None = None
) -> PackedText:
    """The corpus of a run, tokenised, packed, and split into what is trained on and what is held out.

    Raises:
        UserError: for a corpus that cannot be read, or is too small.
    """
    _check_special_tokens(settings.tokenizer, tokenizer)
    tokens = load_packed(settings.corpus, tokenizer, sequence_length=settings.sequence_length, cache_dir=cache_dir)
    pad, mask = tokenizer.pad_token_id, tokenizer.mask_token_id
    special = tuple(sorted({tokenizer.bos_token_id, pad, tokenizer.eos_token_id, mask}))
    vocabulary = Vocabulary(size=len(tokenizer), pad=pad, mask=mask, special=special)
    return PackedText(tokens, vocabulary, num_held_out=settings.num_held_out_sequences, seed=settings.seed)
