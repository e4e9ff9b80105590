"""The registry of families as a table for people."""

from collections.abc import Sequence

from lit_idim.families.registry import load_family, registered_families

COLUMNS = ("family", "model", "repository", "D", "D without embeddings", "m", "licence")
NUMBERS = ("D", "D without embeddings", "m")


def families_table(names: Sequence[str] | None = None, *, num_labels: int = 2) -> str:
    """Every model with D, D without embeddings and m of its classifier, as lines of text.

    Args:
        names: families to show; None for all.
        num_labels: classes of the head that D holds.

    Returns:
        A heading and one line a model.

    Raises:
        UserError: if a family is unknown or its file is damaged.

    Example:
        >>> print(families_table(["mpnet"]))
        family  model       repository                      D  D without embeddings   m  licence
        mpnet   mpnet-base  microsoft/mpnet-base  109,488,002            85,648,514  14  MIT
    """
    families = registered_families() if names is None else [load_family(name) for name in names]
    rows = []
    for family in families:
        for model in family.models:
            count = model.count_parameters(num_labels)
            numbers = (f"{count.D:,}", f"{count.D_without_embeddings:,}", str(count.m))
            rows.append((family.name, model.name, model.repository, *numbers, model.licence))
    widths = [max(len(row[i]) for row in (COLUMNS, *rows)) for i in range(len(COLUMNS))]
    return "\n".join(_line(row, widths) for row in (COLUMNS, *rows))


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        f"{cell:>{width}}" if column in NUMBERS else f"{cell:<{width}}"
        for column, cell, width in zip(COLUMNS, row, widths, strict=True)
    ]
    return "  ".join(cells).rstrip()
