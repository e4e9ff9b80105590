"""The measuring stick computes in the dtype of what it is measured against."""

import pytest
import torch

from lit_idim.cost import PaddedFastfood


@pytest.mark.parametrize(("dtype", "bytes_a_number"), [(torch.float32, 4 + 4 + 8), (torch.bfloat16, 2 + 2 + 8)])
def test_all_of_it_is_in_that_dtype(dtype: torch.dtype, bytes_a_number: int) -> None:
    peer = PaddedFastfood([5, 100], d=7, dtype=dtype)
    assert peer.stored_bytes == (8 + 128) * bytes_a_number + 2 * dtype.itemsize
    theta_d = torch.randn(7, generator=torch.Generator().manual_seed(0), requires_grad=True)
    outputs = peer(theta_d)
    assert [(len(output), output.dtype) for output in outputs] == [(5, dtype), (100, dtype)]
    torch.autograd.backward(outputs, [torch.ones_like(output) for output in outputs])
    assert theta_d.grad is not None and theta_d.grad.dtype == torch.float32


def test_lower_precision_is_the_same_map_to_rounding() -> None:
    theta_d = torch.randn(60, generator=torch.Generator().manual_seed(0))
    exact, rounded = (
        PaddedFastfood([1000], d=60, dtype=dtype)(theta_d)[0] for dtype in (torch.float32, torch.bfloat16)
    )
    assert (rounded.float() - exact).norm() <= 0.03 * exact.norm()
