import numpy as np
import pytest

from lit_idim.data.encoded_dataset import EncodedDataset
from lit_idim.data.encoding import encode_examples
from lit_idim.data.examples import Examples
from lit_idim.errors import UserError

from .conftest import WORDS, word_tokenizer

FIRST = ["the cat sat", "a", "the cat sat on the mat", "good film"]
SECOND = ["a dog ran", "b c", "bad", "x y z a b c d"]


def make(first=FIRST, second=None, labels=(0, 1, 1, 0)) -> Examples:
    return Examples(list(first), second, None if labels is None else np.array(labels), np.arange(len(first)) * 10)


@pytest.mark.parametrize("second", [None, SECOND], ids=["single", "pair"])
@pytest.mark.parametrize("padding_side", ["right", "left"])
@pytest.mark.parametrize("has_token_types", [True, False])
def test_a_batch_is_what_the_tokenizer_makes_of_it(second, padding_side, has_token_types) -> None:
    names = ["input_ids", *(["token_type_ids"] if has_token_types else []), "attention_mask"]
    tokenizer = word_tokenizer(padding_side=padding_side, pad_token_type_id=3, model_input_names=names)
    examples = make(second=second)
    dataset = EncodedDataset(examples, encode_examples(examples, tokenizer, 32), tokenizer)
    for positions in ([0, 1, 2, 3], [3, 1], [2]):
        batch = dataset[positions]
        expected = tokenizer(
            [FIRST[i] for i in positions],
            None if second is None else [second[i] for i in positions],
            padding=True,
            return_tensors="pt",
        )
        assert set(batch) == {*names, "labels", "index"}
        for name in names:
            assert batch[name].tolist() == expected[name].tolist()
            assert batch[name].dtype == expected[name].dtype
        assert batch["labels"].tolist() == [[0, 1, 1, 0][i] for i in positions]
        assert batch["index"].tolist() == [10 * i for i in positions]


def test_labels_keep_their_type_and_may_be_absent(tokenizer) -> None:
    scores = make(labels=np.array([0.5, 1, 2, 5], dtype=np.float32))
    encoding = encode_examples(scores, tokenizer, 32)
    assert str(EncodedDataset(scores, encoding, tokenizer)[[0]]["labels"].dtype) == "torch.float32"
    assert str(EncodedDataset(make(), encoding, tokenizer)[[0]]["labels"].dtype) == "torch.int64"
    unlabelled = EncodedDataset(make(labels=None), encoding, tokenizer)
    assert "labels" not in unlabelled[[0]]
    assert not unlabelled.is_labelled


def test_the_longer_text_is_cut_and_cut_examples_are_counted(tokenizer) -> None:
    examples = make(second=SECOND)  # 9, 6, 10 and 12 tokens
    for max_length, num_truncated in ((8, 3), (9, 2), (10, 1), (12, 0)):
        encoding = encode_examples(examples, tokenizer, max_length)
        assert encoding.num_truncated == num_truncated
        assert encoding.lengths.max() == max_length
    tokens = EncodedDataset(examples, encode_examples(examples, tokenizer, 9), tokenizer)[[3]]["input_ids"][0]
    assert tokenizer.decode(tokens) == "[CLS] good film [SEP] x y z a [SEP]"


def test_earlier_calls_of_the_tokenizer_do_not_matter(tokenizer) -> None:
    plain = encode_examples(make(), tokenizer, 32)
    tokenizer(["a b", "c"], padding="max_length", truncation=True, max_length=4)
    np.testing.assert_array_equal(encode_examples(make(), tokenizer, 32).input_ids, plain.input_ids)


def test_many_examples_are_encoded_in_pieces(tokenizer, monkeypatch) -> None:
    examples = make([" ".join(WORDS[: 1 + i % 9]) for i in range(50)], labels=[0] * 50)
    whole = encode_examples(examples, tokenizer, 8)
    monkeypatch.setattr("lit_idim.data.encoding._TEXTS_PER_CALL", 7)
    pieces = encode_examples(examples, tokenizer, 8)
    np.testing.assert_array_equal(pieces.input_ids, whole.input_ids)
    np.testing.assert_array_equal(pieces.offsets, whole.offsets)
    assert pieces.num_truncated == whole.num_truncated > 0


def test_an_example_without_tokens_is_named() -> None:
    tokenizer = word_tokenizer()
    tokenizer.backend_tokenizer.post_processor = word_tokenizer(words=[]).backend_tokenizer.post_processor.__class__(
        single="$A", pair="$A $B:1", special_tokens=[]
    )
    with pytest.raises(UserError, match="example 10 of the split has no tokens"):
        encode_examples(make(["a", " ", "b", "c"]), tokenizer, 8)
