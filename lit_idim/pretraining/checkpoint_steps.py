"""At which steps a pretraining keeps its weights."""

from collections.abc import Sequence

from lit_idim.errors import UserError


def checkpoint_steps(
    num_steps: int, *, log_spaced: int | None = None, every: int | None = None, explicit: Sequence[int] = ()
) -> tuple[int, ...]:
    """Steps to keep, ascending; step 0, the untrained model, and the last one are always among them.

    Args:
        num_steps: updates of the run.
        log_spaced: number of steps beside 0, spaced by powers of two back from the last: N, N/2, N/4 ...
        every: distance of evenly spaced steps.
        explicit: further steps.

    Raises:
        UserError: if a step lies outside the run, or a distance or number is not positive.

    Example:
        >>> checkpoint_steps(4000, log_spaced=4)
        (0, 500, 1000, 2000, 4000)
        >>> checkpoint_steps(100, every=40, explicit=[3])
        (0, 3, 40, 80, 100)
    """
    for name, value in (("num_steps", num_steps), ("checkpoints_log_spaced", log_spaced), ("checkpoint_every", every)):
        if value is not None and value < 1:
            raise UserError(f"{name}: expected a positive number, got {value}")
    outside = [step for step in explicit if not 0 <= step <= num_steps]
    if outside:
        raise UserError(f"checkpoint_steps: expected steps from 0 to num_steps = {num_steps}, got {outside[0]}")
    steps = {0, num_steps, *explicit}
    steps |= {round(num_steps / 2**i) for i in range(log_spaced or 0)}
    steps |= set(range(0, num_steps + 1, every)) if every else set()
    return tuple(sorted(steps))
