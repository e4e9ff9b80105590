"""Modules that need the extra `triton` are not looked into for doctests where it is missing."""

from importlib.util import find_spec

collect_ignore_glob = (
    [] if find_spec("triton") else ["lit_idim/projections/gpu/fused.py", "lit_idim/projections/gpu/kernels/*.py"]
)
