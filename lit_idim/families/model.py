"""A family of pretrained models and its members."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lit_idim.families.counting import ParameterCount, build_config, count_parameters


@dataclass(frozen=True, kw_only=True)
class FamilyModel:
    """A pretrained model of which the architecture is known without a network.

    Attributes:
        name: its short name, unique in the registry.
        family: name of its family.
        repository: its name on the model hub.
        revision: branch, tag or commit there; None for the newest.
        model_type: the architecture, a `model_type` of transformers.
        config: keys of its config, the family's and its own; those left out have the default of transformers.
        licence: of its weights.
    """

    name: str
    family: str
    repository: str
    revision: str | None
    model_type: str
    config: Mapping[str, Any]
    licence: str

    def build_config(self, num_labels: int = 2) -> Any:
        """Its config object of transformers, for a classifier of `num_labels` labels (1 for regression).

        Raises:
            UserError: if this release of transformers does not know the architecture or refuses a value.
        """
        return build_config(self.model_type, self.config, num_labels)

    def count_parameters(self, num_labels: int = 2) -> ParameterCount:
        """D with and without embeddings and m of its classifier, from the config alone.

        Args:
            num_labels: classes, or 1 for regression; the head is a part of D.

        Raises:
            UserError: if the architecture has no sequence classification head.

        Example:
            >>> from lit_idim.families import find_model
            >>> find_model("bert-L2-H128").count_parameters()
            ParameterCount(D=4386178, D_without_embeddings=413570, m=4)
        """
        return count_parameters(self.model_type, self.config, num_labels=num_labels)


@dataclass(frozen=True, kw_only=True)
class Family:
    """Pretrained models of one architecture and recipe in several sizes.

    Attributes:
        name: of its file in `checkpoints/families`.
        title: what the family is, for people.
        licence: of the weights.
        citation: the paper.
        model_type: the architecture, a `model_type` of transformers.
        models: the members, small to large.
    """

    name: str
    title: str
    licence: str
    citation: str
    model_type: str
    models: tuple[FamilyModel, ...]
