"""Sections of what a study sends beside its lines: bounds, cost, tables and figures."""

from lit_idim.dashboard.description import StudyDescription
from lit_idim.dashboard.lines import MAX_PANELS, MAX_REPORT_PANELS
from lit_idim.dashboard.panels import Panel, Section
from lit_idim.tracking.keys import (
    NUM_CELLS_DONE,
    NUM_CELLS_REACHED,
    NUM_TRAININGS,
    TRAINING_SECONDS,
    figure_key,
    table_key,
)

BOUND_TABLE = "generalization"
BOUND_CHARTS = (
    ("held_out_error", "kl_bound", "the bound beside the error that is measured"),
    ("num_bits", "kl_bound", "bits of the message and the bound they give"),
    ("pretraining_step", "num_bits", "bits as pretraining goes on"),
    ("d90", "full_dev_accuracy", "d90 beside dev accuracy"),
    ("d90", "full_generalization_gap", "d90 beside the generalization gap"),
)
"""x, y and what they show, as columns of `generalization.csv`."""


def bound_section(study: StudyDescription) -> Section:
    """Bounds on the error, where the study has computed them."""
    key = table_key(BOUND_TABLE)
    panels: tuple[Panel, ...] = ()
    if BOUND_TABLE in study.tables:
        charts = (Panel(kind="scatter_chart", title=shows, keys=(key,), x=x, y=y) for x, y, shows in BOUND_CHARTS)
        panels = (*charts, Panel(kind="table", title="bounds and gaps, a row a cell", keys=(key,)))
    shows = "What the bits of a trained subspace prove of its error (kl_bound), beside errors that are measured."
    return Section(name="Bounds", shows=shows, panels=panels)


def cost_section() -> Section:
    """What the study has spent, and how far it is."""
    numbers = (
        (NUM_CELLS_DONE, "cells done"),
        (NUM_CELLS_REACHED, "cells whose d90 is a number"),
        (NUM_TRAININGS, "trainings"),
        (TRAINING_SECONDS, "seconds of training"),
    )
    panels = (
        *(Panel(kind="number", title=title, keys=(key,)) for key, title in numbers),
        Panel(kind="bars", title="seconds of training", keys=(TRAINING_SECONDS,)),
        Panel(
            kind="lines",
            title="cells done over time",
            keys=(NUM_CELLS_DONE, NUM_CELLS_REACHED),
            x="RelativeTime(Wall)",
            y="cells",
        ),
    )
    return Section(name="Cost", shows="How far the study is and what it has spent.", panels=panels)


def table_section(study: StudyDescription) -> Section:
    """The tables, d90 first: it is sent by every study."""
    stems = dict.fromkeys(("d90", *study.tables))
    panels = tuple(
        Panel(kind="table", title=f"{stem}.csv", keys=(table_key(stem),)) for stem in stems if stem != BOUND_TABLE
    )
    return Section(name="Tables", shows="The study's tables, whole.", panels=panels)


def figure_section(study: StudyDescription) -> Section:
    """The figures, a panel each; in one panel where they are many."""
    keys = tuple(figure_key(stem) for stem in study.figures)
    panels: tuple[Panel, ...]
    if len(keys) > MAX_PANELS:
        panels = (Panel(kind="picture", title="figures", keys=keys),)
    else:
        panels = tuple(
            Panel(kind="picture", title=stem, keys=(key,)) for stem, key in zip(study.figures, keys, strict=True)
        )
    shows = "The study's figures, drawn from its ledger, with intervals and captions."
    return Section(name="Figures", shows=shows, panels=panels, in_report=len(panels) <= MAX_REPORT_PANELS)
