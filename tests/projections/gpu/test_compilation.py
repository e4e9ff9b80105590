"""Triton compiles for a GPU without one: every kernel becomes machine code for an H100 and H200 (sm_90)."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="needs the extra triton")

PROGRAM = """
import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

class NoGPU:
    def get_current_target(self): return GPUTarget("cuda", 90, 32)
    def get_current_device(self): return 0
    def get_current_stream(self, device): return 0

def compile_only(kernel, grid):
    def launch(*arguments, **constants):
        compiled = kernel.run(*arguments, grid=grid, warmup=True, **constants)
        print(kernel.__name__, "cubin" in compiled.asm, compiled.metadata.shared)
    return launch

driver.set_active(NoGPU())
JITFunction.__getitem__ = compile_only

from lit_idim.projections import FastfoodProjection
from lit_idim.projections.gpu.fused import FusedFastfood

projection = FastfoodProjection(d={d}, D=200_000)
kernels = FusedFastfood(projection, torch.device("cpu"))
for dtype in (torch.bfloat16, torch.float32):
    base = torch.zeros(200_000, dtype=dtype)
    scales, stops = torch.ones(3), torch.tensor([5, 100_000, 200_000])
    for start in (0, 1):  # Triton takes an argument that is 1 for a constant
        kernels.add_rows(kernels.shared(torch.zeros({d})), start, base=base, out=base, scales=scales, stops=stops)
    kernels.adjoint([(0, base[:1024]), (1024, base[1024:])])
    kernels.adjoint([(1, base[:5])])
"""


@pytest.mark.slow
@pytest.mark.parametrize("d", [1, 3, 8, 1000, 4096, 65_536])
def test_every_kernel_compiles(d: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    program = [sys.executable, "-c", PROGRAM.replace("{d}", str(d))]
    out = subprocess.run(program, capture_output=True, text=True, env=environment)
    assert out.returncode == 0, out.stderr
    lines = [line.split() for line in out.stdout.splitlines()]
    assert {line[0] for line in lines} >= {"sum_partials"}
    assert all(is_compiled == "True" and int(shared) <= 227 * 1024 for _, is_compiled, shared in lines)


AGAIN = """
from lit_idim.projections.gpu.kernels.adjoint import add_up_tiles
from lit_idim.projections.gpu.fused import TILE
variants = lambda: sum(len(cache[0]) for cache in add_up_tiles.device_caches.values())
before = variants()
for first in (0, 1, 2, 3, 16, 32):
    kernels.adjoint([(first * TILE, torch.zeros(1024))])
print("variants", variants() - before)
"""


@pytest.mark.slow
def test_the_first_tile_compiles_nothing_anew() -> None:
    """Triton would make a kernel of its own for 1 and for multiples of 16."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    program = PROGRAM.replace("{d}", "8").partition("for dtype in")[0] + AGAIN
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment)
    assert out.returncode == 0, out.stderr
    assert out.stdout.splitlines()[-1].split() == ["variants", "1"]
