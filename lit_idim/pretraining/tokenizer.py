"""RoBERTa's tokenizer, trained on the text of the run."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.processors import RobertaProcessing
from tokenizers.trainers import BpeTrainer
from transformers import PreTrainedTokenizerFast

from lit_idim.data.roberta_tokenizer import SPECIAL_TOKENS, with_special_tokens
from lit_idim.errors import UserError

MIN_PAIR_FREQUENCY = 2


def train_tokenizer(lines: Iterable[str], *, vocab_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE, as RoBERTa's (Radford et al. 2019), with ids 0 to 4 for <s>, <pad>, </s>, <unk> and <mask>.

    Args:
        lines: text.
        vocab_size: tokens, the 256 bytes and 5 special tokens included.
        max_length: longest input of the model in tokens.

    Raises:
        UserError: if `vocab_size` has no room for the bytes, or the text yields fewer tokens.
    """
    alphabet = ByteLevel.alphabet()
    smallest = len(alphabet) + len(SPECIAL_TOKENS)
    if vocab_size < smallest:
        raise UserError(f"vocab_size: expected at least {smallest}, the bytes and special tokens; got {vocab_size}")
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_PAIR_FREQUENCY,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator((line for line in lines if line), trainer)
    found = tokenizer.get_vocab_size()
    if found < vocab_size:
        raise UserError(f"vocab_size: the corpus yields only {found} tokens, {vocab_size} were asked for; lower it")
    tokenizer.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return with_special_tokens(tokenizer, max_length=max_length)
