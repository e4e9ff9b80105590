"""Predictions on the dev examples: packed for the ledger, and scored again on resampled examples.

Shapes: n dev examples, b resamples.
"""

import math
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from lit_idim.errors import UserError
from lit_idim.tasks import Task

Predictions = npt.NDArray[np.int64] | npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

_VERSION = 1
_CLASSES, _REAL = 0, 1
_HEADER = struct.Struct("<BBBI")  # version, kind, bits of a class number, n


def pack_predictions(predictions: npt.NDArray[Any], *, num_labels: int) -> bytes:
    """Predictions as bytes: ceil(log2(num_labels)) bits for a class number, 16 for a score.

    Args:
        predictions: class numbers or scores, shape (n,), in dev order.
        num_labels: classes, or 1 for regression.

    Raises:
        UserError: if a class number is out of range, or a score is not finite or beyond float16.

    Example:
        >>> packed = pack_predictions(np.array([1, 0, 2]), num_labels=3)
        >>> len(packed), unpack_predictions(packed).tolist()
        (8, [1, 0, 2])
    """
    predictions = np.asarray(predictions)
    n = len(predictions)
    if num_labels == 1:
        with np.errstate(over="ignore"):
            halves = predictions.astype("<f2")
        if not np.isfinite(halves).all():
            raise UserError("predictions: expected finite scores within float16's range (up to 65504)")
        return _HEADER.pack(_VERSION, _REAL, 0, n) + halves.tobytes()
    if n and not 0 <= predictions.min() <= predictions.max() < num_labels:
        raise UserError(
            f"predictions: expected class numbers from 0 to {num_labels - 1}, got {predictions.min()} to "
            f"{predictions.max()}"
        )
    bits = math.ceil(math.log2(num_labels))
    planes = (predictions[:, None].astype(np.int64) >> np.arange(bits)) & 1  # (n, bits)
    return _HEADER.pack(_VERSION, _CLASSES, bits, n) + np.packbits(planes.astype(np.uint8)).tobytes()


def unpack_predictions(packed: bytes) -> Predictions:
    """The predictions of `pack_predictions`: int64 class numbers or float32 scores, shape (n,).

    Raises:
        UserError: if the bytes are damaged or of another version.
    """
    if len(packed) < _HEADER.size:
        raise UserError(f"outcomes: expected at least {_HEADER.size} bytes, got {len(packed)}")
    version, kind, bits, n = _HEADER.unpack_from(packed)
    body = packed[_HEADER.size :]
    if version != _VERSION or kind not in (_CLASSES, _REAL):
        raise UserError(f"outcomes: expected version {_VERSION} and kind 0 or 1, got version {version}, kind {kind}")
    expected = 2 * n if kind == _REAL else math.ceil(n * bits / 8)
    if len(body) != expected:
        raise UserError(f"outcomes: expected {expected} bytes for {n} predictions, got {len(body)}; they are damaged")
    if kind == _REAL:
        return np.frombuffer(body, dtype="<f2").astype(np.float32)
    planes = np.unpackbits(np.frombuffer(body, dtype=np.uint8), count=n * bits).reshape(n, bits)
    classes: npt.NDArray[np.int64] = (planes.astype(np.int64) << np.arange(bits)).sum(axis=1)
    return classes


def score_predictions(
    task: Task, predictions: npt.NDArray[Any], labels: npt.NDArray[Any], weights: npt.NDArray[Any] | None = None
) -> Any:
    """The task's headline score, each example counted as often as its weight says.

    As of `lit_idim.training.TaskMetrics`: what is undefined (Matthews or a correlation of something constant) is 0.

    Args:
        task: names the score: accuracy, Matthews correlation, F1, or the mean of Pearson's and Spearman's correlation.
        predictions: class numbers or scores, shape (n,).
        labels: shape (n,).
        weights: counts of the examples, shape (n,) or (b, n); 1 each if None.

    Returns:
        The score, or float64 scores of shape (b,) for weights of shape (b, n).

    Raises:
        UserError: if the shapes do not fit together.
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    counts = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    if predictions.ndim != 1 or predictions.shape != labels.shape or counts.shape[-1:] != labels.shape:
        raise UserError(
            "predictions, labels and weights: expected shapes (n,), (n,) and (n,) or (b, n), got "
            f"{predictions.shape}, {labels.shape} and {counts.shape}"
        )
    rows = np.atleast_2d(counts)
    scores = _score(task.headline_metric, task.num_labels, predictions, labels, rows)
    return float(scores[0]) if counts.ndim == 1 else scores


def _score(
    metric: str, num_labels: int, predictions: npt.NDArray[Any], labels: npt.NDArray[Any], weights: Scores
) -> Scores:
    if metric == "accuracy":
        return _ratio(weights @ (predictions == labels), weights.sum(axis=1))
    if metric in ("matthews", "f1"):
        cells = np.zeros((len(labels), num_labels**2))
        cells[np.arange(len(labels)), labels * num_labels + predictions] = 1
        confusion = (weights @ cells).reshape(-1, num_labels, num_labels)  # (b, true, predicted)
        return _matthews(confusion) if metric == "matthews" else _f1(confusion)
    x, y = predictions.astype(np.float64), labels.astype(np.float64)
    pearson = _correlation(x[None], y[None], weights) if metric != "spearman" else np.zeros(len(weights))
    if metric == "pearson":
        return pearson
    spearman = _correlation(_ranks(x, weights), _ranks(y, weights), weights)
    return spearman if metric == "spearman" else (pearson + spearman) / 2


def _matthews(confusion: Scores) -> Scores:
    """Gorodkin's R_K over b confusion matrices, shape (b, k, k)."""
    true, predicted = confusion.sum(axis=2), confusion.sum(axis=1)  # (b, k)
    total = true.sum(axis=1)
    right = np.trace(confusion, axis1=1, axis2=2)
    covariance = right * total - (true * predicted).sum(axis=1)
    spread = (total**2 - (predicted**2).sum(axis=1)) * (total**2 - (true**2).sum(axis=1))
    return _ratio(covariance, np.sqrt(spread))


def _f1(confusion: Scores) -> Scores:
    """F1 of class 1 of two, shape (b,)."""
    return _ratio(2 * confusion[:, 1, 1], confusion[:, 1, :].sum(axis=1) + confusion[:, :, 1].sum(axis=1))


def _correlation(x: Scores, y: Scores, weights: Scores) -> Scores:
    """Weighted Pearson correlation of x and y, each (1, n) or (b, n), under weights (b, n)."""
    total = weights.sum(axis=1, keepdims=True)
    x = x - (weights * x).sum(axis=1, keepdims=True) / total
    y = y - (weights * y).sum(axis=1, keepdims=True) / total
    variances = (weights * x * x).sum(axis=1) * (weights * y * y).sum(axis=1)
    scale = np.abs(x).max(axis=1) * np.abs(y).max(axis=1) * total[:, 0]
    variances = np.where(variances > (1e-14 * scale) ** 2, variances, 0.0)  # what rounding leaves of a constant
    return _ratio((weights * x * y).sum(axis=1), np.sqrt(variances))


def _ranks(values: Scores, weights: Scores) -> Scores:
    """Mean rank of each value where every example stands as often as its weight says, shape (b, n)."""
    _, place = np.unique(values, return_inverse=True)
    place = place.reshape(-1)
    sums = weights @ np.eye(int(place.max()) + 1)[place]  # (b, distinct values)
    up_to = np.cumsum(sums, axis=1)
    ranks: Scores = (up_to - (sums - 1) / 2)[:, place]
    return ranks


def _ratio(numerator: Scores, denominator: Scores) -> Scores:
    """numerator / denominator, and 0 where the denominator is."""
    return np.divide(numerator, denominator, out=np.zeros_like(denominator, dtype=np.float64), where=denominator > 0)
