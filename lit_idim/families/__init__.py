"""Families of pretrained models for the study of d90 against the number of parameters, counted without weights."""

from lit_idim.families.counting import ParameterCount
from lit_idim.families.model import Family, FamilyModel
from lit_idim.families.registry import find_model, load_family, registered_families
from lit_idim.families.table import families_table

__all__ = [
    "Family",
    "FamilyModel",
    "ParameterCount",
    "families_table",
    "find_model",
    "load_family",
    "registered_families",
]
