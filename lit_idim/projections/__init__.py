"""The projections P: R^d -> R^D."""

from lit_idim.projections.base import Projection
from lit_idim.projections.dense import DenseProjection
from lit_idim.projections.fastfood import FastfoodProjection
from lit_idim.projections.fastfood_literal import FastfoodLiteralProjection
from lit_idim.projections.onehot import OneHotProjection
from lit_idim.projections.registry import PROJECTIONS, make_projection
from lit_idim.projections.sparse import SparseProjection

__all__ = [
    "PROJECTIONS",
    "DenseProjection",
    "FastfoodLiteralProjection",
    "FastfoodProjection",
    "OneHotProjection",
    "Projection",
    "SparseProjection",
    "make_projection",
]
