"""Fields in the addresses of a series: `{step}`, `{thousands}`."""

import re

from lit_idim.errors import UserError

_FIELD = re.compile(r"\{(step|thousands)(?::0(\d)d)?\}")


def fill_in_step(template: str, step: int) -> str:
    """A template with the step put in.

    Fields are `{step}`, `{step:03d}` (padded with zeros) and `{thousands}` (step / 1000).

    Example:
        >>> fill_in_step("google/multiberts-seed_0-step_{thousands}k", 20_000)
        'google/multiberts-seed_0-step_20k'
        >>> fill_in_step("ckpt_{step:03d}", 7)
        'ckpt_007'

    Raises:
        UserError: if `{thousands}` is asked of a step that is no multiple of 1000.
    """

    def value(match: re.Match[str]) -> str:
        field, width = match.groups()
        if field == "thousands" and step % 1000:
            raise UserError(f"{template!r}: {{thousands}} needs a step that is a multiple of 1000, got {step}")
        return str(step // 1000 if field == "thousands" else step).zfill(int(width or 0))

    return _FIELD.sub(value, template)


def step_pattern(template: str) -> re.Pattern[str]:
    """A regular expression that matches a filled-in template and finds the step in it.

    Example:
        >>> step_pattern("step-{step}").fullmatch("step-200")["step"]
        '200'
    """
    before, found, after = template.partition("{step}")
    if not found:
        raise UserError(f"{template!r}: expected {{step}} where the step stands")
    return re.compile(f"{re.escape(before)}(?P<step>0|[1-9][0-9]*){re.escape(after)}")
