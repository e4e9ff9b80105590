"""What is told to be stored is what is stored."""

import pytest
import torch

from lit_idim.cost.stored import stored_bytes
from lit_idim.projections import FastfoodProjection, make_projection
from lit_idim.projections.gpu import choice


def test_helpers_of_the_compiled_kernels_count() -> None:
    pytest.importorskip("numba")
    projection = FastfoodProjection(d=60, D=1000)
    assert stored_bytes(projection) == 0
    projection.matvec(torch.ones(60))
    signs, copied, keys, quantiles, identity = 64, 8 * 64, 4 * 4, 4 * 256, 2 * 64
    assert stored_bytes(projection) == signs + copied + keys + quantiles + identity


def test_the_table_that_dense_reads_counts_and_onehot_keeps_nothing() -> None:
    found = {}
    for name in ("dense", "onehot", "sparse"):
        projection = make_projection(name, d=3, D=100)
        projection.matvec(torch.ones(3))
        found[name] = stored_bytes(projection)
    assert found == {"dense": 4 * 65_536, "onehot": 0, "sparse": 0}


def test_helpers_of_the_gpu_kernels_count() -> None:
    pytest.importorskip("triton")
    from lit_idim.projections.gpu.fused import TILE, FusedFastfood

    projection = FastfoodProjection(d=60, D=10_000)
    kernels = choice._made.setdefault(projection, {})
    kernels[torch.device("cpu")] = fused = FusedFastfood(projection, torch.device("cpu"))
    flags = projection.num_blocks if len(fused.affine) > TILE else 0
    signs, diagonal, factors, table, end = 64, 8 * 64, 8 * (8 * 8 + 8 * 8), 4 * 256, 8
    assert stored_bytes(projection) == signs + diagonal + factors + table + end + TILE + flags
