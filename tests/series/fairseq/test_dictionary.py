import pytest

from lit_idim.errors import UserError
from lit_idim.series.fairseq.dictionary import read_dictionary


def test_lines_follow_four_special_tokens_and_the_mask_is_last(tmp_path):
    (tmp_path / "dict.txt").write_text("262 9\n13 8\nmadeupword0000 0\n")
    dictionary = read_dictionary(tmp_path / "dict.txt")
    assert dictionary.tokens == ("<s>", "<pad>", "</s>", "<unk>", "262", "13", "madeupword0000", "<mask>")
    assert len(dictionary) == 8
    assert dictionary.encode(["13", "0", "<mask>", "</s>"]) == [5, 3, 7, 2]


def test_a_mask_among_the_lines_keeps_its_row(tmp_path):
    (tmp_path / "dict.txt").write_text("262 9\n<mask> 8\n13 8\n")
    assert read_dictionary(tmp_path / "dict.txt").tokens[4:] == ("262", "<mask>", "13")


def test_missing(tmp_path):
    with pytest.raises(
        UserError, match="dict.txt is missing.*copy the dict.txt of the run's data folder beside.*source.dictionary"
    ):
        read_dictionary(tmp_path / "dict.txt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"262 9\n13\n", "line 2: expected a token, a space and a count, got '13'"),
        (b"262 many\n", "line 1: expected a token, a space and a count"),
        (b"262 -3\n", "line 1: expected a token, a space and a count"),
        (b"262 9\n\n13 8\n", "line 2: expected a token, a space and a count, got ''"),
        (b"262 9\n262 8\n", "line 2: token '262' stands there twice"),
        (b"<pad> 9\n", "line 1: token '<pad>' stands there twice, or is a special one"),
        (b"262 9 #fairseq:overwrite\n", "line 1: lines that end in #fairseq:overwrite are not supported"),
        (b"\xff 9\n", "dict.txt cannot be read"),
    ],
)
def test_damaged(tmp_path, text, message):
    (tmp_path / "dict.txt").write_bytes(text)
    with pytest.raises(UserError, match=message):
        read_dictionary(tmp_path / "dict.txt")


def test_a_folder_in_its_place(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_dictionary(tmp_path)
