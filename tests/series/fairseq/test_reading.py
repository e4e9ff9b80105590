"""The restricted reader: options are read, and nothing that a file says is run."""

import argparse
import os
import pickle

import pytest
import torch

from lit_idim.errors import UserError
from lit_idim.series.fairseq.reading import read_checkpoint
from lit_idim.series.fairseq.records import plain

ROUTES = ("top", "args", "cfg", "optimizer", "model", "extra_state", "key")


def contents(**fields):
    return {
        "args": argparse.Namespace(arch="roberta_base", encoder_layers=2, activation_fn="gelu"),
        "model": {"encoder.lm_head.bias": torch.arange(5.0)},
        "optimizer_history": [{"num_updates": 10}],
        **fields,
    }


class Canary:
    """Would make a file if its pickle were run."""

    def __init__(self, path, function=os.mkdir):
        self.path, self.function = path, function

    def __reduce__(self):
        return self.function, (str(self.path),)


def with_canary(route, canary):
    namespace = argparse.Namespace(arch="roberta_base", harmful=canary)
    return {
        "top": canary,
        "args": contents(args=namespace),
        "cfg": contents(args=None, cfg={"model": namespace}),
        "optimizer": contents(last_optimizer_state={"state": {0: {"exp_avg": canary}}}),
        "model": contents(model={"encoder.lm_head.bias": canary}),
        "extra_state": contents(extra_state={"metrics": [canary]}),
        "key": contents(extra_state={canary: 1}),
    }[route]


@pytest.mark.parametrize("is_zip", [True, False])
def test_options_and_tensors(tmp_path, is_zip):
    path = tmp_path / "checkpoint_1_10.pt"
    torch.save(contents(), path, _use_new_zipfile_serialization=is_zip)
    before = set(torch.serialization.get_safe_globals())
    loaded = read_checkpoint(path)
    assert set(torch.serialization.get_safe_globals()) == before
    assert plain(loaded["args"]) == {"arch": "roberta_base", "encoder_layers": 2, "activation_fn": "gelu"}
    assert torch.equal(loaded["model"]["encoder.lm_head.bias"], torch.arange(5.0))
    assert loaded["optimizer_history"] == [{"num_updates": 10}]


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("route", ROUTES)
def test_code_is_refused_and_not_run(tmp_path, route, is_zip):
    path, trace = tmp_path / "checkpoint_1_10.pt", tmp_path / "trace"
    torch.save(with_canary(route, Canary(trace)), path, _use_new_zipfile_serialization=is_zip)
    with pytest.raises(UserError, match="names posix.mkdir, which is neither.*nothing of it was run"):
        read_checkpoint(path)
    assert not trace.exists()


@pytest.mark.parametrize("function", [eval, exec, setattr, __import__, os.system, torch.load, torch.hub.load])
def test_functions_that_could_harm(tmp_path, function):
    path, trace = tmp_path / "checkpoint_1_10.pt", tmp_path / "trace"
    torch.save(with_canary("args", Canary(f"__import__('os').mkdir({str(trace)!r})", function)), path)
    with pytest.raises(UserError, match="not loaded"):
        read_checkpoint(path)
    assert not trace.exists()


def test_what_is_stood_in_is_not_called(tmp_path):
    path = tmp_path / "checkpoint_1_10.pt"
    torch.save(contents(extra=Canary("name", getattr)), path)
    assert read_checkpoint(path)["extra"].arguments == ("name",)


def test_a_later_protocol_is_refused(tmp_path):
    path = tmp_path / "checkpoint_1_10.pt"
    torch.save(contents(), path, pickle_protocol=4)
    with pytest.raises(UserError, match="STACK_GLOBAL.*nothing of it was run"):
        read_checkpoint(path)


@pytest.mark.parametrize("is_zip", [True, False])
@pytest.mark.parametrize("part", [0.0, 0.3, 0.9])
def test_truncated(tmp_path, is_zip, part):
    path = tmp_path / "checkpoint_1_10.pt"
    torch.save(contents(), path, _use_new_zipfile_serialization=is_zip)
    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
    with pytest.raises(UserError, match="truncated|damaged"):
        read_checkpoint(path)


def test_other_files(tmp_path):
    path = tmp_path / "checkpoint_1_10.pt"
    path.write_bytes(pickle.dumps([1], protocol=2))
    with pytest.raises(UserError, match="damaged"):
        read_checkpoint(path)
    torch.save([1], path)
    with pytest.raises(UserError, match="no fairseq checkpoint"):
        read_checkpoint(path)
