import csv
from dataclasses import fields

from lit_idim.study.model_sizes import ModelSize, size_key
from lit_idim.study.size_table import describe_trend, summarize_sizes, write_size_trends
from lit_idim.study.size_trend import SizeTrend, size_trends


def studied(make_row, values):
    rows = [
        make_row(
            model=f"m{number}",
            num_parameters=10_000 * 4**number,
            **({"status": value} if isinstance(value, str) else {"d90": value}),
        )
        for number, value in enumerate(values)
    ]
    sizes = {
        size_key(row): ModelSize(
            model=row.model,
            checkpoint=row.checkpoint,
            family="family",
            num_parameters=row.num_parameters,
            num_parameters_without_embeddings=None if row.model == "m0" else row.num_parameters - 5_000,
            reason="not on this machine" if row.model == "m0" else None,
        )
        for row in rows
    }
    return rows, sizes, size_trends(rows, sizes, num_resamples=60)


def test_a_trend_is_a_row_and_a_field_a_column(tmp_path, make_row):
    _, _, trends = studied(make_row, [400.0, 300.0, 350.0, 250.0, "failed"])
    write_size_trends(tmp_path / "trends.csv", trends)
    with (tmp_path / "trends.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == [entry.name for entry in fields(SizeTrend)]
    assert [row["x"] for row in found] == ["num_parameters", "num_parameters_without_embeddings"]
    assert float(found[0]["slope"]) == trends[0].slope and found[0]["reason"] == ""
    assert (found[1]["num_failed"], found[1]["num_missing"]) == ("1", "1")


def test_the_summary_lists_models_by_size_then_trends_then_what_is_lacking(make_row):
    rows, sizes, trends = studied(make_row, [400.0, 300.0, 350.0, 250.0, "failed"])
    lines = summarize_sizes(rows[::-1], sizes, trends).splitlines()
    assert [line.split()[0] for line in lines[1:6]] == ["m0", "m1", "m2", "m3", "m4"]
    assert " ".join(lines[1].split()) == "m0 family 10,000 ? 1000 toy-sst2 said 400 200 to 450 reached"
    assert lines[6].startswith("d90 on toy-sst2 said against D: rank correlation -0.80 (")
    assert lines[7].startswith("d90 on toy-sst2 said against D without embeddings: rank correlation -0.50; slope ")
    assert "4 reached, 0 censored" in lines[6] and "no interval, since" in lines[7]
    assert lines[8] == "m0/step-1000: D without embeddings is not known: not on this machine"
    assert lines[9] == "m4/step-1000 toy-sst2 said: made up"


def test_a_refused_trend_says_why(make_row):
    _, _, trends = studied(make_row, [400.0, "above_range"])
    assert describe_trend(trends[0]) == (
        "no rank correlation (2 usable cells, at least 3 are needed); no slope (1 reached cells at x > 0, at least 3 "
        "are needed); 1 reached, 1 censored"
    )
