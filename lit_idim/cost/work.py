"""What a profiled training step spends its time on, from the events of `torch.profiler`.

On the CPU an event is an operator or a range, and operators lie inside each other: time goes to the outermost one whose
kind is known. On a GPU it goes by the kernels' names, as those that Triton launches belong to no operator.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")

MATRIX_PRODUCTS, ATTENTION = "matrix products", "attention"
FORWARD, BACKWARD = "projection, forward", "projection, backward"
OPTIMIZER, BATCH, COPIES = "optimizer", "next batch", "copies"
OTHER, REST = "other operators", "no operator: Python, waiting"
KINDS = (MATRIX_PRODUCTS, ATTENTION, FORWARD, BACKWARD, OPTIMIZER, BATCH, COPIES, OTHER, REST)

STEP = "ProfilerStep"
_OPERATORS = {
    MATRIX_PRODUCTS: r"aten::(addmm|mm|bmm|baddbmm|_addmm_activation|addmv|mv)$|mkldnn::_linear",
    ATTENTION: r"aten::_(scaled_dot_product|flash|efficient|cudnn)\w*attention",
    FORWARD: re.escape(FORWARD),
    BACKWARD: re.escape(BACKWARD),
    OPTIMIZER: r"aten::_(fused_adam|foreach_)|Optimizer\.zero_grad",
    BATCH: r"enumerate\(DataLoader\)",
    COPIES: r"aten::(copy_|_to_copy|clone|contiguous)$",
}
# In this order: attention and P have matrix products of their own, and nothing but P computes in float64.
_KERNELS = {
    ATTENTION: r"flash|fmha|attention",
    FORWARD: r"add_rows",
    BACKWARD: r"add_up_tiles|add_up_blocks|transform_blocks|sum_partials|f64|d884|dgemm|double",
    MATRIX_PRODUCTS: r"gemm|gemv|cutlass|nvjet|cublas|splitk|dot_kernel",
    OPTIMIZER: r"multi_tensor|adam",
    COPIES: r"memcpy|memset|copy",
}
_COUNTED = r"aten::(item|_local_scalar_dense|copy_)$|cuda\w*Synchronize|Memcpy|(cuda|cu)Launch"


def milliseconds_by_kind(events: Iterable[Any]) -> dict[str, float]:
    """Milliseconds of a step on each of `KINDS`, which add up to the step's.

    On the CPU means over the faster half of the steps, as other processes may have held up the others; on a GPU, which
    is steps behind the host, over all.

    Args:
        events: of a `torch.profiler.profile` with its steps marked, as `profile.events()` gives them.
    """
    events = list(events)
    # a GPU's own line of the time tells ranges again
    steps = [event for event in events if event.name.startswith(STEP) and event.device_type.name == "CPU"]
    kernels = [event for event in events if event.device_type.name != "CPU" and not _is_range(event)]
    spent: Counter[str] = Counter()
    if kernels:
        for kernel in kernels:
            spent[_kind(kernel.name, _KERNELS, re.IGNORECASE) or OTHER] += kernel.time_range.elapsed_us()
    else:
        steps = faster_half(steps, key=lambda step: step.time_range.elapsed_us())
        for step in steps:
            _add_operators(step, spent)
    whole = sum(step.time_range.elapsed_us() for step in steps)
    spent[REST] = whole - sum(spent.values())
    return {kind: spent[kind] / len(steps) / 1000 for kind in KINDS}


def calls_of_interest(events: Iterable[Any]) -> dict[str, float]:
    """Calls a step of what may make the host wait for the device, or one wait for the other, and launches; by name."""
    events = list(events)
    num_steps = sum(event.name.startswith(STEP) and event.device_type.name == "CPU" for event in events)
    counted = Counter(event.name for event in events if re.match(_COUNTED, event.name))
    counted["operators"] = sum(event.name.startswith("aten::") for event in events)
    return {name: number / num_steps for name, number in sorted(counted.items())}


def faster_half(values: Iterable[T], *, key: Callable[[T], float]) -> list[T]:
    """The half of the values, at least one, with the smallest keys.

    Example:
        >>> faster_half([5.0, 1.0, 9.0, 2.0, 3.0], key=float)
        [1.0, 2.0, 3.0]
    """
    ordered = sorted(values, key=key)
    return ordered[: -(-len(ordered) // 2)]


def _add_operators(event: Any, spent: Counter[str]) -> None:
    for child in event.cpu_children:
        if (kind := _kind(child.name, _OPERATORS)) is not None:
            spent[kind] += child.time_range.elapsed_us()
            continue
        if child.name.startswith("aten::"):
            inside = sum(grandchild.time_range.elapsed_us() for grandchild in child.cpu_children)
            spent[OTHER] += child.time_range.elapsed_us() - inside
        _add_operators(child, spent)


def _kind(name: str, patterns: dict[str, str], flags: int = 0) -> str | None:
    search = re.search if flags else re.match
    return next((kind for kind, pattern in patterns.items() if search(pattern, name, flags)), None)


def _is_range(event: Any) -> bool:
    return bool(getattr(event, "is_user_annotation", False)) or event.name.startswith((STEP, "Optimizer."))
