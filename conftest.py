"""Modules of extras that are not installed are not collected."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("fairseq2") else ["lit_idim/fairseq2_extension"]
collect_ignore_glob = (
    [] if find_spec("triton") else ["lit_idim/projections/gpu/fused.py", "lit_idim/projections/gpu/kernels/*.py"]
)
