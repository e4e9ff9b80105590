"""RoBERTa's special tokens around a vocabulary of our own."""

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


def with_special_tokens(tokenizer: Tokenizer, *, max_length: int) -> PreTrainedTokenizerFast:
    """A transformers tokenizer whose begin, padding, end, unknown and mask tokens are `SPECIAL_TOKENS`.

    Args:
        tokenizer: whose vocabulary holds them.
        max_length: longest input of the model in tokens.
    """
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=max_length,
    )
