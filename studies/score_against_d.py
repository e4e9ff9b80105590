"""Dev score against d for DID and SAID, beside full fine-tuning: the smallest measurement there is.

    lightning run studies/score_against_d.py [--model FOLDER_OR_NAME] [--task sst2] [--out DIR]

The default needs no download: an encoder of 0.5M parameters, pretrained on the toy language, ships with the package.
Each row is one training at one seed and one learning rate: a look at the curve, not a d90 with an interval.
"""

import csv
import sys
import time
from pathlib import Path

import torch

from lit_idim.commands.study import run_study
from lit_idim.data import GLUEDataModule
from lit_idim.errors import UserError
from lit_idim.training import Method, SubspaceClassifier, build_trainer, quiet_lightning, shut_down_process_group

TOY_MODEL = "checkpoints/toy-L2-H128/step-4000"
COLUMNS = ("method", "d", "num_parameters", "learning_rate", "dev_score", "num_updates", "seconds")


def score_against_d(
    model: str = TOY_MODEL,
    task: str = "toy-sst2",
    tokenizer: str | None = None,
    data_dir: str | None = None,
    max_length: int = 32,
    max_train_examples: int | None = None,
    max_dev_examples: int | None = None,
    epochs: int = 3,
    batch_size: int = 32,
    full_learning_rate: float = 5e-4,
    methods: tuple[Method, ...] = ("did", "said"),
    d_values: tuple[int, ...] = (16, 64, 256, 1024, 4096),
    projection: str = "fastfood",
    seed: int = 0,
    out: Path = Path("outputs/score_against_d"),
) -> None:
    """Trains in full and at each d, prints each score as it comes and writes `trials.csv` and a figure.

    Args:
        model: Folder in save_pretrained format, or name on the model hub.
        task: Name of the task.
        tokenizer: Folder or name of the tokenizer; the model's if null.
        data_dir: Folder of the task's files; the data hub if null. Toy tasks need neither.
        max_length: Most tokens of an example.
        max_train_examples: Most training examples.
        max_dev_examples: Most dev examples.
        epochs: Passes over the training examples, the same for every training.
        batch_size: Examples of an update over all devices.
        full_learning_rate: Of full fine-tuning; those of the subspaces follow from it by rule.
        methods: Of the subspace.
        d_values: Trained numbers.
        projection: Name of P.
        seed: Of projection, head, order and dropout.
        out: Folder for the results.
    """
    quiet_lightning()
    if out.is_file():
        raise UserError(f"out must be a folder, but {out} is a file")
    out.mkdir(parents=True, exist_ok=True)
    data = GLUEDataModule(
        task=task,
        tokenizer=tokenizer or model,
        data_dir=data_dir,
        batch_size=batch_size,
        max_length=max_length,
        max_train_examples=max_train_examples,
        max_dev_examples=max_dev_examples,
        order_seed=seed,
    )
    cells: list[tuple[Method, int | None]] = [("full", None)]
    cells += [(method, d) for method in methods for d in d_values]
    rows = []
    for method, d in cells:
        start = time.perf_counter()
        classifier = SubspaceClassifier(
            model=model,
            task=task,
            method=method,
            d=d,
            projection=None if method == "full" else projection,
            projection_seed=seed,
            head_seed=seed,
            dropout_seed=seed,
            full_learning_rate=full_learning_rate,
        )
        trainer = build_trainer(max_epochs=epochs, enable_progress_bar=False, limit_val_batches=0)
        trainer.fit(classifier, datamodule=data)
        scores = build_trainer(enable_progress_bar=False).validate(classifier, datamodule=data, verbose=False)
        rows.append(
            {
                "method": method,
                "d": classifier.num_trained,
                "num_parameters": classifier.layout.D,
                "learning_rate": classifier.learning_rate,
                "dev_score": scores[0]["dev_score"],
                "num_updates": trainer.global_step,
                "seconds": round(time.perf_counter() - start, 2),
            }
        )
        if trainer.is_global_zero:
            print("  ".join(f"{name} {_shown(value)}" for name, value in rows[-1].items()), flush=True)
            _write_table(out, rows)
    if trainer.is_global_zero:
        _draw(out, rows, f"{_title(task)}, one seed\n{'/'.join(Path(model).parts[-2:])}")
    shut_down_process_group()


def _title(task: str) -> str:
    return f"{task} (generated language)" if task.startswith("toy-") else task


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _write_table(out: Path, rows: list[dict[str, object]]) -> None:
    with (out / "trials.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _draw(out: Path, rows: list[dict[str, object]], title: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.5, 3.8), layout="constrained")
    axes = figure.subplots()
    full = float(str(rows[0]["dev_score"]))
    axes.axhline(full, color="black", linewidth=1, label="full fine-tuning")
    axes.axhline(0.9 * full, color="black", linewidth=1, linestyle="--", label="90% of it")
    for method, marker in (("did", "o"), ("said", "s")):
        points = [(row["d"], row["dev_score"]) for row in rows if row["method"] == method]
        if points:
            axes.plot(*zip(*points, strict=True), marker=marker, label=method.upper())
    axes.set(xscale="log", xlabel="d (trained numbers)", ylabel="dev score", title=title)
    axes.legend()
    figure.savefig(out / "score_against_d.png", dpi=150)
    print(f"written to {out}")


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    sys.exit(run_study(score_against_d))
