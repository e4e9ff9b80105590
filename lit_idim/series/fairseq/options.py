"""The options of a fairseq run, out of its checkpoint."""

from collections.abc import Mapping
from typing import Any

from lit_idim.errors import UserError
from lit_idim.series.fairseq.records import plain


def read_options(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the model: of `args`, as fairseq up to 0.9 writes them, or of `cfg`, as from 0.10 on.

    Args:
        checkpoint: as `read_checkpoint` returns it.

    Returns:
        Names as on fairseq's command line, with underscores: `{"arch": "roberta_base", "encoder_layers": 12, ...}`.
        `arch` is there in any case.

    Raises:
        UserError: if there is neither, or it does not say the architecture.

    Example:
        >>> read_options({"args": None, "cfg": {"model": {"_name": "roberta_base", "encoder_layers": 12}}})
        {'tokens_per_sample': None, '_name': 'roberta_base', 'encoder_layers': 12, 'arch': 'roberta_base'}
    """
    args, cfg = plain(checkpoint.get("args")), plain(checkpoint.get("cfg"))
    if isinstance(args, dict):
        options = args
    elif isinstance(cfg, dict) and isinstance(cfg.get("model"), dict):
        task = cfg.get("task")
        length = task.get("tokens_per_sample") if isinstance(task, dict) else None
        options = {"tokens_per_sample": length} | cfg["model"]
    else:
        raise UserError("it holds no options of its run (args or cfg): pass a checkpoint as fairseq-train writes it")
    arch = options.get("arch") or options.get("_name")
    if not isinstance(arch, str):
        raise UserError("its options do not say the architecture (arch): pass a checkpoint as fairseq-train writes it")
    return options | {"arch": arch}


def read_num_updates(checkpoint: Mapping[str, Any]) -> int | None:
    """Updates that the optimizer has made; None if the checkpoint has been stripped of its history.

    Example:
        >>> read_num_updates({"optimizer_history": [{"num_updates": 100}, {"num_updates": 500}]})
        500
    """
    history = plain(checkpoint.get("optimizer_history"))
    last = history[-1] if isinstance(history, list) and history else None
    count = last.get("num_updates") if isinstance(last, dict) else None
    return count if isinstance(count, int) else None
