"""lit_idim: how many numbers does it really take to fine-tune this model?"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lit_idim.data import GLUEDataModule
    from lit_idim.measure import measure_d90
    from lit_idim.projections import DenseProjection, FastfoodProjection, OneHotProjection, SparseProjection
    from lit_idim.subspace import Subspace
    from lit_idim.training import SubspaceClassifier

__all__ = [
    "DenseProjection",
    "FastfoodProjection",
    "GLUEDataModule",
    "OneHotProjection",
    "SparseProjection",
    "Subspace",
    "SubspaceClassifier",
    "measure_d90",
]

_PACKAGES = {
    "DenseProjection": "projections",
    "FastfoodProjection": "projections",
    "GLUEDataModule": "data",
    "OneHotProjection": "projections",
    "SparseProjection": "projections",
    "Subspace": "subspace",
    "SubspaceClassifier": "training",
    "measure_d90": "measure",
}


def __getattr__(name: str) -> Any:
    """Imports a public name at first use: the command line must not wait for torch to print its help."""
    if name not in _PACKAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PACKAGES[name]}"), name)
