"""A model in a random subspace: theta_D = theta_0 + P theta_d (DID) or theta_0,i + lambda_i (P theta_d)_i (SAID)."""

import copy
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lit_idim.errors import UserError
from lit_idim.projections import Projection, make_projection
from lit_idim.subspace.adapter import Adapter, AdapterBase, read_adapter, write_adapter
from lit_idim.subspace.checksum import checksum_tensors
from lit_idim.subspace.fused_weights import FusedWeights, kernels_for
from lit_idim.subspace.initialization import INITIALIZATION_VERSION
from lit_idim.subspace.layout import Layout, find_layout
from lit_idim.subspace.loading import load_classifier
from lit_idim.subspace.swapped_call import SwappedCall
from lit_idim.subspace.weights import SubspaceWeights

SubspaceMethod = Literal["did", "said"]
SUBSPACE_METHODS: tuple[SubspaceMethod, ...] = ("did", "said")


class Subspace(nn.Module):
    """Wraps a transformers sequence classification model so that exactly d numbers are trained (AZG20, eq. 1-3).

        DID    theta_D   = theta_0   + P theta_d                 theta_d in R^d
        SAID   theta_D,i = theta_0,i + lambda_i (P theta_d)_i    theta_d in R^(d-m), one lambda for each of the m layers

    theta_d starts at 0 and the lambdas at 1, so that the wrapped model starts exactly at theta_0. The head lies inside
    the subspace. The model's own parameters keep theta_0, their dtype and the model's dropout, and no longer require
    gradients. The sum is formed in float32 (float64 for a float64 model) and rounded once to theta_0's dtype. A module
    of the model that is replaced is noticed at the next call after `train` or `eval`.

    The state dict holds theta_d, the lambdas and what tells P and theta_0, never the model (whose keys, in a state dict
    that is loaded, are passed over): a few kilobytes. Loading it
    checks that the same projection and the same theta_0 stand under it.

    Args:
        model: encoder, encoder-decoder or decoder with a sequence classification head; it is wrapped in place.
        d: trained numbers, the lambdas included.
        method: "did" or "said".
        projection: name of P, see `lit_idim.projections`.
        seed: names the draw of P.
        layout: what `find_layout` gives for this model, if it is known already.

    Attributes:
        theta_d: trained coordinates, shape (d,) or (d - m,).
        lambdas: trained layer scales, shape (m,), or None for DID.
        layout: the counted parameters and their layers.
        projection: P.

    Raises:
        UserError: if d <= m for SAID, d > D, a name is unknown, the model is spread over several devices, or it has no
            head or weights that are not finite.
    """

    lambdas: nn.Parameter | None

    def __init__(
        self,
        model: nn.Module,
        *,
        d: int,
        method: SubspaceMethod = "said",
        projection: str = "fastfood",
        seed: int = 0,
        layout: Layout | None = None,
    ) -> None:
        super().__init__()
        if method not in SUBSPACE_METHODS:
            raise UserError(f"method must be one of {', '.join(SUBSPACE_METHODS)}; got {method!r}")
        _require_one_device(model)
        self.layout: Layout = find_layout(model) if layout is None else layout
        m = self.layout.m if method == "said" else 0
        if m and d <= m:
            raise UserError(
                f"d must exceed m = {m} for method 'said', which spends one of its d numbers on each of the m layers: "
                f"got d={d}; choose d >= {m + 1}, or method 'did'"
            )
        if d > self.layout.D:
            raise UserError(f"d must not exceed D = {self.layout.D}, the parameters of this model: got d={d}")
        self.method = method
        self.d = d
        self.projection: Projection = make_projection(projection, d=d - m, D=self.layout.D, seed=seed)
        self.model = model.requires_grad_(False)
        first = model.get_parameter(self.layout.parameters[0].name)
        dtype = torch.float64 if first.dtype == torch.float64 else torch.float32
        self.theta_d = nn.Parameter(torch.zeros(d - m, dtype=dtype, device=first.device))
        if m:
            self.lambdas = nn.Parameter(torch.ones(m, dtype=dtype, device=first.device))
        else:
            self.register_parameter("lambdas", None)
        self._checkpointable = [module for module in model.modules() if hasattr(module, "gradient_checkpointing")]
        self._weights: SubspaceWeights | FusedWeights | None = None
        self._call: SwappedCall | None = None
        self._device: torch.device | None = None
        self._checksum: tuple[list[Any], str] | None = None
        self.register_state_dict_post_hook(_drop_model)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_check_and_supply)  # type: ignore[no-untyped-call]

    @classmethod
    def from_file(cls, path: str | Path, model: nn.Module | None = None) -> "Subspace":
        """The trained subspace of a file that `to_file` or `lit-idim export` wrote, in evaluation mode.

        Args:
            path: of the file.
            model: the base model as it was before training, head included; loaded and drawn as the file says if None.

        Raises:
            UserError: if the file is damaged, or belongs to another base model, head or projection.
        """
        adapter = read_adapter(Path(path))
        base, state = adapter.base, adapter.subspace
        if model is None:
            model = load_classifier(
                base.model,
                num_labels=base.num_labels,
                head_seed=base.head_seed,
                revision=base.revision,
                random_weights=base.random_weights,
            )
        subspace = cls(
            model,
            d=state["d"],
            method=state["method"],
            projection=state["projection"],
            seed=state["projection_seed"],
        )
        subspace.check_state(state)
        with torch.no_grad():
            subspace.theta_d.copy_(adapter.theta_d)
            if subspace.lambdas is not None and adapter.lambdas is not None:
                subspace.lambdas.copy_(adapter.lambdas)
        return subspace.eval()

    def to_file(self, path: str | Path, base: AdapterBase) -> None:
        """Writes theta_d, the lambdas and what re-makes the rest: a few kilobytes.

        Args:
            path: of the file.
            base: what theta_0 is made from.

        Raises:
            UserError: if the file cannot be written.
        """
        adapter = Adapter(base=base, subspace=self.get_extra_state(), theta_d=self.theta_d, lambdas=self.lambdas)
        write_adapter(adapter, Path(path))

    def merged(self) -> Any:
        """A copy of the model with theta_D for its weights: an ordinary model, without a subspace."""
        merged = copy.deepcopy(self.model)
        with torch.no_grad():
            weights = self.weights()
            for counted in self.layout.parameters:
                place = next(alias for alias in counted.aliases if alias in weights)
                merged.get_parameter(counted.name).copy_(weights[place])
        return merged.requires_grad_(True)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The model's output at the present theta_D; arguments are the model's.

        Raises:
            UserError: if gradient checkpointing is on, which would recompute the model at theta_0.
        """
        if self.training and any(module.gradient_checkpointing for module in self._checkpointable):
            raise UserError(
                "gradient checkpointing must be off in a subspace: in the backward pass it would run the model again "
                "at theta_0; call model.gradient_checkpointing_disable()"
            )
        weights = self.weights()
        if torch.compiler.is_compiling():
            return functional_call(self.model, weights, args, kwargs, tie_weights=False)
        if self._call is None or self._call.model is not self.model:
            self._call = SwappedCall(self.model, weights)
        return self._call(weights, *args, **kwargs)

    def train(self, mode: bool = True) -> "Subspace":
        """As of any module; a part of the model that has been replaced is found by the next call."""
        self._call = None
        return super().train(mode)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def weights(self) -> dict[str, Tensor]:
        """theta_D by parameter name, differentiable in theta_d and the lambdas.

        The tensors share one buffer, which the first call after an update overwrites. `torch.compile` compiles the
        model around this call, whose work is in kernels of its own.
        """
        if self.theta_d.dtype not in (torch.float32, torch.float64):
            raise UserError(
                f"the trained numbers must be float32, got {self.theta_d.dtype}; convert the model before wrapping it, "
                "and train with precision bf16-mixed rather than bf16-true"
            )
        if self._weights is None or self._device != self.theta_d.device:
            _require_one_device(self.model)
            kernels = kernels_for(self.model, self.layout, self.projection)
            self._weights = (
                SubspaceWeights(self.model, self.layout, self.projection)
                if kernels is None
                else FusedWeights(self.model, self.layout, kernels)
            )
            self._device = self.theta_d.device
        return self._weights(self.theta_d, self.lambdas)

    def extra_repr(self) -> str:
        return f"method={self.method}, d={self.d}, D={self.layout.D}, m={self.layout.m}, projection={self.projection}"

    def get_extra_state(self) -> dict[str, Any]:
        """What tells this subspace: its sizes, P and theta_0 (plain numbers and strings)."""
        return {
            "method": self.method,
            "d": self.d,
            "D": self.layout.D,
            "m": self.layout.m,
            "projection": self.projection.name,
            "projection_version": self.projection.version,
            "projection_seed": self.projection.seed,
            "projection_checksum": self.projection.checksum(),
            "initialization_version": INITIALIZATION_VERSION,
            "theta_0_checksum": self._theta_0_checksum(),
        }

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Nothing to set: `_check_and_supply` has compared it before anything was loaded."""

    def check_state(self, state: dict[str, Any]) -> None:
        """Compares a saved `get_extra_state` with this subspace.

        Raises:
            UserError: naming each thing that differs, what was saved and what stands here.
        """
        here = self.get_extra_state()
        differing = [
            f"{name}: saved {state.get(name)}, here {value}" for name, value in here.items() if state.get(name) != value
        ]
        if differing:
            raise UserError(
                "the saved subspace belongs to another model, head or projection ("
                + "; ".join(differing)
                + "); restore "
                "it with the base model, head_seed, projection and projection_seed that it was trained with"
            )

    def _theta_0_checksum(self) -> str:
        """Kept until a parameter is replaced or written to: hashing D numbers takes seconds for a large model."""
        named = [(parameter.name, self.model.get_parameter(parameter.name)) for parameter in self.layout.parameters]
        seen = [(tensor.data_ptr(), tensor._version, tensor.dtype) for _, tensor in named]
        if self._checksum is None or self._checksum[0] != seen:
            self._checksum = (seen, checksum_tensors(named))
        return self._checksum[1]

    def __getstate__(self) -> dict[str, Any]:
        # a copy lays its weights out anew: its parameters are other tensors, its modules other modules
        return {**self.__dict__, "_weights": None, "_call": None}


def _require_one_device(model: nn.Module) -> None:
    """P is applied where all of theta is.

    Raises:
        UserError: if the parameters are on several devices.
    """
    found: dict[torch.device, str] = {}
    for name, parameter in model.named_parameters():
        found.setdefault(parameter.device, name)
    if len(found) > 1:
        places = ", ".join(f"{name} on {device}" for device, name in found.items())
        raise UserError(
            f"model: expected all parameters on one device, got {places}; load it without device_map, or with "
            f"device_map={{'': device}}, and move it as a whole with .to(device)"
        )


def _drop_model(module: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
    for name in [name for name in state if name.startswith(f"{prefix}model.")]:
        del state[name]


def _check_and_supply(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Refuses a state of another subspace before a number is changed; lets the model keep its own parameters."""
    assert isinstance(module, Subspace)
    if (saved := state.get(f"{prefix}_extra_state")) is not None:
        module.check_state(saved)
    state.update({f"{prefix}model.{name}": tensor for name, tensor in module.model.state_dict().items()})
