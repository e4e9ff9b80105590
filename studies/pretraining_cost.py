"""The speed of a pretraining update beside the machine's matrix products, with and without the preparation of batches.

    lightning run studies/pretraining_cost.py [--hidden_size 128 --num_layers 2 --num_heads 2] [--out DIR]

Times are medians of runs made in turn in one process; every claim is a ratio of two of them. The text is the toy
language's: what an update costs does not depend on the words.
"""

import csv
import json
import platform
import sys
from itertools import count
from pathlib import Path

import torch

from lit_idim.commands.study import run_study
from lit_idim.cost import median_seconds, time_in_turn
from lit_idim.cost.pretraining import PretrainingStep, cached, matrix_product, steps_on
from lit_idim.errors import UserError
from lit_idim.pretraining import EncoderShape, PretrainingSettings
from lit_idim.pretraining.run import load_text
from lit_idim.toy import build_toy_tokenizer

STEPS_PER_RUN = 10


def pretraining_cost(
    hidden_size: int = 128,
    num_layers: int = 2,
    num_heads: int = 2,
    sequence_length: int = 32,
    batch_size: int = 64,
    dropout: float = 0.0,
    device: str = "cpu",
    compile_encoder: bool = False,
    threads: int = 2,
    repeats: int = 9,
    out: Path = Path("outputs/pretraining_cost"),
) -> None:
    """Measures and writes `cost.csv` (one row a quantity) and `machine.json`.

    Args:
        hidden_size: Width of the encoder.
        num_layers: Blocks.
        num_heads: Attention heads.
        sequence_length: Tokens of a sequence.
        batch_size: Sequences of an update.
        dropout: Of the encoder.
        device: cpu (float32) or cuda (mixed bfloat16).
        compile_encoder: Fuse operations with torch.compile.
        threads: CPU threads.
        repeats: Counted runs of 10 updates.
        out: Folder for the results.
    """
    if repeats < 1 or threads < 1:
        raise UserError(f"repeats and threads must be at least 1; got repeats={repeats}, threads={threads}")
    if device not in ("cpu", "cuda") or (device == "cuda" and not torch.cuda.is_available()):
        raise UserError(f"device: expected cpu, or cuda where there is a GPU; got {device!r}")
    torch.set_num_threads(threads)
    settings = PretrainingSettings(
        name="cost",
        title="cost",
        corpus=["toy:50000"],
        tokenizer="toy",
        sequence_length=sequence_length,
        batch_size=batch_size,
        encoder=EncoderShape(hidden_size=hidden_size, num_layers=num_layers, num_heads=num_heads, dropout=dropout),
        num_held_out_sequences=1,
    )
    text = load_text(settings, build_toy_tokenizer())
    step = PretrainingStep(settings, device=device, compile_encoder=compile_encoder)
    kept = [text.batch(i, batch_size=batch_size) for i in range(STEPS_PER_RUN)]
    product, product_operations = matrix_product(device)
    raw = time_in_turn(
        {
            "updates on cached batches": steps_on(step, cached(kept, device), STEPS_PER_RUN),
            "updates on prepared batches": steps_on(
                step, (text.batch(i, batch_size=batch_size) for i in count()), STEPS_PER_RUN
            ),
            "matrix products": lambda: [product() for _ in range(STEPS_PER_RUN)],
        },
        repeats=repeats,
    )
    seconds = {name: value / STEPS_PER_RUN for name, value in median_seconds(raw).items()}
    update = seconds["updates on prepared batches"]
    operations = sum(step.count_operations(batch) for batch in kept) / STEPS_PER_RUN
    update_rate, matrix_rate = operations / update, product_operations / seconds["matrix products"]
    rows = [
        ("parameters", float(sum(parameter.numel() for parameter in step.model.parameters())), ""),
        ("update", 1000 * update, "ms"),
        ("positions", batch_size * sequence_length / update, "1/s"),
        ("tokens without padding", sum(batch.num_tokens for batch in kept) / STEPS_PER_RUN / update, "1/s"),
        ("matrix product", matrix_rate / 1e9, "GFLOP/s"),
        ("update rate / matrix rate", update_rate / matrix_rate, ""),
        ("update on cached batch / on prepared batch", seconds["updates on cached batches"] / update, ""),
    ]
    out.mkdir(parents=True, exist_ok=True)
    with (out / "cost.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["quantity", "value", "unit"])
        writer.writerows(rows)
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    machine = {"processor": name, "python": platform.python_version(), "torch": torch.__version__, "threads": threads}
    (out / "machine.json").write_text(json.dumps(machine | {"seconds": raw, "steps_per_run": STEPS_PER_RUN}, indent=1))
    for name, value, unit in rows:
        print(f"{name:<46} {value:>14,.4g} {unit}")
    print(f"written to {out}")


if __name__ == "__main__":
    sys.exit(run_study(pretraining_cost))
