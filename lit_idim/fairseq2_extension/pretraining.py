"""A pretraining by fairseq2 from settings to a run folder, which is a series of checkpoints."""

import dataclasses
import math
from pathlib import Path

import torch
from fairseq2.recipe.config import (
    POLYNOMIAL_DECAY_LR,
    AdamWConfig,
    AdamWGroupConfig,
    CommonSection,
    GradAccumulationConfig,
    LRSchedulerSection,
    MixedPrecisionConfig,
    ModelSection,
    OptimizerSection,
    PolynomialDecayLRConfig,
    RegimeSection,
    TrainerSection,
)
from fairseq2.recipe.run import run

from lit_idim.errors import UserError
from lit_idim.fairseq2_extension.recipe import MaskedRecipe, RecipeConfig
from lit_idim.pretraining.corpus import check_corpus
from lit_idim.pretraining.run import check_same_text, claim_folder, load_text, prepare_tokenizer
from lit_idim.pretraining.settings import PretrainingSettings
from lit_idim.series import Fairseq2Source, Series, write_series
from lit_idim.series.fairseq2.architecture import FAMILY, RobertaArchitecture
from lit_idim.series.fairseq2.source import TOKENIZER_FOLDER
from lit_idim.training.distributed import torchrun_world_size


def pretrain_with_fairseq2(
    settings: PretrainingSettings, *, out: str | Path, micro_batches: int = 1, log_every: int = 100
) -> Path:
    """Pretrains a RoBERTa from scratch by fairseq2; run again, it goes on from the last checkpoint.

    Text, order and masks are those of `lit_idim.pretraining.pretrain`; initial weights and dropout are fairseq2's.
    Several processes are started by torchrun.

    Args:
        settings: what decides the weights; checkpoints are evenly spaced and in float32.
        out: folder of the run: `checkpoints/`, `series.yaml`, `tokenizer/`, `pretraining.yaml`.
        micro_batches: pieces that a device's share of an update is trained in.
        log_every: updates between two lines of progress.

    Returns:
        `out`.

    Raises:
        UserError: for settings that fairseq2 has no equal of, a corpus that cannot be read, or a folder that holds
            another run.
    """
    out = Path(out)
    _check_settings(settings, micro_batches=micro_batches, log_every=log_every)
    check_corpus(settings.corpus)
    claim_folder(out, settings)
    tokenizer = prepare_tokenizer(out, settings)
    text = load_text(settings, tokenizer)
    check_same_text(out, text)
    tokenizer.save_pretrained(out / TOKENIZER_FOLDER)
    shape = settings.encoder
    series = Series(
        name=settings.name,
        title=settings.title,
        source=Fairseq2Source(series=settings.name, path=out, tokenizer=str(out / TOKENIZER_FOLDER)),
        tokens_per_step=round(settings.batch_size * text.mean_tokens()),
        architecture=f"RoBERTa, {shape.num_layers} x {shape.hidden_size}",
        license=settings.license,
        notes=settings.notes or None,
    )
    write_series(series, out)
    architecture = RobertaArchitecture(
        model_dim=shape.hidden_size,
        max_seq_len=settings.sequence_length,
        vocab_size=len(tokenizer),
        bos_idx=tokenizer.bos_token_id,
        pad_idx=tokenizer.pad_token_id,
        eos_idx=tokenizer.eos_token_id,
        num_layers=shape.num_layers,
        num_attn_heads=shape.num_heads,
        ffn_inner_dim=shape.intermediate_size or 4 * shape.hidden_size,
        dropout_p=shape.dropout,
    )
    recipe = MaskedRecipe(text, batch_size=settings.batch_size, micro_batches=micro_batches)
    run(recipe, _recipe_config(settings, architecture, micro_batches, log_every), out, no_rich=True)
    return out


def _check_settings(settings: PretrainingSettings, *, micro_batches: int, log_every: int) -> None:
    for name, value in (("micro_batches", micro_batches), ("log_every", log_every)):
        if value < 1:
            raise UserError(f"{name}: expected a positive number, got {value}")
    if settings.checkpoint_every is None or settings.checkpoints_log_spaced or settings.checkpoint_steps:
        raise UserError(
            "checkpoint_every: fairseq2 keeps evenly spaced checkpoints; pass --checkpoint_every N, and neither "
            "checkpoints_log_spaced nor checkpoint_steps"
        )
    if settings.weights_dtype != "float32" or not settings.keep_untrained_weights:
        raise UserError(
            "weights_dtype, keep_untrained_weights: fairseq2 keeps every checkpoint in float32; pass --weights_dtype "
            "float32 --keep_untrained_weights true"
        )
    world_size = torchrun_world_size()
    if settings.batch_size % (world_size * micro_batches):
        raise UserError(
            f"batch_size: {settings.batch_size} sequences cannot be dealt out to {world_size} devices in "
            f"{micro_batches} micro-batches"
        )


def _recipe_config(
    settings: PretrainingSettings, architecture: RobertaArchitecture, micro_batches: int, log_every: int
) -> RecipeConfig:
    every = settings.checkpoint_every or settings.num_steps
    adam = AdamWConfig(
        lr=settings.learning_rate,
        betas=(0.9, 0.98),
        eps=1e-6,
        weight_decay=settings.weight_decay,
        groups=[AdamWGroupConfig(params=r".*(bias|layer_norm\.weight)$", weight_decay=0.0)],
    )
    return RecipeConfig(
        model=ModelSection(family=FAMILY, config_overrides=dataclasses.asdict(architecture)),
        trainer=TrainerSection(
            mixed_precision=MixedPrecisionConfig(mode="static" if torch.cuda.is_available() else "off"),
            grad_accumulation=GradAccumulationConfig(num_batches=micro_batches),
        ),
        optimizer=OptimizerSection(config=adam),
        lr_scheduler=LRSchedulerSection(
            name=POLYNOMIAL_DECAY_LR, config=PolynomialDecayLRConfig(num_warmup_steps=settings.warmup_steps)
        ),
        regime=RegimeSection(
            num_steps=settings.num_steps,
            checkpoint_every_n_steps=every,
            publish_metrics_every_n_steps=math.gcd(log_every, every),
        ),
        common=CommonSection(seed=settings.seed, no_sweep_dir=True),
    )
