"""What the search decided when this was written: a change of it changes the tables of studies that are resumed.

Statistical tests leave a design constant a wide range. A change that is meant to change decisions is measured with
`studies/search_accuracy.py`, gets a line in the changelog, and new lines here.
"""

import hashlib
from dataclasses import replace

import pytest

from lit_idim.d90 import SearchSettings, estimate_d90
from lit_idim.d90.simulation import draw_cell, run_search

SETTINGS = {
    "default": SearchSettings(),
    "narrow": SearchSettings(tolerance=0.1, max_trainings=150),
    "targets": SearchSettings(targets=("full_fraction", "chance_corrected")),
    "grid": SearchSettings(protocol="grid", grid_points=25),
}
RECORD = {
    ("default", 0): (20, "3eb3e177", 4.5806, 0.1670),
    ("default", 1): (85, "cb752245", 4.2772, 1.1082),
    ("default", 2): (23, "048e3ee3", 4.0273, 0.2197),
    ("default", 3): (21, "ad9e1e28", 5.9459, 0.2889),
    ("default", 4): (72, "1020a94d", 6.7586, 0.2685),
    ("default", 5): (84, "5bfe4e29", 8.0521, 0.4397),
    ("default", 6): (34, "309b66ce", 7.4501, 0.3007),
    ("default", 7): (42, "c51e07fe", 4.6035, 0.2348),
    ("default", 8): (26, "8a86f29f", 5.1257, 0.2908),
    ("default", 9): (20, "5f07cd46", 7.4782, 0.2424),
    ("default", 10): (17, "78e29b24", 6.6732, 0.2651),
    ("default", 11): (57, "7ec1ae0c", 7.1023, 0.2828),
    ("default", 12): (24, "76fa4fa4", 4.0880, 0.2527),
    ("default", 13): (24, "c3c308aa", 4.5518, 0.2619),
    ("default", 31): (23, "4238fa97", 7.9249, 0.2887),  # rates at chance go on by nearness to the rule
    ("default", 34): (20, "92c0f24b", 8.1448, 0.1979),  # as above, with trainings that diverge
    ("narrow", 0): (28, "73a17981", 4.5300, 0.0834),
    ("narrow", 1): (156, "794f425d", 4.1125, 1.9535),
    ("narrow", 2): (42, "00a84bcd", 4.0304, 0.0959),
    ("narrow", 3): (77, "b17ae3a6", 5.4331, 0.0993),
    ("targets", 0): (24, "9c2a47fe", 4.5596, 0.1178),
    ("targets", 1): (85, "cb752245", 4.2772, 1.1082),
    ("targets", 2): (35, "b0814421", 4.0491, 0.1632),
    ("grid", 0): (106, "b2e297fb", 4.6058, 0.0988),
    ("grid", 1): (106, "b2e297fb", 4.1763, 1.1627),
}


def searched(name: str, number: int) -> tuple[int, str, float, float]:
    """Number of trainings, digest of which ones and to which end, median and half width of ln d90."""
    settings = SETTINGS[name]
    cell = draw_cell(number, study_seed=11)
    if number % 5 == 4:
        cell = replace(cell, diverging=0.3)
    facts, results, _ = run_search(cell, settings)
    asked = sorted((training.d or 0, *training[1:], result.ended) for training, result in results.items())
    found = estimate_d90(results, kind="full_fraction", chance=facts.chance, settings=settings)
    crossing = found.curve.crossing
    return len(asked), hashlib.sha256(repr(asked).encode()).hexdigest()[:8], crossing.x, crossing.half_width


@pytest.mark.parametrize(("name", "number"), RECORD)
def test_the_search_decides_as_it_did(name, number):
    found = searched(name, number)
    assert found[:2] == RECORD[name, number][:2]
    assert found[2:] == pytest.approx(RECORD[name, number][2:], abs=2e-4)
