"""What the workers of a machine hold in common: memory of each process beside others on the same checkpoint.

    python -m lit_idim.cost.shared_memory [PROCESSES]

writes an untrained RoBERTa-base to a temporary folder, lets so many processes (2) set up a training in a subspace on
it, with theta_0 copied and with theta_0 mapped, and prints each time what one of them has resident (RSS), and how much
that is when pages in common are divided among those that have them (PSS). Linux alone tells this.
"""

import multiprocessing
import sys
import tempfile
from pathlib import Path
from typing import Any

MAP = Path("/proc/self/smaps_rollup")
PATIENCE_SECONDS = 600.0  # after which a process that others wait for has died


def resident_mebibytes() -> tuple[float, float]:
    """RSS and PSS of this process, in MiB."""
    entries = (line.split() for line in MAP.read_text().splitlines())
    kibibytes = {words[0]: float(words[1]) for words in entries if words[-1] == "kB"}
    return kibibytes["Rss:"] / 1024, kibibytes["Pss:"] / 1024


def write_untrained_base(folder: Path) -> int:
    """Writes an encoder of RoBERTa-base's shapes; returns the number of its parameters."""
    from transformers import RobertaConfig, RobertaModel

    config = RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1)
    encoder = RobertaModel(config, add_pooling_layer=False)
    encoder.save_pretrained(folder)
    return sum(parameter.numel() for parameter in encoder.parameters())


def resident_of_each(model: str, *, processes: int, is_frozen: bool) -> list[tuple[float, float]]:
    """RSS and PSS in MiB of processes that all hold a model in a subspace of 1000 numbers.

    Args:
        model: folder of its checkpoint.
        processes: that hold it.
        is_frozen: whether theta_0 may be shared, as of `BaseModels.load`.
    """
    context = multiprocessing.get_context("spawn")
    together, told = context.Barrier(processes, timeout=PATIENCE_SECONDS), context.Queue()
    started = [context.Process(target=_hold, args=(model, is_frozen, together, told)) for _ in range(processes)]
    for process in started:
        process.start()
    found = [told.get(timeout=PATIENCE_SECONDS) for _ in started]
    for process in started:
        process.join()
    return found


def _hold(model: str, is_frozen: bool, together: Any, told: Any) -> None:
    from lit_idim.subspace import Subspace
    from lit_idim.training import BaseModels

    models = BaseModels()
    base, _ = models.load(model, num_labels=2, head_seed=0, is_frozen=is_frozen)
    subspace = Subspace(base.model, d=1000, layout=base.layout)
    weights = subspace.weights()
    together.wait()
    told.put(resident_mebibytes())
    together.wait()  # nobody leaves before all have looked
    del weights


def main() -> None:
    """Measures both ways and prints a table."""
    processes = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    if not MAP.exists():
        raise SystemExit(f"{MAP} is missing: only Linux tells how much memory processes share")
    with tempfile.TemporaryDirectory() as folder:
        size = write_untrained_base(Path(folder))
        print(f"{size:,} parameters, {size * 4 / 2**20:,.0f} MiB in float32; {processes} processes; MiB of each")
        print(f"{'theta_0':<8} {'RSS':>7} {'PSS':>7}")
        for name, is_frozen in (("copied", False), ("mapped", True)):
            found = resident_of_each(folder, processes=processes, is_frozen=is_frozen)
            rss, pss = (sum(values) / processes for values in zip(*found, strict=True))
            print(f"{name:<8} {rss:>7,.0f} {pss:>7,.0f}")


if __name__ == "__main__":
    main()
