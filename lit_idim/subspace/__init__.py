"""A model in a random subspace: what counts, its layers, its initialization, theta_0 + P theta_d."""

from lit_idim.subspace.checksum import checksum_tensors
from lit_idim.subspace.initialization import INITIALIZATION_VERSION, initialize_parameters
from lit_idim.subspace.layout import CountedParameter, Layer, Layout, find_layout
from lit_idim.subspace.loading import load_classifier
from lit_idim.subspace.subspace import SUBSPACE_METHODS, Subspace, SubspaceMethod

__all__ = [
    "INITIALIZATION_VERSION",
    "SUBSPACE_METHODS",
    "CountedParameter",
    "Layer",
    "Layout",
    "Subspace",
    "SubspaceMethod",
    "checksum_tensors",
    "find_layout",
    "initialize_parameters",
    "load_classifier",
]
