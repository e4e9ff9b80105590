"""A pretrained model, written as fairseq would have written it and read back: the same tokens, the same predictions."""

import json
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast, RobertaForMaskedLM

from lit_idim.series import FairseqSource, load_series
from lit_idim.series.fairseq.state_dict import to_fairseq

from .plain_fairseq import TEXT, options_of, write_checkpoint

STEP = 6144


@pytest.fixture
def original():
    return Path(load_series("mini").fetch(STEP).model)


def write_as_fairseq(original, folder):
    """A run folder with the weights, dictionary and BPE of a folder in `save_pretrained` format."""
    folder.mkdir()
    model = RobertaForMaskedLM.from_pretrained(original, dtype=torch.float32)
    state = model.state_dict()
    # fairseq has no token types: the only one is a constant, which the positions can carry.
    types = state["roberta.embeddings.token_type_embeddings.weight"]
    state["roberta.embeddings.position_embeddings.weight"] += types
    types.zero_()
    config = model.config
    options = options_of(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        ffn=config.intermediate_size,
        heads=config.num_attention_heads,
        max_positions=config.max_position_embeddings - 2,
    )
    write_checkpoint(folder / f"checkpoint_3_{STEP}.pt", to_fairseq(state), options, num_updates=STEP)
    bpe = json.loads((original / "tokenizer.json").read_text())["model"]
    (folder / "encoder.json").write_text(json.dumps(bpe["vocab"]))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in bpe["merges"]), ""]
    (folder / "vocab.bpe").write_text("\n".join(lines), encoding="utf-8")
    rows = range(5, len(bpe["vocab"]))
    (folder / "dict.txt").write_text("".join(f"{word} 1\n" for word in ("<mask>", *rows)))


def test_tokens_and_predictions(original, tmp_path):
    write_as_fairseq(original, tmp_path / "run")
    location = FairseqSource(series="mini-fairseq", path=tmp_path / "run").fetch(STEP)
    before, after = (PreTrainedTokenizerFast.from_pretrained(folder) for folder in (original, location.model))
    assert after.get_vocab() == before.get_vocab()
    batch = before(TEXT, padding=True, return_tensors="pt")
    assert torch.equal(after(TEXT, padding=True, return_tensors="pt")["input_ids"], batch["input_ids"])
    logits = []
    for folder in (original, location.model):
        model = RobertaForMaskedLM.from_pretrained(folder, dtype=torch.float64).eval()
        with torch.no_grad():
            logits.append(model(**batch).logits[batch["attention_mask"] == 1])
    # The sum of positions and token type was rounded to float32.
    torch.testing.assert_close(logits[1], logits[0], atol=1e-5, rtol=0)
    assert logits[0].std() > 1
