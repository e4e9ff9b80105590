"""The roberta family of fairseq2 beside transformers' RoBERTa."""

import dataclasses
import subprocess
import sys

import pytest
import torch
import yaml

pytest.importorskip("fairseq2", reason="the extra fairseq2 is not installed: make test-fairseq2")

from fairseq2.nn import BatchLayout
from transformers import RobertaConfig, RobertaForMaskedLM

from lit_idim.errors import UserError
from lit_idim.fairseq2_extension.architectures import ARCHITECTURES
from lit_idim.fairseq2_extension.factory import create_roberta
from lit_idim.fairseq2_extension.state_dict import convert_roberta_state_dict
from lit_idim.series.fairseq.state_dict import to_fairseq
from lit_idim.series.fairseq2.conversion import to_hugging_face
from lit_idim.series.fairseq2.keys import hugging_face_names, tensor_shapes
from lit_idim.series.reading import read_series

pytestmark = pytest.mark.fairseq2


def random_model(architecture):
    torch.manual_seed(0)
    model = create_roberta(architecture).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def hugging_face(model, architecture):
    config = RobertaConfig(**architecture.to_hugging_face())
    theirs = RobertaForMaskedLM(config).eval()
    theirs.load_state_dict(to_hugging_face(model.state_dict(), architecture), strict=False)
    theirs.tie_weights()
    return theirs


def padded_ids(architecture, lengths):
    ids = torch.randint(5, architecture.vocab_size, (len(lengths), max(lengths)))
    for row, length in enumerate(lengths):
        ids[row, length:] = architecture.pad_idx
    return ids, (ids != architecture.pad_idx).long()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_logits_are_those_of_transformers_padding_included(name):
    architecture = ARCHITECTURES[name]
    model = random_model(architecture)
    lengths = [12, 7, 1, architecture.max_seq_len if architecture.max_seq_len < 64 else 20]
    ids, mask = padded_ids(architecture, lengths)
    with torch.no_grad():
        ours = model(ids, BatchLayout.of(ids, lengths))
        theirs = hugging_face(model, architecture)(input_ids=ids, attention_mask=mask).logits
    assert (ours - theirs)[mask.bool()].abs().max() < 1e-5


def test_shapes_are_those_of_the_model():
    architecture = ARCHITECTURES["toy-L2-H96"]
    state = create_roberta(architecture).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == tensor_shapes(architecture)


def test_conversion_round_trips_bit_for_bit():
    architecture = ARCHITECTURES["toy-L2-H64"]
    state = random_model(architecture).state_dict()
    converted = to_hugging_face(state, architecture)
    for ours, theirs in hugging_face_names(architecture).items():
        assert torch.equal(state[ours], converted[theirs])
    del converted["roberta.embeddings.token_type_embeddings.weight"]
    back = convert_roberta_state_dict({"model": to_fairseq(converted)}, architecture)
    assert set(back) == set(state) and all(torch.equal(back[name], state[name]) for name in state)


def as_fairseq(state, *, one_projection, stack):
    """The names that fairseq v1 gives the tensors, written out here anew."""
    names = {"ffn.inner_proj": "fc1", "ffn.output_proj": "fc2", "ffn_layer_norm": "final_layer_norm"}
    found = {}
    for key, value in state.items():
        if key.startswith("lm_head.final_proj."):
            key = f"{stack}coder.lm_head.{key.rpartition('.')[2]}"
        elif key.startswith("lm_head."):
            key = f"{stack}coder.{key}"
        elif key.startswith("encoder_frontend."):
            parts = {"embed": "embed_tokens", "pos_encoder": "embed_positions", "layer_norm": "emb_layer_norm"}
            _, part, end = key.split(".")
            key = f"{stack}coder.sentence_encoder.{parts[part]}.{end}"
        else:
            for ours, theirs in names.items():
                key = key.replace(f".{ours}.", f".{theirs}.")
            key = key.replace("self_attn.output_proj", "self_attn.out_proj")
            key = key.replace("encoder.layers", f"{stack}coder.sentence_encoder.layers")
        found[key] = value
    if one_projection:
        for key in [key for key in found if ".q_proj." in key]:
            parts = [found.pop(key.replace(".q_proj.", f".{part}_proj.")) for part in "qkv"]
            found[key.replace(".q_proj.", ".in_proj_")] = torch.cat(parts)
    return {"model": found | {f"{stack}coder.sentence_encoder.version": torch.tensor([1.0])}, "args": None}


@pytest.mark.parametrize("one_projection", [False, True])
@pytest.mark.parametrize("stack", ["en", "de"])
def test_a_fairseq_state_dict_gives_the_same_model(one_projection, stack):
    architecture = ARCHITECTURES["toy-L2-H64"]
    model = random_model(architecture)
    old = as_fairseq(model.state_dict(), one_projection=one_projection, stack=stack)
    read = create_roberta(architecture).eval()
    read.load_state_dict(convert_roberta_state_dict(old, architecture))
    ids, _ = padded_ids(architecture, [9, 4])
    layout = BatchLayout.of(ids, [9, 4])
    assert torch.equal(read(ids, layout), model(ids, layout))


def test_an_untied_head_of_fairseq_is_refused():
    architecture = ARCHITECTURES["toy-L2-H64"]
    old = as_fairseq(random_model(architecture).state_dict(), one_projection=False, stack="en")
    old["model"]["encoder.lm_head.weight"] = torch.full_like(old["model"]["encoder.lm_head.weight"], 7.0)
    with pytest.raises(UserError, match="head is not tied to its embedding"):
        convert_roberta_state_dict(old, architecture)
    del old["model"]["encoder.sentence_encoder.embed_tokens.weight"]
    with pytest.raises(UserError, match=r"embed_tokens\.weight is missing"):
        convert_roberta_state_dict(old, architecture)


def test_fairseq2_exports_the_model_itself(tmp_path, monkeypatch):
    architecture = ARCHITECTURES["toy-L1-H64"]
    model = random_model(architecture)
    shard = tmp_path / "run/checkpoints/step_7/model/pp_00/tp_00/sdp_00.pt"
    shard.parent.mkdir(parents=True)
    torch.save(model.state_dict(), shard)
    document = {"name": "checkpoint", "model_family": "roberta", "model_config": dataclasses.asdict(architecture)}
    (tmp_path / "run/checkpoints/model.yaml").write_text(yaml.safe_dump(document))
    command = [sys.executable, "-m", "fairseq2.models.utils.hg_export", "--no-rich"]
    command += ["--checkpoint-dir", str(tmp_path / "run/checkpoints"), "checkpoint_step_7", str(tmp_path / "exported")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    exported = RobertaForMaskedLM.from_pretrained(tmp_path / "exported").eval()
    monkeypatch.setenv("LIT_IDIM_CACHE", str(tmp_path / "cache"))
    series = tmp_path / "run.yaml"
    series.write_text(yaml.safe_dump({"name": "r", "source": {"kind": "fairseq2", "path": "run"}, "tokenizer": "toy"}))
    fetched = RobertaForMaskedLM.from_pretrained(read_series(series)[0].fetch(7).model).eval()
    ids, mask = padded_ids(architecture, [9, 4])
    expected = model(ids, BatchLayout.of(ids, [9, 4]))
    for other in (exported, fetched):
        assert (other(input_ids=ids, attention_mask=mask).logits - expected)[mask.bool()].abs().max() < 1e-5
