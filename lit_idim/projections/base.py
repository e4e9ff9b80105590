"""The operator P: R^d -> R^D, its laws, and its place in automatic differentiation.

Shapes: theta_d (d,), theta = P theta_d (D,), rows [start, stop) of P act on a slice of theta of stop - start numbers.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

from lit_idim.errors import UserError
from lit_idim.projections.pieces import Piece, Slice
from lit_idim.randomness import StreamKey, stream_key


class Projection(ABC):
    """A random, fixed linear map P from d to D numbers with E[P^T P] = I_d, made anew from (d, D, seed, version).

    Nothing of P is stored. A subclass gives the two products over a range of rows; the products over all rows,
    their derivatives, the dense matrix and the checksum follow. Computation is in float32, or float64 where the
    operand is float64; lower precisions are raised to float32 and the result is rounded once.

    Args:
        d: number of columns, the trained coordinates, 1 <= d <= D.
        D: number of rows, the parameters of the model.
        seed: names the draw of P; P is the same wherever (d, D, seed, version) are the same.

    Raises:
        UserError: if d or D is out of range.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    max_D: ClassVar[int] = 2**32

    def __init__(self, *, d: int, D: int, seed: int = 0) -> None:
        if d < 1:
            raise UserError(f"d must be at least 1, got d={d}")
        if d > D:
            raise UserError(
                f"d must not exceed D, the number of parameters: got d={d}, D={D}; choose d <= {D}, or method 'full'"
            )
        if self.max_D < D:
            raise UserError(f"D must not exceed {self.max_D} for the projection {self.name!r}, got D={D}")
        self.d = d
        self.D = D
        self.seed = seed

    def __repr__(self) -> str:
        return f"{type(self).__name__}(d={self.d}, D={self.D}, seed={self.seed})"

    def key(self, part: str) -> StreamKey:
        """Key of the random stream for one part of P."""
        return stream_key(self.seed, f"{self.name}.{part}", self.version)

    @abstractmethod
    def add_rows(
        self, theta_d: Float[Tensor, " d"], start: int, *, base: Tensor, out: Tensor, scale: float | Tensor = 1.0
    ) -> None:
        """Writes out = base + scale * (P theta_d)[start : start + len(out)], summed in float32, rounded once.

        Args:
            theta_d: coordinates, shape (d,), float32 or float64.
            start: first row.
            base: what is added to, shape (n,), contiguous.
            out: where to write, shape (n,), contiguous, dtype of `base`; may be `base` itself.
            scale: a number or a tensor of one number.
        """

    def add_slices(self, theta_d: Float[Tensor, " d"], slices: Sequence[Slice]) -> None:
        """`add_rows` of several slices of theta; a subclass makes what they share once.

        Args:
            theta_d: coordinates, shape (d,), float32 or float64.
            slices: first row, base, out and scale of each.
        """
        for start, base, out, scale in slices:
            self.add_rows(theta_d, start, base=base, out=out, scale=scale)

    @abstractmethod
    def adjoint(self, pieces: Sequence[Piece], *, like: Tensor) -> Float[Tensor, " d"]:
        """P^T v for a v that is zero outside the given pieces, shape (d,), dtype and device of `like`."""

    @abstractmethod
    def sample_bits(self) -> npt.NDArray[np.int64]:
        """Integers that tell P's generator: a sample of the random words and positions that P is made of."""

    def rows(self, theta_d: Float[Tensor, " d"], start: int, stop: int) -> Tensor:
        """(P theta_d)[start:stop], shape (stop - start,), outside automatic differentiation."""
        out = torch.zeros(stop - start, dtype=theta_d.dtype, device=theta_d.device)
        self.add_rows(theta_d, start, base=out, out=out)
        return out

    def matvec(self, theta_d: Float[Tensor, " d"]) -> Float[Tensor, " D"]:
        """P theta_d, shape (D,), differentiable to any order.

        Raises:
            UserError: if the shape is not (d,) or the dtype is not floating.
        """
        self._check("theta_d", theta_d, self.d)
        return _Matvec.apply(theta_d, self)  # type: ignore[no-any-return, no-untyped-call]

    def rmatvec(self, theta: Float[Tensor, " D"]) -> Float[Tensor, " d"]:
        """P^T theta, shape (d,), differentiable to any order.

        Raises:
            UserError: if the shape is not (D,) or the dtype is not floating.
        """
        self._check("theta", theta, self.D)
        return _Rmatvec.apply(theta, self)  # type: ignore[no-any-return, no-untyped-call]

    def to_dense(self, *, dtype: torch.dtype = torch.float64) -> Float[Tensor, "D d"]:
        """P as a matrix, shape (D, d), column by column: for tests and small problems, D * d numbers."""
        return torch.stack([self.matvec(column) for column in torch.eye(self.d, dtype=dtype)], dim=1)

    def checksum(self) -> str:
        """16 hexadecimal digits that change when the generator, d, D or the seed does."""
        head = f"{self.name}/{self.version}/{self.d}/{self.D}/{self.seed}/".encode()
        return hashlib.sha256(head + self.sample_bits().astype("<i8").tobytes()).hexdigest()[:16]

    @staticmethod
    def _check(argument: str, value: Tensor, length: int) -> None:
        if value.shape != (length,) or not value.dtype.is_floating_point:
            raise UserError(
                f"{argument} must be a floating tensor of shape ({length},), got {value.dtype} {tuple(value.shape)}"
            )


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """The precision in which P is applied to an operand: float64 for float64, else float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32


class _Matvec(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, theta_d: Tensor, projection: Projection) -> Tensor:
        ctx.projection = projection
        raised = theta_d.detach().to(compute_dtype(theta_d.dtype)).contiguous()
        with torch.autocast(theta_d.device.type, enabled=False):
            return projection.rows(raised, 0, projection.D).to(theta_d.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _Rmatvec.apply(gradient, ctx.projection), None  # type: ignore[no-untyped-call]


class _Rmatvec(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, theta: Tensor, projection: Projection) -> Tensor:
        ctx.projection = projection
        like = torch.empty(0, dtype=compute_dtype(theta.dtype), device=theta.device)
        with torch.autocast(theta.device.type, enabled=False):
            return projection.adjoint([(0, theta.detach())], like=like).to(theta.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _Matvec.apply(gradient, ctx.projection), None  # type: ignore[no-untyped-call]
