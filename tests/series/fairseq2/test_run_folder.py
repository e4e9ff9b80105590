"""Run folders of fairseq2, read where fairseq2 is not installed."""

import dataclasses
from pathlib import Path

import pytest
import torch
import yaml
from transformers import RobertaConfig, RobertaForMaskedLM

from lit_idim.errors import UserError
from lit_idim.series.fairseq2.architecture import RobertaArchitecture
from lit_idim.series.fairseq2.conversion import to_hugging_face
from lit_idim.series.fairseq2.keys import EMBEDDING, TIED_EMBEDDING, tensor_shapes
from lit_idim.series.reading import read_series

TINY = RobertaArchitecture(
    model_dim=8, max_seq_len=6, vocab_size=11, num_layers=2, num_attn_heads=2, ffn_inner_dim=12, dropout_p=0.0
)
# Where tensor parallelism cuts fairseq2's modules.
CUT = {
    **dict.fromkeys(("q_proj.weight", "q_proj.bias", "k_proj.weight", "k_proj.bias"), 0),
    **dict.fromkeys(("v_proj.weight", "v_proj.bias", "inner_proj.weight", "inner_proj.bias"), 0),
    **dict.fromkeys(("self_attn.output_proj.weight", "ffn.output_proj.weight"), 1),
}


def random_tensors(seed=0):
    generator = torch.Generator().manual_seed(seed)
    tensors = {name: torch.randn(shape, generator=generator) for name, shape in tensor_shapes(TINY).items()}
    tensors[TIED_EMBEDDING] = tensors[EMBEDDING]
    return tensors


def write_run(folder: Path, tensors, *, step=10, tp=1, sdp=1, family="roberta"):
    for i in range(tp):
        for j in range(sdp):
            shard = {}
            for name, tensor in tensors.items():
                dim = next((dim for end, dim in CUT.items() if name.endswith(end)), None)
                part = tensor if dim is None else tensor.chunk(tp, dim=dim)[i]
                rows = part.chunk(sdp)
                if j < len(rows):
                    shard[name] = rows[j].clone()
            path = folder / f"checkpoints/step_{step}/model/pp_00/tp_{i:02d}/sdp_{j:02d}.pt"
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(shard, path)
    document = {"name": "checkpoint", "model_family": family, "model_config": dataclasses.asdict(TINY)}
    (folder / "checkpoints" / "model.yaml").write_text(yaml.safe_dump(document))


def series_of(folder: Path):
    path = folder.parent / "run.yaml"
    document = {"name": "a-run", "source": {"kind": "fairseq2", "path": folder.name}, "tokenizer": "roberta-base"}
    path.write_text(yaml.safe_dump(document))
    return read_series(path)[0]


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIT_IDIM_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(("tp", "sdp"), [(1, 1), (1, 3), (2, 1), (2, 2), (1, 12)])
def test_however_it_is_sharded_every_tensor_is_that_of_the_run(tmp_path, tp, sdp):
    tensors = random_tensors()
    write_run(tmp_path / "run", tensors, tp=tp, sdp=sdp)
    series = series_of(tmp_path / "run")
    assert series.steps == (10,)
    assert not series.is_cached(10)
    model = RobertaForMaskedLM.from_pretrained(series.fetch(10).model)
    assert series.is_cached(10)
    state = model.state_dict()
    for name, expected in to_hugging_face(tensors, TINY).items():
        assert torch.equal(state[name], expected), name


def test_no_tensor_is_left_out_and_none_is_random(tmp_path):
    converted = to_hugging_face(random_tensors(), TINY)
    model = RobertaForMaskedLM(RobertaConfig(**TINY.to_hugging_face()))
    missing, unexpected = model.load_state_dict(converted, strict=False)
    assert set(missing) <= {"lm_head.decoder.weight", "lm_head.decoder.bias", "roberta.embeddings.position_ids"}
    assert not unexpected


def test_steps_are_those_of_finished_folders(tmp_path):
    for step in (0, 200, 10):
        write_run(tmp_path / "run", random_tensors(step), step=step)
    (tmp_path / "run/checkpoints/step_300.tmp/model").mkdir(parents=True)
    assert series_of(tmp_path / "run").steps == (0, 10, 200)


def test_a_run_that_is_trained_anew_is_converted_anew(tmp_path):
    write_run(tmp_path / "run", random_tensors(0))
    first = series_of(tmp_path / "run").fetch(10).model
    write_run(tmp_path / "run", random_tensors(1))
    assert series_of(tmp_path / "run").fetch(10).model != first


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("tp_00/sdp_00.pt", "without a gap"),
        ("tp_01/sdp_01.pt", "a shard is missing"),
        ("tp_00/sdp_01.pt", "a shard is missing"),
    ],
)
def test_a_missing_shard_is_named(tmp_path, lost, message):
    write_run(tmp_path / "run", random_tensors(), tp=2, sdp=2)
    (tmp_path / "run/checkpoints/step_10/model/pp_00" / lost).unlink()
    with pytest.raises(UserError, match=rf"step 10 of series 'a-run'.*{message}"):
        series_of(tmp_path / "run").fetch(10)


def test_the_last_shards_of_all_missing_is_noticed_by_the_shapes(tmp_path):
    write_run(tmp_path / "run", random_tensors(), sdp=2)
    (tmp_path / "run/checkpoints/step_10/model/pp_00/tp_00/sdp_01.pt").unlink()
    with pytest.raises(UserError, match="a shard sdp_XX or tp_XX is missing"):
        series_of(tmp_path / "run").fetch(10)


def test_another_family_is_refused(tmp_path):
    write_run(tmp_path / "run", random_tensors(), family="llama")
    with pytest.raises(UserError, match="model_family: expected roberta, got 'llama'"):
        series_of(tmp_path / "run").fetch(10)


def test_a_damaged_file_is_named(tmp_path):
    write_run(tmp_path / "run", random_tensors())
    shard = tmp_path / "run/checkpoints/step_10/model/pp_00/tp_00/sdp_00.pt"
    shard.write_bytes(shard.read_bytes()[:500])
    with pytest.raises(UserError, match=r"sdp_00\.pt is .*damaged"):
        series_of(tmp_path / "run").fetch(10)


class Canary:
    def __reduce__(self):
        return exec, ("import os; os.environ['CANARY'] = 'ran'",)


def test_code_in_a_shard_is_not_run(tmp_path, monkeypatch):
    monkeypatch.delenv("CANARY", raising=False)
    write_run(tmp_path / "run", random_tensors())
    torch.save({"x": Canary()}, tmp_path / "run/checkpoints/step_10/model/pp_00/tp_00/sdp_00.pt")
    with pytest.raises(UserError, match="more than tensors"):
        series_of(tmp_path / "run").fetch(10)
    import os

    assert "CANARY" not in os.environ


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(UserError, match="holds no folder checkpoints"):
        _ = series_of(tmp_path / "run").steps


def test_a_converted_folder_that_was_damaged_is_made_anew(tmp_path):
    write_run(tmp_path / "run", random_tensors())
    series = series_of(tmp_path / "run")
    weights = Path(series.fetch(10).model) / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:500])
    assert Path(series.fetch(10).model) == weights.parent and weights.read_bytes() == whole


def test_slices_that_do_not_fit_together_are_told(tmp_path):
    write_run(tmp_path / "run", random_tensors(), tp=2)
    path = tmp_path / "run/checkpoints/step_10/model/pp_00/tp_01/sdp_00.pt"
    shard = torch.load(path, weights_only=True)
    del shard["encoder.layers.0.ffn.inner_proj.weight"]
    torch.save(shard, path)
    with pytest.raises(UserError, match=r"the slices of encoder\.layers\.0\.ffn\.inner_proj\.weight do not fit"):
        series_of(tmp_path / "run").fetch(10)


def test_a_diverged_run_is_no_untied_one():
    tensors = random_tensors()
    tensors[EMBEDDING][0, 0] = torch.nan
    tensors[TIED_EMBEDDING] = tensors[EMBEDDING].clone()
    assert to_hugging_face(tensors, TINY)
