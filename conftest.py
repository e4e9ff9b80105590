"""Modules of an extra that is not installed are not collected."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("fairseq2") else ["lit_idim/fairseq2_extension"]
