from pathlib import Path

import numpy as np
import pytest

from lit_idim.data.tsv import read_tsv
from lit_idim.errors import UserError
from lit_idim.tasks import get_split, get_task

MNLI_COLUMNS = [
    "index",
    "promptID",
    "pairID",
    "genre",
    "sentence1_binary_parse",
    "sentence2_binary_parse",
    "sentence1_parse",
    "sentence2_parse",
    "sentence1",
    "sentence2",
]
STSB_COLUMNS = ["index", "genre", "filename", "year", "old_index", "source1", "source2", "sentence1", "sentence2"]

# (task, split, header, rows, first texts, second texts, labels): the layout of each published file.
LAYOUTS = [
    ("cola", "train", None, ["gj04\t1\t\tA b.", "gj04\t0\t*\tB a."], ["A b.", "B a."], None, [1, 0]),
    ("cola", "test", "index\tsentence", ["0\tA b.", "1\tB a."], ["A b.", "B a."], None, None),
    ("sst2", "dev", "sentence\tlabel", ["fine \t1", "poor \t0"], ["fine ", "poor "], None, [1, 0]),
    ("sst2", "test", "index\tsentence", ["0\tfine", "1\tpoor"], ["fine", "poor"], None, None),
    ("mrpc", "dev", "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String", ["1\t7\t8\ta\tb"], ["a"], ["b"], [1]),
    ("mrpc", "test", "index\t#1 ID\t#2 ID\t#1 String\t#2 String", ["0\t7\t8\ta\tb"], ["a"], ["b"], None),
    (
        "stsb",
        "train",
        "\t".join([*STSB_COLUMNS, "score"]),
        ["0\tg\tf\t2012\t1\tnone\tnone\ta\tb\t3.800", "1\tg\tf\t2012\t1\tnone\tnone\tc\td\t0"],
        ["a", "c"],
        ["b", "d"],
        [3.8, 0.0],
    ),
    ("stsb", "test", "\t".join(STSB_COLUMNS), ["0\tg\tf\t2012\t1\tnone\tnone\ta\tb"], ["a"], ["b"], None),
    ("qqp", "dev", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", ["0\t1\t2\ta?\tb?\t1"], ["a?"], ["b?"], [1]),
    ("qqp", "test", "id\tquestion1\tquestion2", ["0\ta?\tb?"], ["a?"], ["b?"], None),
    (
        "mnli",
        "train",
        "\t".join([*MNLI_COLUMNS, "label1", "gold_label"]),
        ["0\t1\t2\tfiction\t\t\t\t\ta\tb\tneutral\tneutral"],
        ["a"],
        ["b"],
        [1],
    ),
    (
        "mnli",
        "dev_mismatched",
        "\t".join([*MNLI_COLUMNS, *(f"label{i}" for i in range(1, 6)), "gold_label"]),
        ["0\t1\t2\tletters\t\t\t\t\ta\tb" + "\tentailment" * 5 + "\tcontradiction"],
        ["a"],
        ["b"],
        [2],
    ),
    ("mnli", "test", "\t".join(MNLI_COLUMNS), ["0\t1\t2\tfiction\t\t\t\t\ta\tb"], ["a"], ["b"], None),
    ("qnli", "dev", "index\tquestion\tsentence\tlabel", ["0\ta?\tb\tnot_entailment"], ["a?"], ["b"], [1]),
    ("qnli", "test", "index\tquestion\tsentence", ["0\ta?\tb"], ["a?"], ["b"], None),
    ("rte", "train", "index\tsentence1\tsentence2\tlabel", ["0\ta\tb\tentailment"], ["a"], ["b"], [0]),
    ("rte", "test", "index\tsentence1\tsentence2", ["0\ta\tb"], ["a"], ["b"], None),
    ("wnli", "dev", "index\tsentence1\tsentence2\tlabel", ["0\ta\tb\t1"], ["a"], ["b"], [1]),
    ("wnli", "test", "index\tsentence1\tsentence2", ["0\ta\tb"], ["a"], ["b"], None),
]


def read(path: Path, content: str | bytes, task: str = "sst2", split: str = "train"):
    path = path / "file.tsv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_tsv(path, get_task(task), get_split(get_task(task), split))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte-order-mark"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(
    ("task", "split", "header", "rows", "first", "second", "labels"), LAYOUTS, ids=[f"{x[0]}-{x[1]}" for x in LAYOUTS]
)
def test_published_layouts(tmp_path, task, split, header, rows, first, second, labels, line_end, mark) -> None:
    lines = ([header] if header else []) + rows
    examples = read(tmp_path, mark + (line_end.join(lines) + line_end).encode(), task, split)
    assert examples.first == first
    assert examples.second == second
    assert examples.index.tolist() == list(range(len(first)))
    if labels is None:
        assert examples.labels is None
    else:
        assert examples.labels is not None
        np.testing.assert_allclose(examples.labels, labels)
        assert examples.labels.dtype == (np.float32 if task == "stsb" else np.int64)


def test_quotes_and_unicode_line_separators_are_text(tmp_path) -> None:
    rows = ['" a stray quote\t1', 'b " c\t0', '"""\t1', "one\u2028line\x0b\x85 \t0", '"d\t1', "\xa0\t0"]
    examples = read(tmp_path, "\n".join(["sentence\tlabel", *rows]))
    assert examples.first == [row.rpartition("\t")[0] for row in rows]


def test_blank_lines_end_a_file_but_do_not_stand_inside(tmp_path) -> None:
    assert len(read(tmp_path, "sentence\tlabel\na\t1\n\n\n")) == 1
    with pytest.raises(UserError, match=r"file\.tsv:3: expected 2 columns"):
        read(tmp_path, "sentence\tlabel\na\t1\n\nb\t0\n")


@pytest.mark.parametrize(
    ("task", "content", "message"),
    [
        ("sst2", "sentence\tlabel\na\t1\nb\n", r"file\.tsv:3: expected 2 columns .*\(sentence, label\); got 1: 'b'"),
        ("sst2", "sentence\tlabel\na\tb\t1\n", r"file\.tsv:2: expected 2 columns .* got 3"),
        ("sst2", "sentence\tlabel\na\t2\n", r"file\.tsv:2: label '2' is outside sst2's label set; .* '0', '1'"),
        ("mnli", "sentence1\tsentence2\tgold_label\na\tb\t-\n", r":2: label '-' .* 'entailment', 'neutral', 'contrad"),
        ("sst2", "text\tlabel\na\t1\n", r"file\.tsv:1: .* must name the columns sentence, label; sentence missing"),
        ("sst2", "index\tsentence\n0\ta\n", r"file\.tsv:1: .* label missing among index, sentence"),
        ("sst2", b"sentence\tlabel\na\t1\nb\xff\t0\n", r"file\.tsv:3: expected UTF-8 text; byte 2 .* 0xff"),
        ("sst2", b"", r"file\.tsv: the file is empty"),
        ("sst2", b"\xef\xbb\xbf\n\n", r"file\.tsv: the file is empty"),
        ("sst2", "sentence\tlabel\n", r"file\.tsv: expected examples; .* only its header"),
        ("cola", "sentence\tlabel\na\t1\n", r"file\.tsv:1: expected 4 columns .*source, label, annotation, sentence"),
        ("stsb", "sentence1\tsentence2\tscore\na\tb\tx\n", r":2: the score of stsb must be a number; got 'x'"),
        ("stsb", "sentence1\tsentence2\tscore\na\tb\t5.1\n", r":2: the score .* between 0 and 5; got 5.1"),
        ("stsb", "sentence1\tsentence2\tscore\na\tb\tnan\n", r":2: the score .* between 0 and 5; got nan"),
    ],
)
def test_a_malformed_file_is_named_with_its_line(tmp_path, task, content, message) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, content, task)


def qqp_with_broken_lines(num_rows: int, num_broken: int) -> str:
    """A question with a line break, as published: a line without its end, and a line without its beginning."""
    rows = [f"{i}\t1\t2\ta?\tb?\t{i % 2}" for i in range(num_rows)]
    for i in range(num_broken):
        rows[5 + i] = '17\t1\t2\t"' if i % 2 == 0 else '"\tWas it?\t0'
    return "\n".join(["id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate", *rows, ""])


def test_the_broken_lines_of_qqp_are_left_out_with_a_warning(tmp_path) -> None:
    with pytest.warns(UserWarning, match=r"file\.tsv: 2 of 2000 lines do not have 6 columns: line 7, 8\. .*left out"):
        examples = read(tmp_path, qqp_with_broken_lines(2000, 2), "qqp")
    assert len(examples) == 1998
    assert examples.index.tolist() == list(range(1998))


def test_more_broken_lines_than_qqp_has_are_an_error(tmp_path) -> None:
    with pytest.raises(UserError, match=r"file\.tsv:7: 3 of 2000 lines do not have 6 columns: line 7, 8, 9"):
        read(tmp_path, qqp_with_broken_lines(2000, 3), "qqp")
