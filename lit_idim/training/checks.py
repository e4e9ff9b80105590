"""Which settings of a training go together, checked before anything is loaded."""

from typing import Literal

from lit_idim.errors import UserError

Method = Literal["full", "did", "said", "head"]
METHODS: tuple[Method, ...] = ("full", "did", "said", "head")
SUBSPACE = ("did", "said")


def check_settings(
    method: str,
    d: int | None,
    projection: str | None,
    lambda_learning_rate: float | None,
    weight_decay: float | None,
    optimizer: str,
) -> None:
    """Names and combinations of settings.

    Raises:
        UserError: if a name is unknown, d is missing, or a setting has no effect for the method.
    """
    if method not in METHODS:
        raise UserError(f"method must be one of {', '.join(METHODS)}; got {method!r}")
    if optimizer not in ("adam", "sgd"):
        raise UserError(f"optimizer must be one of adam, sgd; got {optimizer!r}")
    if method in SUBSPACE and d is None:
        raise UserError(f"d must be given for method {method!r}: how many numbers to train")
    without_effect = {
        "d": d is not None and method not in SUBSPACE,
        "projection": projection is not None and method not in SUBSPACE,
        "lambda_learning_rate": lambda_learning_rate is not None and method != "said",
        "weight_decay": weight_decay is not None and method in SUBSPACE,
    }
    for name, idle in without_effect.items():
        if idle:
            raise UserError(f"{name} has no effect for method {method!r}; leave it out")


def check_numbers(
    learning_rate: float | None,
    full_learning_rate: float,
    lambda_learning_rate: float | None,
    weight_decay: float | None,
    warmup_fraction: float,
) -> None:
    """Ranges of numbers.

    Raises:
        UserError: if a number is out of range.
    """
    rates = {
        "learning_rate": learning_rate,
        "full_learning_rate": full_learning_rate,
        "lambda_learning_rate": lambda_learning_rate,
    }
    for name, value in rates.items():
        if value is not None and not 0 < value < float("inf"):
            raise UserError(f"{name} must be a positive number, got {value}")
    if weight_decay is not None and not 0 <= weight_decay < float("inf"):
        raise UserError(f"weight_decay must be 0 or more, got {weight_decay}")
    if not 0 <= warmup_fraction <= 1:
        raise UserError(f"warmup_fraction must lie between 0 and 1, got {warmup_fraction}")
