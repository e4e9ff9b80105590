"""A profiled step's time goes to the kinds of work that it is spent on."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lit_idim.cost import profile, work


def event(name: str, start: float, stop: float, *children: Any, device: str = "CPU") -> Any:
    return SimpleNamespace(
        name=name,
        time_range=SimpleNamespace(elapsed_us=lambda: 1000 * (stop - start)),
        cpu_children=list(children),
        device_type=SimpleNamespace(name=device),
    )


def flat(root: Any) -> list[Any]:
    return [root, *(below for child in root.cpu_children for below in flat(child))]


def test_operators_count_once_and_the_outermost_known_one_takes_all() -> None:
    product = event("aten::addmm", 3, 7, event("aten::copy_", 4, 5))
    linear = event("aten::linear", 2, 8, event("aten::t", 2, 3), product)
    transposed = event("projection, backward", 10, 14, event("aten::mm", 11, 12))
    node = event("autograd::engine::evaluate_function: _LayerWeightsBackward", 9, 15, transposed)
    update = event("Optimizer.step#Adam.step", 1, 19, linear, node, event("aten::_fused_adam_", 17, 18))
    spent = work.milliseconds_by_kind(flat(event("ProfilerStep*", 0, 20, update)))
    assert spent == {
        work.MATRIX_PRODUCTS: 4, work.ATTENTION: 0, work.FORWARD: 0, work.BACKWARD: 4, work.OPTIMIZER: 1,
        work.BATCH: 0, work.COPIES: 0, work.OTHER: 2, work.REST: 9,
    }  # fmt: skip


def test_slow_steps_on_the_cpu_are_left_out() -> None:
    steps = [event("ProfilerStep*", 0, stop, event("aten::mm", 0, 1)) for stop in (90, 2, 4, 80)]
    spent = work.milliseconds_by_kind([below for step in steps for below in flat(step)])
    assert (spent[work.MATRIX_PRODUCTS], spent[work.REST]) == (1, 2)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nvjet_tst_192x192_64x4_2x1_v_bz_coopB_bias_TNN", work.MATRIX_PRODUCTS),
        ("sm90_xmma_gemm_bf16bf16_bf16f32_f32_tn_n_tilesize64x64x64_cublas", work.MATRIX_PRODUCTS),
        ("void cublasLt::splitKreduce_kernel<32, 16, int, float>", work.MATRIX_PRODUCTS),
        ("sm80_xmma_gemm_f64f64_f64f64_f64_nn_n_tilesize32x32x16_cublas", work.BACKWARD),
        ("pytorch_flash::flash_fwd_kernel<Flash_fwd_kernel_traits<64, 128, 128, 4>>", work.ATTENTION),
        ("add_rows_wide", work.FORWARD),
        ("add_up_tiles", work.BACKWARD),
        ("sum_partials", work.BACKWARD),
        ("void at::native::(anonymous namespace)::multi_tensor_apply_kernel<FusedAdamMathFunctor>", work.OPTIMIZER),
        ("Memcpy DtoH (Device -> Pinned)", work.COPIES),
        ("void at::native::vectorized_elementwise_kernel<4, GeluCUDAKernelImpl>", work.OTHER),
    ],
)
def test_kernels_of_a_gpu_are_told_by_name(name: str, kind: str) -> None:
    step = event("ProfilerStep*", 0, 10, event("aten::linear", 0, 9))
    ranges = event("ProfilerStep*", 0, 10, device="CUDA")
    spent = work.milliseconds_by_kind([step, *step.cpu_children, ranges, event(name, 3, 7, device="CUDA")])
    assert {name: value for name, value in spent.items() if value} == {kind: 4, work.REST: 6}


def test_what_the_host_may_wait_for_is_counted() -> None:
    inside = [event("aten::item", 1, 2, event("aten::_local_scalar_dense", 1, 2)), event("cudaStreamSynchronize", 2, 3)]
    calls = work.calls_of_interest(flat(event("ProfilerStep*", 0, 4, *inside)))
    assert calls == {"aten::item": 1, "aten::_local_scalar_dense": 1, "cudaStreamSynchronize": 1, "operators": 2}


@pytest.mark.parametrize("model", ["tiny", "checkpoints/toy-L1-H64/step-1000"])
@pytest.mark.parametrize("method", ["said", "full"])
def test_a_step_of_a_shape_and_of_a_checkpoint(
    model: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the shipped one is found from any folder
    watch = profile.measure(model, device="cpu", method=method, d=100, updates=2)
    spent = work.milliseconds_by_kind(watch.events)
    found = {kind for kind, value in spent.items() if value > 0}
    of_projection = {work.FORWARD, work.BACKWARD}
    assert found >= {work.MATRIX_PRODUCTS, work.ATTENTION, work.OPTIMIZER, work.OTHER, work.REST}
    assert found & of_projection == (of_projection if method == "said" else set())
    assert (work.BATCH in found) == (model != "tiny")
    assert watch.undisturbed_ms > 0
    assert "matrix products and attention, share of it" in profile.table(watch)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "MODEL"),
        (["nowhere"], "MODEL: expected the folder of a checkpoint or one of roberta-large"),
        (["tiny", "--updates", "0"], "--updates: must be at least 1"),
        pytest.param(
            ["tiny", "--device", "cuda"],
            "there is no GPU",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="there is one"),
        ),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", dict(os.environ))  # it hides GPUs from its process, and sets its threads
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    with pytest.raises(SystemExit, match="2"):
        profile.main(words)
    assert message in capsys.readouterr().err
