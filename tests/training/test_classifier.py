import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from transformers import RobertaConfig, RobertaModel

from lit_idim.data import GLUEDataModule
from lit_idim.errors import UserError
from lit_idim.training import METHODS, SubspaceClassifier, build_trainer

from .tiny_encoder import write_tiny_encoder

each_method = pytest.mark.parametrize("method", METHODS)
D_VALUES = {"full": None, "did": 300, "said": 300, "head": None}
RATES = {"full": 3e-3, "did": 0.05, "said": 0.05, "head": 3e-3}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a tiny encoder without a head, and the toy tokenizer."""
    return write_tiny_encoder(tmp_path_factory.mktemp("encoder"), layers=2)


def toy_data(encoder: str, **changes: Any) -> GLUEDataModule:
    settings: dict[str, Any] = {"task": "toy-sst2", "max_train_examples": 160, "max_dev_examples": 90, "max_length": 32}
    return GLUEDataModule(tokenizer=encoder, **(settings | changes))


def classifier(encoder: str, method: str, **changes: Any) -> SubspaceClassifier:
    settings: dict[str, Any] = {"task": "toy-sst2", "d": D_VALUES[method], "learning_rate": RATES[method]}
    return SubspaceClassifier(model=encoder, method=method, **(settings | changes))  # type: ignore[arg-type]


def fitted(encoder: str, method: str, epochs: int = 1, **changes: Any) -> SubspaceClassifier:
    model = classifier(encoder, method, **changes)
    trainer = build_trainer(accelerator="cpu", max_epochs=epochs, enable_progress_bar=False, limit_val_batches=0)
    trainer.fit(model, datamodule=toy_data(encoder))
    return model


def score(model: SubspaceClassifier, encoder: str) -> dict[str, float]:
    trainer = build_trainer(accelerator="cpu", enable_progress_bar=False)
    return dict(trainer.validate(model, datamodule=toy_data(encoder), verbose=False)[0])


def trained(model: SubspaceClassifier) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}


@each_method
def test_training_lowers_the_loss_on_its_examples(encoder: str, method: str) -> None:
    data = toy_data(encoder, test_split="train", max_train_examples=64, batch_size=16)
    in_subspace = method in ("did", "said")
    rate = {"full": 0.003, "head": 0.02}.get(method, 0.02)
    model = classifier(encoder, method, d=2000 if in_subspace else None, learning_rate=rate)
    trainer = build_trainer(accelerator="cpu", max_epochs=25, enable_progress_bar=False, limit_val_batches=0)
    before = trainer.test(model, datamodule=data, verbose=False)[0]
    trainer.fit(model, datamodule=data)
    after = trainer.test(model, datamodule=data, verbose=False)[0]
    # A head on an encoder that was never trained can learn little.
    assert after["test_loss"] < before["test_loss"] - (0.03 if method == "head" else 0.1)
    assert after["test_score"] > before["test_score"]


def test_all_methods_start_from_the_same_model(encoder: str) -> None:
    scores = [score(classifier(encoder, method), encoder) for method in METHODS]
    # The weights are the same bits (tests/subspace); where they lie in memory may decide the last bit of a product.
    assert all(values == pytest.approx(scores[0], rel=3e-7) for values in scores)
    assert set(scores[0]) == {"dev_loss", "dev_accuracy", "dev_score"}


@each_method
def test_as_many_numbers_move_as_the_method_says(encoder: str, method: str) -> None:
    model = classifier(encoder, method)
    before = trained(model)
    head = model.layout.layers[-1]
    expected = {"full": model.layout.D, "head": head.stop - head.start}.get(method, 300)
    assert model.num_trained == expected == sum(map(torch.numel, before.values()))
    frozen = {name: value.clone() for name, value in model.named_parameters() if not value.requires_grad}
    trainer = build_trainer(accelerator="cpu", max_epochs=1, enable_progress_bar=False, limit_val_batches=0)
    trainer.fit(model, datamodule=toy_data(encoder))
    assert all(not torch.equal(before[name], value) for name, value in trained(model).items())
    assert all(torch.equal(frozen[name], model.get_parameter(name)) for name in frozen)


@each_method
def test_the_same_seeds_train_the_same_numbers(encoder: str, method: str) -> None:
    torch.manual_seed(1)
    first = trained(fitted(encoder, method))
    torch.manual_seed(2)
    second = trained(fitted(encoder, method))
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = trained(fitted(encoder, method, dropout_seed=1))
    assert any(not torch.equal(first[name], other[name]) for name in first)


@each_method
def test_a_checkpoint_restores_the_score_exactly(encoder: str, method: str, tmp_path: Path) -> None:
    model = classifier(encoder, method, head_seed=3)
    checkpoint = ModelCheckpoint(dirpath=tmp_path, filename="last")
    trainer = build_trainer(
        accelerator="cpu", max_epochs=1, enable_progress_bar=False, limit_val_batches=0, callbacks=[checkpoint]
    )
    trainer.fit(model, datamodule=toy_data(encoder))
    restored = SubspaceClassifier.load_from_checkpoint(tmp_path / "last.ckpt", map_location="cpu", weights_only=True)
    assert score(restored, encoder) == score(model, encoder)
    if method in ("did", "said"):
        assert (tmp_path / "last.ckpt").stat().st_size < 30_000
        with pytest.raises(UserError, match=r"theta_0_checksum"):
            SubspaceClassifier.load_from_checkpoint(tmp_path / "last.ckpt", map_location="cpu", head_seed=4)


@each_method
def test_training_goes_on_from_a_checkpoint_as_if_never_stopped(encoder: str, method: str, tmp_path: Path) -> None:
    def run(name: str, start: str | None = None) -> SubspaceClassifier:
        model = classifier(encoder, method)
        checkpoint = ModelCheckpoint(dirpath=tmp_path / name, filename="{epoch}", save_top_k=-1)
        trainer = build_trainer(
            accelerator="cpu", max_epochs=2, limit_val_batches=0, enable_progress_bar=False, callbacks=[checkpoint]
        )
        trainer.fit(model, datamodule=toy_data(encoder), ckpt_path=start)
        return model

    whole = trained(run("whole"))
    resumed = trained(run("resumed", str(tmp_path / "whole" / "epoch=0.ckpt")))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_parameters_without_a_path_to_the_logits_are_left_alone(encoder: str) -> None:
    model = classifier(encoder, "full")
    counted = {parameter.name for parameter in model.layout.parameters}
    assert {name.removeprefix("network.") for name in trained(model)} == counted


def test_the_head_alone_is_its_layer_of_the_layout(encoder: str) -> None:
    names = {name.removeprefix("network.") for name in trained(classifier(encoder, "head"))}
    assert names == {f"classifier.{part}.{kind}" for part in ("dense", "out_proj") for kind in ("weight", "bias")}
    assert classifier(encoder, "head", learning_rate=None, full_learning_rate=7e-4).learning_rate == 7e-4


@pytest.mark.parametrize("method", METHODS)
def test_no_gradient_is_left_for_the_next_update(encoder: str, method: str) -> None:
    model = fitted(encoder, method)
    optimizer: Any = model.optimizers(use_pl_optimizer=False)
    kept = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    assert sum(parameter.numel() for parameter in kept) == model.num_trained
    for parameter in kept:
        parameter.grad = torch.ones_like(parameter)
    model.optimizer_zero_grad(0, 0, optimizer)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_sgd_trains_too(encoder: str) -> None:
    model = fitted(encoder, "did", optimizer="sgd", learning_rate=1.0)
    assert model.network.get_parameter("theta_d").abs().max() > 0


def test_regression_and_three_classes(encoder: str) -> None:
    assert classifier(encoder, "did", task="stsb").network.model.config.num_labels == 1
    assert classifier(encoder, "did", task="mnli").network.model.config.num_labels == 3
    model = classifier(encoder, "did", task="stsb")
    batch = {"input_ids": torch.randint(5, 600, (4, 6)), "attention_mask": torch.ones(4, 6, dtype=torch.int64)}
    logits = model(batch)
    labels = torch.tensor([0.0, 2.5, 5.0, 1.2])
    assert model._loss(logits, labels).item() == pytest.approx(((logits.squeeze(-1) - labels) ** 2).mean().item())


def test_rate_follows_the_rule_unless_given(encoder: str) -> None:
    by_rule = classifier(encoder, "said", learning_rate=None, full_learning_rate=1e-3)
    ratio = by_rule.layout.D / (300 - by_rule.layout.m)
    assert by_rule.learning_rate == pytest.approx(1e-3 * min(2 * ratio**0.75, 20 * ratio**0.5))
    assert classifier(encoder, "full", learning_rate=None, full_learning_rate=7e-4).learning_rate == 7e-4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "lora"}, "method must be one of full, did, said, head; got 'lora'"),
        ({"method": "said"}, "d must be given for method 'said'"),
        ({"method": "full", "d": 10}, "d has no effect for method 'full'"),
        ({"method": "head", "d": 10}, "d has no effect for method 'head'"),
        ({"method": "head", "projection": "dense"}, "projection has no effect for method 'head'"),
        ({"method": "head", "lambda_learning_rate": 0.1}, "lambda_learning_rate has no effect for method 'head'"),
        ({"method": "full", "projection": "dense"}, "projection has no effect for method 'full'"),
        ({"method": "did", "d": 10, "weight_decay": 0.1}, "weight_decay has no effect for method 'did'"),
        ({"method": "did", "d": 10, "lambda_learning_rate": 0.1}, "lambda_learning_rate has no effect"),
        ({"method": "said", "d": 4}, "d must exceed m = 4 for method 'said'.*d=4; choose d >= 5"),
        ({"method": "did", "d": 10**8}, "d must not exceed D = "),
        ({"method": "did", "d": 10, "projection": "gauss"}, "projection must be one of fastfood"),
        ({"method": "did", "d": 10, "learning_rate": 0.0}, "learning_rate must be a positive number, got 0.0"),
        ({"method": "full", "optimizer": "lion"}, "optimizer must be one of adam, sgd"),
        ({"method": "full", "warmup_fraction": 1.5}, "warmup_fraction must lie between 0 and 1"),
        ({"method": "full", "task": "sst-3"}, "sst"),
    ],
)
def test_bad_settings_are_refused(encoder: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        SubspaceClassifier(model=encoder, **({"task": "toy-sst2"} | settings))


def test_data_that_do_not_fit_are_refused(encoder: str, tmp_path: Path) -> None:
    trainer = build_trainer(accelerator="cpu", enable_progress_bar=False)
    with pytest.raises(UserError, match="the model is set up for 'toy-mrpc', but the data for 'toy-sst2'"):
        trainer.validate(classifier(encoder, "full", task="toy-mrpc"), datamodule=toy_data(encoder), verbose=False)
    config = RobertaConfig(
        vocab_size=100, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
    )
    RobertaModel(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"\d+ tokens, but the model's vocabulary ends at 100"):
        trainer.validate(classifier(str(tmp_path), "full"), datamodule=toy_data(encoder), verbose=False)


def test_a_checkpoint_with_damaged_weights_is_refused(encoder: str, tmp_path: Path) -> None:
    model = RobertaModel.from_pretrained(encoder, add_pooling_layer=False)
    damaged = copy.deepcopy(model)
    damaged.encoder.layer[1].output.dense.weight.data[0, 0] = float("nan")
    damaged.save_pretrained(tmp_path)
    for method in METHODS:
        with pytest.raises(UserError, match=r"encoder\.layer\.1\.output\.dense\.weight holds NaN"):
            classifier(str(tmp_path), method)


def test_the_dev_loss_is_a_mean_over_examples_whatever_the_batches(encoder: str) -> None:
    model = classifier(encoder, "full", d=None, head_seed=3)
    losses = []
    for eval_batch_size in (7, 90):
        trainer = build_trainer(accelerator="cpu", enable_progress_bar=False)
        data = toy_data(encoder, eval_batch_size=eval_batch_size)
        losses.append(trainer.validate(model, datamodule=data, verbose=False)[0]["dev_loss"])
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
