"""A folder of fairseq's checkpoints as a series: the same function, steps from names, and clear refusals."""

import os
import shutil
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, RobertaForMaskedLM

from lit_idim.errors import UserError
from lit_idim.resources import resource_path
from lit_idim.series import load_series
from lit_idim.series.fairseq.reading import read_checkpoint
from lit_idim.series.fairseq.source import FairseqSource
from lit_idim.series.single import single_model
from lit_idim.series.verification import verify_series
from lit_idim.subspace.loading import load_classifier

from .conftest import HEADS, SIZE
from .plain_fairseq import (
    TEXT,
    compute_logits,
    draw_state,
    options_of,
    rows_of,
    write_bpe,
    write_checkpoint,
    write_dictionary,
)

SIZES = [
    (SIZE, 2),
    ({"layers": 1, "hidden": 8, "ffn": 8, "max_positions": 12}, 1),
    ({"layers": 4, "hidden": 48, "ffn": 192, "max_positions": 64}, 12),
    ({"layers": 12, "hidden": 32, "ffn": 64, "max_positions": 24}, 4),
]


def draw_tokens(vocab, max_positions):
    """Rows of full, middling and smallest length, padded."""
    generator = torch.Generator().manual_seed(7)
    tokens = torch.randint(4, vocab, (4, max_positions), generator=generator)
    tokens[:, 0] = 0
    for row, length in enumerate((max_positions, max_positions - 1, max_positions // 2, 2)):
        tokens[row, length - 1] = 2
        tokens[row, length:] = 1
    return tokens


@pytest.mark.parametrize("generation", [2019, 2020, 2021])
@pytest.mark.parametrize(("size", "heads"), SIZES)
def test_logits_are_those_of_fairseq(tmp_path, write_run, generation, size, heads):
    states = write_run(generation=generation, size=size, heads=heads)
    source = FairseqSource(series="own", path=tmp_path / "run")
    model = RobertaForMaskedLM.from_pretrained(source.fetch(20).model).eval()
    tokens = draw_tokens(model.config.vocab_size, size["max_positions"])
    is_real = tokens != 1
    # In double precision nothing is left of rounding: an epsilon of a layer norm would show.
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.float64, 1e-11)):
        with torch.no_grad():
            state = {name: tensor.to(dtype) for name, tensor in states[20].items()}
            expected = compute_logits(state, tokens, heads=heads)
            found = model.to(dtype)(input_ids=tokens, attention_mask=is_real.long()).logits
        assert expected[is_real].std() > 0.3
        torch.testing.assert_close(found[is_real], expected[is_real], atol=tolerance, rtol=0)


def test_steps_are_updates_by_the_names_of_files(run_folder):
    for name in ("checkpoint_last.pt", "checkpoint_best.pt", "checkpoint3.pt", "checkpoint_1_30-shard0.pt", "x.pt"):
        (run_folder / name).touch()
    series = load_series(run_folder)
    assert series.steps == (10, 20, 100)
    assert series.tokens(100) == 6400
    assert series.source.origin(100) == str(run_folder / "checkpoint_2_100.pt")
    assert series.is_cached(100) and not series.is_cached(30)
    with pytest.raises(UserError, match="'own' has no step 30; the nearest are"):
        series.fetch(30)
    assert series.source.origin(30).endswith("checkpoint_*_30.pt")


def test_listed_steps_are_a_choice(run_folder):
    (run_folder / "series.yaml").write_text("{name: own, source: {kind: fairseq, path: .}, steps: [20, 100, 300]}")
    series = load_series(run_folder)
    assert series.steps == (20, 100, 300)
    with pytest.raises(UserError, match="no step 10"):
        series.fetch(10)
    with pytest.raises(UserError, match="no step 300"):
        series.fetch(300)


def test_a_checkpoint_is_whole_and_converted_once(run_folder, cache):
    series = load_series(run_folder)
    reports = list(verify_series(series))
    assert [(report.step, report.status, report.faults) for report in reports] == [
        (step, "ok", ()) for step in (10, 20, 100)
    ]
    location = series.fetch(20, offline=True)
    assert location.tokenizer is None and location.origin == str(run_folder / "checkpoint_1_20.pt")
    weights = Path(location.model) / "model.safetensors"
    written = weights.stat().st_mtime_ns
    assert series.fetch(20) == location and weights.stat().st_mtime_ns == written
    assert len([path for path in (cache / "checkpoints" / "fairseq").iterdir() if path.is_dir()]) == 3
    # Damaged since: it is made anew.
    weights.write_bytes(weights.read_bytes()[:-9])
    assert series.fetch(20) == location
    assert [report.checksum for report in verify_series(series)] == [report.checksum for report in reports]
    load_classifier(location.model, num_labels=2)
    assert single_model(location.model).fetch(0).model == location.model


def test_another_content_is_another_folder(run_folder, write_run):
    series = load_series(run_folder)
    before = series.fetch(20).model
    path = run_folder / "checkpoint_1_20.pt"
    shutil.copy(run_folder / "checkpoint_2_100.pt", path)
    with pytest.raises(UserError, match="its name says 20 updates, its optimizer has made 100"):
        series.fetch(20)
    states = write_run(run_folder)
    # A copy with the weights of before has the folder of before.
    assert series.fetch(20).model == before
    write_checkpoint(path, states[10], options_of(**SIZE, heads=HEADS), num_updates=20)
    os.utime(path, ns=(1, 1))
    assert series.fetch(20).model != before
    moved = run_folder.rename(run_folder.with_name("moved"))
    assert load_series(moved).fetch(10).model == FairseqSource(series="b", path=moved).fetch(10).model


def test_one_of_several_processes_converts(run_folder, monkeypatch):
    reads = []

    def slow_read(path):
        reads.append(path)
        time.sleep(0.3)
        return read_checkpoint(path)

    monkeypatch.setattr("lit_idim.series.fairseq.conversion.read_checkpoint", slow_read)
    with ThreadPoolExecutor(3) as pool:
        locations = list(pool.map(load_series(run_folder).fetch, (20, 20, 20)))
    assert len(set(locations)) == len(reads) == 1


def test_types_of_weights_are_kept(tmp_path, write_run):
    states = write_run()
    halves = {name: tensor.half() for name, tensor in states[20].items()}
    path = tmp_path / "run" / "checkpoint_1_20.pt"
    write_checkpoint(path, halves, options_of(**SIZE, heads=HEADS), num_updates=20)
    folder = FairseqSource(series="own", path=path.parent).fetch(20).model
    model = RobertaForMaskedLM.from_pretrained(folder, dtype="auto")
    assert model.dtype == torch.float16
    assert torch.equal(model.lm_head.bias, halves["encoder.lm_head.bias"])


def test_a_checkpoint_without_a_history_and_with_one_storage(tmp_path, write_run):
    states = write_run()
    # As weights that were cut out of a flat buffer, and stripped of their optimizer.
    flat = torch.cat([tensor.flatten() for tensor in states[20].values()])
    parts = flat.split([tensor.numel() for tensor in states[20].values()])
    views = {name: part.view(tensor.shape) for part, (name, tensor) in zip(parts, states[20].items(), strict=True)}
    options = options_of(**SIZE, heads=HEADS)
    torch.save({"args": options, "model": views}, tmp_path / "run" / "checkpoint_1_20.pt")
    source = FairseqSource(series="own", path=tmp_path / "run")
    model = RobertaForMaskedLM.from_pretrained(source.fetch(20).model)
    assert torch.equal(model.lm_head.bias, states[20]["encoder.lm_head.bias"])


def test_dictionary_and_bpe_elsewhere(tmp_path, run_folder):
    elsewhere = tmp_path / "data-bin"
    elsewhere.mkdir()
    for name in ("dict.txt", "encoder.json", "vocab.bpe"):
        (run_folder / name).rename(elsewhere / name)
    with pytest.raises(UserError, match=r"step 20 of series 'own' \(.*checkpoint_1_20.pt\): .*dict.txt is missing"):
        load_series(run_folder).fetch(20)
    (run_folder / "series.yaml").write_text(
        "{name: own, source: {kind: fairseq, path: ., dictionary: ../data-bin/dict.txt, bpe: ../data-bin}}"
    )
    tokenizer = AutoTokenizer.from_pretrained(load_series(run_folder).fetch(20).model)
    bpe = write_bpe(tmp_path / "again")
    tokens = write_dictionary(tmp_path / "again" / "dict.txt", bpe)
    assert tokenizer(TEXT[2])["input_ids"] == rows_of(TEXT[2], bpe, tokens)
    assert tokenizer.model_max_length == SIZE["max_positions"]


def test_two_files_of_the_same_updates(run_folder):
    shutil.copy(run_folder / "checkpoint_1_20.pt", run_folder / "checkpoint_3_20.pt")
    with pytest.raises(UserError, match=r"checkpoint_1_20.pt and checkpoint_3_20.pt both claim 20 updates; move one"):
        _ = load_series(run_folder).steps


def test_a_folder_without_checkpoints(tmp_path):
    with pytest.raises(UserError, match="holds no checkpoint_EPOCH_UPDATES.pt, .*--save-interval-updates"):
        FairseqSource(series="own", path=tmp_path).find_steps()
    with pytest.raises(UserError, match="series 'own': its folder .* cannot be read.*source.path"):
        FairseqSource(series="own", path=tmp_path / "none").find_steps()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"arch": "bart_base"}, "its architecture is 'bart_base'"),
        ({"arch": "wav2vec2"}, "its architecture is 'wav2vec2'"),
        ({"encoder_layers": 3}, "contradict the options.*layer.2.* has shape missing instead of"),
        ({"encoder_layers": 1}, r"contradict the options.*layer.1.* instead of none"),
        ({"encoder_ffn_embed_dim": 32}, r"has shape \(24,\) instead of \(32,\)"),
        ({"max_positions": 32}, r"position_embeddings.weight has shape \(32, 16\) instead of \(34, 16\)"),
        ({"encoder_embed_dim": 18}, "contradict the options of its run"),
    ],
)
def test_another_model_than_the_options_say(run_folder, options, message):
    path = run_folder / "checkpoint_1_20.pt"
    vocab = len(torch.load(path, weights_only=False)["model"]["encoder.lm_head.bias"])
    state = draw_state(**SIZE, vocab=vocab, generation=2021)
    write_checkpoint(path, state, options_of(**SIZE, heads=HEADS) | options, num_updates=20)
    with pytest.raises(UserError, match=rf"step 20 of series 'own' .*checkpoint_1_20.pt\): .*{message}"):
        load_series(run_folder).fetch(20)


def test_the_dictionary_of_another_run(run_folder):
    lines = (run_folder / "dict.txt").read_text()
    (run_folder / "dict.txt").write_text(lines + "madeupword9999 0\n")
    with pytest.raises(UserError, match=r"its embedding has 329 rows, dict.txt stands for 330 .*: pass the dictionary"):
        load_series(run_folder).fetch(20)


def test_the_example_of_the_documentation(tmp_path):
    text = (resource_path("checkpoints") / "README.md").read_text()
    (block,) = [part for part in text.split("\n\n") if "kind: fairseq\n" in part]
    (tmp_path / "own.yaml").write_text(textwrap.dedent(block))
    source = load_series(tmp_path / "own.yaml").source
    assert source == FairseqSource(
        series="my-roberta",
        path=tmp_path / "run" / "checkpoints",
        dictionary=tmp_path / "data-bin" / "dict.txt",
        bpe=tmp_path / "gpt2_bpe",
    )


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_damaged_files_are_told_and_the_others_stay_usable(run_folder, tmp_path, cache):
    path = run_folder / "checkpoint_1_10.pt"
    path.write_bytes(path.read_bytes()[:5000])
    torch.save({"args": Canary(tmp_path / "trace"), "model": {}}, run_folder / "checkpoint_1_20.pt")
    reports = list(verify_series(load_series(run_folder)))
    assert [report.status for report in reports] == ["bad", "bad", "ok"]
    assert "is truncated" in reports[0].faults[0] and "nothing of it was run" in reports[1].faults[0]
    assert not (tmp_path / "trace").exists()
    left = [path.name for path in (cache / "checkpoints" / "fairseq").iterdir() if path.suffix != ".lock"]
    assert left == [Path(load_series(run_folder).fetch(100).model).name]


def test_tensors_alone_are_taken(run_folder):
    options = options_of(**SIZE, heads=HEADS)
    torch.save({"args": options, "model": {"encoder.lm_head.bias": "x"}}, run_folder / "checkpoint_1_20.pt")
    with pytest.raises(UserError, match="its encoder.lm_head.bias is no tensor"):
        load_series(run_folder).fetch(20)


def test_a_cache_folder_that_cannot_be_written(run_folder, cache):
    cache.write_text("a file in its place")
    with pytest.raises(UserError, match="could not be converted into the cache folder.*LIT_IDIM_CACHE"):
        load_series(run_folder).fetch(20)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("source: {kind: fairseq}", "source: path is missing"),
        ("source: {kind: fairseq, path: ., pattern: x}", "pattern is not understood; expected bpe, dictionary, path"),
        ("source: {kind: fairseq, path: ., bpe: 3}", "source.bpe: expected a str, got 3"),
        ("source: {kind: fairseq, path: .}, tokenizer: roberta-base", "its dictionary; leave out 'roberta-base'"),
        ("source: {kind: fairseq, path: .}, steps: query", "go together"),
    ],
)
def test_a_yaml_that_says_anything_else(run_folder, document, message):
    (run_folder / "series.yaml").write_text(f"{{name: own, {document}}}")
    with pytest.raises(UserError, match=message):
        load_series(run_folder)
