"""Training steps of the `peft` package's subspaces, Uni-LoRA and VeRA, beside ours (extra `benchmark`).

Both move LoRA-shaped updates of the query and value matrices, peft's default for RoBERTa, and never all of theta.
Uni-LoRA (Li et al. 2025) trains one vector of any length, so that d is the same as ours. VeRA (Kopiczko et al. 2024)
trains two vectors a matrix, whose lengths the model decides: its d is told, and ours is to be set to it.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from lit_idim.cost.steps import FullStep, classifier_for_cost
from lit_idim.training.optimization import ADAM_BETAS, ADAM_EPSILON, trained_numbers

TARGETS = ("query", "value")
RANKS = {"UniLora": 4, "Vera": 256}
"""peft's own defaults."""


class PeftStep(FullStep):
    """One update of what peft trains, with the Adam of `SubspaceStep`.

    Args:
        model: of `peft.get_peft_model`. batch, autocast: as `FullStep`.
    """

    def __init__(self, model: Any, batch: dict[str, Tensor], *, autocast: bool = False) -> None:
        self.model, self.batch, self.autocast = model, batch, autocast
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.Adam(trained, lr=1e-3, betas=ADAM_BETAS, eps=ADAM_EPSILON, fused=True)


@dataclass(frozen=True, kw_only=True)
class PeftPeers:
    """What peft offers here.

    Attributes:
        steps: by name, "uni-lora" and "vera".
        num_trained: numbers that each trains.
        missing: why some are missing, in one line; empty if none is.
    """

    steps: dict[str, FullStep]
    num_trained: dict[str, int]
    missing: str


def peft_peers(shape: str, batch: dict[str, Tensor], *, d: int, device: str, dtype: str) -> PeftPeers:
    """Steps of Uni-LoRA and VeRA on a model of that shape, as far as an installed peft has them.

    The head is frozen, so that Uni-LoRA trains d numbers and no more.

    Args:
        shape: see `classifier_for_cost`.
        batch: `input_ids` and `labels`.
        d: trained numbers of Uni-LoRA.
        device: where the models stand.
        dtype: "float32", or "bfloat16" with autocast, as of a subspace in `step_for_cost`.
    """
    try:
        peft = import_module("peft")
    except ModuleNotFoundError as error:
        if error.name != "peft":
            raise
        missing = "peft is not installed: Uni-LoRA and VeRA are left out; pip install 'lit-idim[benchmark]'"
        return PeftPeers(steps={}, num_trained={}, missing=missing)
    particular: dict[str, dict[str, int]] = {"UniLora": {"theta_d_length": d}, "Vera": {}}
    steps: dict[str, FullStep] = {}
    lacking = []
    for kind, name in (("UniLora", "uni-lora"), ("Vera", "vera")):
        if not hasattr(peft, f"{kind}Config"):
            lacking.append(name)
            continue
        config = getattr(peft, f"{kind}Config")(r=RANKS[kind], target_modules=list(TARGETS), **particular[kind])
        base = classifier_for_cost(shape, device=device).to(getattr(torch, dtype))
        with torch.random.fork_rng(devices=[]):
            model = peft.get_peft_model(base, config).to(device).train()
        steps[name] = PeftStep(model, batch, autocast=dtype == "bfloat16")
    return PeftPeers(
        steps=steps,
        num_trained={name: trained_numbers(step.model.parameters()) for name, step in steps.items()},
        missing=f"peft {peft.__version__} has no {', '.join(lacking)}: left out" if lacking else "",
    )
