"""A vector as whole multiples of a step."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lit_idim.errors import UserError

# 2^(k/4) as constants: a platform's own power might differ in the last bit, and with it the decoded numbers.
_FOURTH_ROOTS_OF_TWO = (1.0, 1.189207115002721, 1.4142135623730951, 1.681792830507429)
LARGEST_STEP_EXPONENT = 400  # 2^100 and 2^-100: within float32's range
LARGEST_LEVEL = 2**12  # 13 bits a number: finer grids compress nothing


def step_size(exponent: int) -> float:
    """2^(exponent / 4).

    Example:
        >>> step_size(0), step_size(-8), round(step_size(1), 4)
        (1.0, 0.25, 1.1892)
    """
    return math.ldexp(_FOURTH_ROOTS_OF_TWO[exponent % 4], exponent // 4)


def nearest_step_exponent(size: float) -> int:
    """The exponent k whose 2^(k/4) lies nearest to a size > 0 on a log scale; 0 for size 0.

    Example:
        >>> nearest_step_exponent(0.24)
        -8
    """
    if size == 0:
        return 0
    return max(-LARGEST_STEP_EXPONENT, min(LARGEST_STEP_EXPONENT, round(4 * math.log2(size))))


@dataclass(frozen=True, kw_only=True)
class QuantizedVector:
    """k numbers: levels times a step.

    Attributes:
        levels: whole numbers, k of them.
        step_exponent: of the step 2^(step_exponent / 4).
        codebook: scale exponent of the distribution that codes the levels, see `lit_idim.certificate.level_code`.
        largest_level: that the distribution knows: levels lie between -largest_level and largest_level.

    Raises:
        UserError: if a level or the step is out of range.

    Example:
        >>> QuantizedVector(levels=(0, -2), step_exponent=-4, codebook=0, largest_level=2).values()
        array([ 0., -1.], dtype=float32)
    """

    levels: tuple[int, ...]
    step_exponent: int
    codebook: int
    largest_level: int

    def __post_init__(self) -> None:
        if not 0 <= self.largest_level <= LARGEST_LEVEL:
            raise UserError(
                f"largest_level: expected 0 to {LARGEST_LEVEL}, got {self.largest_level}; choose a larger step"
            )
        if any(abs(level) > self.largest_level for level in self.levels):
            raise UserError(f"levels: expected none beyond largest_level={self.largest_level}, got {self.levels}")
        if abs(self.step_exponent) > LARGEST_STEP_EXPONENT:
            raise UserError(
                f"step_exponent: expected {-LARGEST_STEP_EXPONENT} to {LARGEST_STEP_EXPONENT}, got {self.step_exponent}"
            )

    @property
    def step(self) -> float:
        """Between neighbouring numbers."""
        return step_size(self.step_exponent)

    def values(self, offset: float = 0.0) -> npt.NDArray[np.float32]:
        """offset + levels * step, shape (k,), computed in float64 and rounded once to float32."""
        return (offset + np.array(self.levels, dtype=np.float64) * self.step).astype(np.float32)
