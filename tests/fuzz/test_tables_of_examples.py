"""TSV files of GLUE, quoted CSV, JSON lines, and the columns of `lit-idim predict --tsv`."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lit_idim.commands.adapter import _read_columns
from lit_idim.data.examples import Examples
from lit_idim.data.json_lines import read_json_lines
from lit_idim.data.quoted_csv import read_quoted_csv
from lit_idim.data.tsv import read_tsv
from lit_idim.tasks import get_split, get_task

from .inputs import answer, damaged, fuzzed

HEADERS = {
    "sst2": "sentence\tlabel",
    "stsb": "sentence1\tsentence2\tscore",
    "qqp": "question1\tquestion2\tis_duplicate",
    "mnli": "sentence1\tsentence2\tgold_label",
    "cola": "gj04\t1\t\tA b.",
}
VALID_TSV = [
    b"sentence\tlabel\na fine film\t1\npoor\t0\n",
    b"\xef\xbb\xbfsentence\tlabel\r\nfine \t1\r\n",
    b"sentence1\tsentence2\tscore\na\tb\t3.8\nc\td\t0\n",
    b"sentence1\tsentence2\tgold_label\na\tb\tneutral\n",
    b"question1\tquestion2\tis_duplicate\na?\tb?\t1\n",
    b"gj04\t1\t\tA b.\ngj04\t0\t*\tB a.\n",
]
VALID_JSON = [b'{"context": "a", "hypothesis": "b", "label": "e"}\n{"context": "c", "hypothesis": "d", "label": "n"}\n']
VALID_CSV = [b'"1","bad ""one"" \\n"\n"2","fine"\n']
TOKENS = (
    b"\t",
    b"\n",
    b"\r",
    b"\x00",
    b"\xff",
    b'"',
    b"1e999",
    b"nan",
    b"-0",
    b"\xe2\x80\xa8",
    b"[" * 3000,
    b"9" * 5000,
)
CELLS = st.one_of(
    st.text(max_size=6), st.sampled_from(["0", "1", "neutral", "3.5", "nan", "inf", "-1", "1_0", "٣", ""])
)


def lines_of(task: str) -> st.SearchStrategy[bytes]:
    """A header of the task and lines of cells, mostly as many as there should be."""
    width = HEADERS[task].count("\t") + 1
    rows = st.lists(st.one_of(st.lists(CELLS, min_size=width, max_size=width), st.lists(CELLS, max_size=5)), max_size=5)
    return rows.map(
        lambda rows: "\n".join([HEADERS[task], *("\t".join(row) for row in rows)]).encode(errors="surrogatepass")
    )


def check(found: object, labels: int) -> None:
    if isinstance(found, Examples):
        assert len(found) > 0 and all(isinstance(text, str) for text in found.first)
        assert found.labels is not None and np.isfinite(found.labels).all()
        assert (found.labels >= 0).all() and (found.labels <= labels).all()


@pytest.mark.filterwarnings("ignore:.*They are left out")
@pytest.mark.parametrize("task", HEADERS)
@fuzzed(60)
@given(data=st.data())
def test_tsv(tmp_path_factory: pytest.TempPathFactory, task: str, data: st.DataObject) -> None:
    content = data.draw(st.one_of(damaged(VALID_TSV, TOKENS), lines_of(task), st.binary(max_size=60)))
    path = tmp_path_factory.getbasetemp() / "train.tsv"
    path.write_bytes(content)
    known = get_task(task)
    check(answer(lambda: read_tsv(path, known, get_split(known, "train")), "train.tsv"), 5)


@fuzzed(80)
@given(content=st.one_of(damaged(VALID_JSON, TOKENS), st.binary(max_size=60)))
@example(content=b"[" * 100_000)
@example(content=b'{"context": "a", "hypothesis": "b", "label": ' + b"1" * 5000 + b"}")
def test_json_lines(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "train.jsonl"
    path.write_bytes(content)
    check(answer(lambda: read_json_lines(path, get_task("anli")), "train.jsonl"), 2)


@fuzzed(60)
@given(content=st.one_of(damaged(VALID_CSV, TOKENS), st.binary(max_size=60)))
def test_quoted_csv(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "train.csv"
    path.write_bytes(content)
    check(answer(lambda: read_quoted_csv(path, get_task("yelp_polarity")), "train.csv"), 1)


@fuzzed(60)
@given(
    content=st.one_of(damaged(VALID_TSV, TOKENS), st.binary(max_size=60)),
    columns=st.lists(st.one_of(st.sampled_from(["sentence", "label", "sentence1"]), st.text(max_size=3)), max_size=3),
)
def test_columns_to_predict(tmp_path_factory: pytest.TempPathFactory, content: bytes, columns: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "texts.tsv"
    path.write_bytes(content)
    found = answer(lambda: _read_columns(Path(path), columns), "texts.tsv")
    if isinstance(found, tuple) and found[1] is not None:
        assert len(found[0]) == len(found[1])
