"""Tokenizers: loading, padding, and a fingerprint of everything that decides the tokens."""

import hashlib
import json
from pathlib import Path

import tokenizers
import transformers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from lit_idim.errors import UserError
from lit_idim.resources import shipped_folder
from lit_idim.series.tokenizer_class import tokenizer_class

TOY_TOKENIZER = "toy"


def load_tokenizer(name: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """A tokenizer, ready for padding.

    A tokenizer without a padding token (GPT-2) pads with its end-of-text token, which the attention mask hides; the
    model must be told that id (`config.pad_token_id`), since decoders find the last real token by it. Code that comes
    with a repository is never run.

    Args:
        name: A folder (one that ships with the package from anywhere), a repository on the Hugging Face hub, or `toy`
            for the generated language's.
        revision: Branch, tag or commit of a repository.

    Raises:
        UserError: if it can be neither loaded from a folder, nor downloaded, nor found in the cache.
    """
    name = shipped_folder(name)
    if revision is not None and (name == TOY_TOKENIZER or Path(name).is_dir()):
        raise UserError(
            f"tokenizer_revision: only a repository on the hub has revisions; {name!r} is none, leave it out"
        )
    tokenizer = _build_toy_tokenizer() if name == TOY_TOKENIZER else _load_pretrained(name, revision)
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token is None:
            raise UserError(f"tokenizer: {name!r} has neither a padding nor an end-of-text token; set its pad_token")
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _build_toy_tokenizer() -> PreTrainedTokenizerBase:
    from lit_idim.toy import build_toy_tokenizer

    return build_toy_tokenizer()


def _load_pretrained(name: str, revision: str | None) -> PreTrainedTokenizerBase:
    try:
        tokenizer: PreTrainedTokenizerBase = tokenizer_class(name).from_pretrained(
            name, revision=revision or "main", trust_remote_code=False
        )
    except Exception as error:  # the tokenizers library raises bare Exceptions for damaged files
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise UserError(
            f"tokenizer: {name!r}{f' at revision {revision!r}' if revision else ''} is neither a folder with a "
            f"tokenizer, nor can it be downloaded from the Hugging Face hub or found in its cache ({reason}). Connect "
            f"to the network once, or pass tokenizer=FOLDER as written by save_pretrained."
        ) from error
    return tokenizer


def tokenizer_fingerprint(tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256, in hexadecimal, over vocabulary, rules, special tokens and library versions.

    Padding and truncation are left out: they are arguments of a call, which a fast tokenizer happens to remember.
    """
    if isinstance(tokenizer, PreTrainedTokenizerFast):
        rules = json.loads(tokenizer.backend_tokenizer.to_str())
        rules.pop("padding", None)
        rules.pop("truncation", None)
    else:
        rules = {
            "vocabulary": sorted(tokenizer.get_vocab().items()),
            "settings": repr(sorted(tokenizer.init_kwargs.items())),
        }
    identity = {
        "class": type(tokenizer).__name__,
        "rules": rules,
        "special_tokens": {name: str(token) for name, token in tokenizer.special_tokens_map.items()},
        "model_input_names": list(tokenizer.model_input_names),
        "truncation_side": tokenizer.truncation_side,
        "versions": [tokenizers.__version__, transformers.__version__],
    }
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
