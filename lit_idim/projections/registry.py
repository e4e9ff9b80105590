"""The projections by name."""

from lit_idim.errors import UserError
from lit_idim.projections.base import Projection
from lit_idim.projections.dense import DenseProjection
from lit_idim.projections.fastfood import FastfoodProjection
from lit_idim.projections.fastfood_literal import FastfoodLiteralProjection
from lit_idim.projections.onehot import OneHotProjection
from lit_idim.projections.sparse import SparseProjection

PROJECTIONS: dict[str, type[Projection]] = {
    projection.name: projection
    for projection in (
        FastfoodProjection,
        DenseProjection,
        SparseProjection,
        OneHotProjection,
        FastfoodLiteralProjection,
    )
}


def make_projection(name: str, *, d: int, D: int, seed: int = 0) -> Projection:
    """The projection of that name.

    Args:
        name: "fastfood", "dense", "sparse", "onehot" or "fastfood_literal".
        d: columns.
        D: rows.
        seed: names the draw.

    Raises:
        UserError: if there is no such projection, or d or D is out of range.

    Example:
        >>> make_projection("onehot", d=2, D=6)
        OneHotProjection(d=2, D=6, seed=0)
    """
    if name not in PROJECTIONS:
        raise UserError(f"projection must be one of {', '.join(PROJECTIONS)}; got {name!r}")
    return PROJECTIONS[name](d=d, D=D, seed=seed)
