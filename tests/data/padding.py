"""How much of what is computed is padding."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def padding_fraction(lengths: npt.NDArray[np.int64], batches: Sequence[npt.NDArray[np.int64]]) -> float:
    """Share of the computed token positions that is padding, when each batch is padded to its longest example."""
    positions = sum(len(batch) * int(lengths[batch].max()) for batch in batches)
    return 1 - sum(int(lengths[batch].sum()) for batch in batches) / positions
