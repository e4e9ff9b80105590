import pytest

from lit_idim.errors import UserError
from lit_idim.series import FolderSource, Series, load_series
from lit_idim.series.reading import read_series
from lit_idim.series.writing import write_series


def test_the_toy_ladder_is_one_family():
    assert {load_series(f"toy-{size}").family for size in ("L1-H64", "L2-H64", "L2-H96", "L2-H128", "L3-H144")} == {
        "toy"
    }


def test_a_family_is_written_and_read_back(folder):
    series = Series(name="own", title="Own", source=FolderSource(series="own", path=folder), family="mine")
    assert read_series(write_series(series, folder))[0].family == "mine"


def test_variants_fill_in_a_family(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        "name: '{kind}-{size}'\nfamily: '{kind}'\nsource: {kind: folder, path: '{kind}-{size}'}\n"
        "variants: {kind: [a, b], size: [1, 2]}\n"
    )
    assert [(series.name, series.family) for series in read_series(path)] == [
        *(("a-1", "a"), ("a-2", "a"), ("b-1", "b"), ("b-2", "b"))
    ]


def test_a_family_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("{name: own, family: [toy], source: {kind: folder, path: own}}")
    with pytest.raises(UserError, match=r"own.yaml: series 'own': family: expected a text, got \['toy'\]"):
        read_series(path)
