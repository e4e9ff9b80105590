"""Which class of transformers reads a tokenizer."""

import json
from pathlib import Path
from typing import Any


def tokenizer_class(name: str) -> Any:
    """`AutoTokenizer`, or what it would choose if it could read a folder that transformers 5 has written.

    transformers 5 names `PreTrainedTokenizerFast` `TokenizersBackend`, which version 4 does not know.

    Args:
        name: a folder, or a name on the hub.
    """
    import transformers

    path = Path(name) / "tokenizer_config.json"
    if transformers.__version__ < "5" and path.is_file():
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:  # the loader says what is wrong with it
            config = None
        if isinstance(config, dict) and config.get("tokenizer_class") == "TokenizersBackend":
            return transformers.PreTrainedTokenizerFast
    return transformers.AutoTokenizer
