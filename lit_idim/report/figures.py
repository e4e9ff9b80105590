"""Further figures of a study, put into the page as they are."""

import base64
from collections.abc import Sequence

from lit_idim.report.content import ReportFigure
from lit_idim.report.markup import Markup, element, join

MEDIA_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


def embedded(figures: Sequence[ReportFigure]) -> Markup:
    """The figures as `data:` URIs, on white: they are made for paper.

    Raises:
        ValueError: if one is neither PNG nor SVG.
    """
    return join(_embedded(figure) for figure in figures)


def _embedded(figure: ReportFigure) -> Markup:
    media_type = MEDIA_TYPES.get(figure.path.suffix.lower())
    if media_type is None:
        raise ValueError(f"figures: expected .png or .svg, got {figure.path.name}")
    content = base64.b64encode(figure.path.read_bytes()).decode("ascii")
    image = element("img", src=f"data:{media_type};base64,{content}", alt=figure.alt, decoding="async")
    note = element("small", figure.note) if figure.note else None
    return element("figure", image, element("figcaption", figure.alt, note), class_="embedded")
