"""Triton kernels of Fastfood. Importing any module of this folder needs the extra `triton`."""
