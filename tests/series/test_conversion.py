import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForPreTraining,
    GPT2Config,
    GPT2LMHeadModel,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
)

from lit_idim.errors import UserError
from lit_idim.series import load_series
from lit_idim.series.conversion import convert_series
from lit_idim.series.verification import verify_series


def convert(folder, out, *arguments, **options):
    return list(convert_series(load_series(folder), out, *arguments, **options))


def test_a_converted_series_is_the_same_series(folder, tmp_path):
    (folder / "series.yaml").write_text("{name: t, source: {kind: folder, path: .}, tokens_per_step: 7, license: mit}")
    out = tmp_path / "out"
    assert convert(folder, out) == [(0, True), (10, True), (20, True)]
    converted = load_series(out)
    assert (converted.name, converted.steps, converted.tokens(10), converted.license) == ("t", (0, 10, 20), 70, "mit")
    before = [report.checksum for report in verify_series(load_series(folder))]
    reports = list(verify_series(converted))
    assert [report.status for report in reports] == ["ok"] * 3
    assert [report.checksum for report in reports] == before
    assert len(AutoTokenizer.from_pretrained(out / "step-0")) == 8


def test_steps_done_are_left_and_half_written_ones_made_again(folder, tmp_path):
    out = tmp_path / "out"
    assert convert(folder, out, (10,)) == [(10, True)]
    (out / "step-0").mkdir()
    assert convert(folder, out) == [(0, True), (10, False), (20, True)]
    assert sorted(path.name for path in out.iterdir()) == ["series.yaml", "step-0", "step-10", "step-20"]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_dtype(folder, tmp_path, dtype):
    convert(folder, tmp_path / "out", (10,), dtype=dtype)
    folder, out = folder / "step-10", tmp_path / "out" / "step-10"
    before, after = load_file(folder / "model.safetensors"), load_file(out / "model.safetensors")
    assert set(after) == set(before)
    for name, tensor in before.items():
        expected = tensor.to(getattr(torch, dtype)) if tensor.is_floating_point() else tensor
        assert torch.equal(after[name], expected)
    config = json.loads((out / "config.json").read_text())
    assert dtype in (config.get("dtype"), config.get("torch_dtype"))
    assert RobertaForMaskedLM.from_pretrained(out, dtype="auto").dtype == getattr(torch, dtype)


SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8, "vocab_size": 20}
MODELS = {
    "bert": lambda: BertForPreTraining(BertConfig(**SMALL, max_position_embeddings=8)),
    "gpt2": lambda: GPT2LMHeadModel(GPT2Config(vocab_size=20, n_positions=8, n_embd=8, n_layer=1, n_head=2)),
    "t5": lambda: T5ForConditionalGeneration(
        T5Config(vocab_size=20, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_pytorch_file_with_tied_weights_keeps_every_weight(name, tmp_path):
    """As MultiBERTs: pytorch_model.bin alone, the heads tied to the embedding."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODELS[name]()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    source = tmp_path / "source" / "step-0"
    source.mkdir(parents=True)
    model.config.save_pretrained(source)
    state = model.state_dict()
    # A view of something larger, and a tensor that is not contiguous.
    largest = max((key for key in state if state[key].ndim == 2), key=lambda key: "query" in key or "c_fc" in key)
    state[largest] = torch.cat([state[largest].T, state[largest].T])[: state[largest].shape[1]].T
    torch.save(state, source / "pytorch_model.bin")
    convert(tmp_path / "source", tmp_path / "out")
    loaded, report = type(model).from_pretrained(tmp_path / "out" / "step-0", output_loading_info=True)
    assert not report["missing_keys"] and not report["unexpected_keys"]
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


def test_out_of_another_series_is_refused(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "series.yaml").write_text("{name: other, source: {kind: folder, path: .}}")
    with pytest.raises(UserError, match="holds the series 'other', not 'tiny'"):
        convert(folder, tmp_path / "out")
    with pytest.raises(UserError, match="is the folder of the series itself"):
        convert(folder, folder)
    with pytest.raises(UserError, match="'tiny' has no step 5; the nearest are 0, 10, 20"):
        convert(folder, tmp_path / "new", (5,))
    assert not (tmp_path / "new").exists()
    with pytest.raises(UserError, match="--dtype: expected one of bfloat16"):
        convert(folder, tmp_path / "out", dtype="int8")


def test_a_full_disk_keeps_the_steps_done(folder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    conversion = convert_series(load_series(folder), out)
    assert next(conversion) == (0, True)

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lit_idim.series.conversion.save_file", full)
    with pytest.raises(UserError, match="step 10 of series 'tiny' could not be written.*No space left.*are kept"):
        next(conversion)
    assert load_series(out).steps == (0,)
    assert not list(out.glob(".writing*"))


def test_a_damaged_step_is_named(folder, tmp_path):
    path = folder / "step-10"
    (path / "model.safetensors").unlink()
    torch.save([1], path / "pytorch_model.bin")
    with pytest.raises(UserError, match="step 10 of series 'tiny'.*holds no state dict"):
        convert(folder, tmp_path / "out")
    assert load_series(tmp_path / "out").steps == (0,)


def test_a_tokenizer_on_the_hub_that_cannot_be_had(folder, tmp_path):
    (folder / "series.yaml").write_text("{name: t, source: {kind: folder, path: .}, tokenizer: some/tokenizer}")
    with pytest.raises(UserError, match="step 0 of series 't'.*tokenizer 'some/tokenizer' could not be had"):
        convert(folder, tmp_path / "out")


def test_a_tokenizer_beside_the_series_is_copied_into_each_step(folder, tmp_path):
    (folder / "tokenizer").mkdir()
    for file in ("tokenizer.json", "tokenizer_config.json"):
        for step in (0, 10, 20):
            (folder / f"step-{step}" / file).replace(folder / "tokenizer" / file)
    (folder / "series.yaml").write_text("{name: t, source: {kind: folder, path: .}, tokenizer: tokenizer}")
    convert(folder, tmp_path / "out")
    assert load_series(tmp_path / "out").tokenizer is None
    assert len(AutoTokenizer.from_pretrained(tmp_path / "out" / "step-20")) == 8
