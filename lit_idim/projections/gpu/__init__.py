"""Fastfood on a GPU: fused Triton kernels, and when they are used. Nothing here imports Triton before it is needed."""
