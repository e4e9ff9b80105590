"""A word-level tokenizer of the toy language with RoBERTa's special tokens."""

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from lit_idim.data.roberta_tokenizer import SPECIAL_TOKENS, with_special_tokens
from lit_idim.toy.vocabulary import toy_vocabulary

MODEL_MAX_LENGTH_TOKENS = 32


def build_toy_tokenizer() -> PreTrainedTokenizerFast:
    """One token a word; `<s> A </s>` for a sentence and `<s> A </s></s> B </s>` for a pair, as RoBERTa has it.

    The ids of <s>, <pad>, </s>, <unk> and <mask> are 0 to 4; the words of the language follow in the vocabulary's
    order.

    Example:
        >>> tokenizer = build_toy_tokenizer()
        >>> tokenizer.convert_ids_to_tokens(tokenizer("the plant", "a plant").input_ids)
        ['<s>', 'the', 'plant', '</s>', '</s>', 'a', 'plant', '</s>']
    """
    ids = {token: i for i, token in enumerate((*SPECIAL_TOKENS, *toy_vocabulary().words()))}
    tokenizer = Tokenizer(WordLevel(ids, unk_token="<unk>"))
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", ids["<s>"]), ("</s>", ids["</s>"])],
    )
    return with_special_tokens(tokenizer, max_length=MODEL_MAX_LENGTH_TOKENS)
