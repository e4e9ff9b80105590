"""fairseq's dictionary and BPE as one tokenizer of transformers, whose ids are the rows of the dictionary."""

import re

from tokenizers import AddedToken, Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import RobertaProcessing
from transformers import PreTrainedTokenizerFast

from lit_idim.data.roberta_tokenizer import with_special_tokens
from lit_idim.errors import UserError
from lit_idim.series.fairseq.dictionary import DICTIONARY_FILE, FIRST_TOKENS, MASK, Dictionary
from lit_idim.series.fairseq.gpt2_bpe import ENCODER_FILE, ByteLevelBPE

_FILLER = re.compile(r"madeupword\d{4,}")


def make_tokenizer(dictionary: Dictionary, bpe: ByteLevelBPE, *, max_length: int) -> PreTrainedTokenizerFast:
    """A tokenizer that gives any text the ids that fairseq trained on.

    fairseq cuts a text by the BPE, writes the numbers of its tokens in decimal digits, and looks these up in the
    dictionary; what is not there becomes `<unk>`. Here the tokens have the dictionary's rows at once. Bytes that no
    merge needs may be absent, since transformers has `<unk>` for these, too; it has none for a token made by a merge.
    Names of special tokens inside a text are those tokens, as in all tokenizers of transformers. Characters that the
    Unicode of either library did not know yet may be cut otherwise.

    Args:
        dictionary: of the run.
        bpe: that the text of the run was cut by.
        max_length: longest input of the model in tokens.

    Raises:
        UserError: if the dictionary holds anything but numbers of the BPE, or lacks one that a merge needs or makes.
    """
    vocabulary = _vocabulary(dictionary, bpe)
    _check_merges(vocabulary, bpe)
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=list(bpe.merges), unk_token="<unk>", fuse_unk=False))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = RobertaProcessing(
        ("</s>", vocabulary["</s>"]), ("<s>", vocabulary["<s>"]), trim_offsets=True, add_prefix_space=False
    )
    # fairseq strips the text in front of a mask.
    tokenizer.add_special_tokens([AddedToken(MASK, lstrip=True, normalized=False)])
    return with_special_tokens(tokenizer, max_length=max_length)


def _vocabulary(dictionary: Dictionary, bpe: ByteLevelBPE) -> dict[str, int]:
    """Rows by the names that transformers gives the tokens."""
    token_of = {str(number): token for token, number in bpe.numbers.items()}
    special = {*FIRST_TOKENS, MASK}
    vocabulary: dict[str, int] = {}
    for row, word in enumerate(dictionary.tokens):
        if word in special or _FILLER.fullmatch(word):
            name = word
        elif word in token_of:
            # No text is cut into a token named as a special one; its row keeps a name that is not in the way.
            name = token_of[word] if token_of[word] not in special else f"bpe{word}"
        else:
            raise UserError(
                f"{DICTIONARY_FILE}: {word!r} is not a number in {ENCODER_FILE}: the dictionary belongs to another "
                "BPE; name the folder of the one that the text was cut by in source.bpe (words and sentencepiece are "
                "not supported)"
            )
        if name in vocabulary:
            raise UserError(
                f"{DICTIONARY_FILE}: {word!r} and {dictionary.tokens[vocabulary[name]]!r} are both {name!r}"
            )
        vocabulary[name] = row
    return vocabulary


def _check_merges(vocabulary: dict[str, int], bpe: ByteLevelBPE) -> None:
    needed = {token for pair in bpe.merges for token in (*pair, "".join(pair))}
    absent = sorted((bpe.numbers[token], token) for token in needed if token not in vocabulary)
    if absent:
        number, token = absent[0]
        raise UserError(
            f"{DICTIONARY_FILE} lacks {len(absent)} of the {len(needed)} tokens that the BPE merges, as {number} "
            f"({token!r}): fairseq trained on <unk> in their place, which no tokenizer of transformers can do. If the "
            f"text was preprocessed with --srcdict, copy that {DICTIONARY_FILE}; otherwise the run cannot be measured"
        )
