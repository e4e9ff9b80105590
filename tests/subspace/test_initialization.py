import copy
from pathlib import Path

import pytest
import torch
from architectures import CONFIGS, tiny_model
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForSequenceClassification

from lit_idim.errors import UserError
from lit_idim.subspace import Subspace, checksum_tensors, initialize_parameters, load_classifier

each_architecture = pytest.mark.parametrize("name", CONFIGS)


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    """A folder with an encoder without a classification head."""
    config = CONFIGS["roberta"]()
    AutoModel.from_config(config).save_pretrained(tmp_path / "encoder")
    return str(tmp_path / "encoder")


def test_head_depends_on_the_head_seed_alone(encoder: str) -> None:
    torch.manual_seed(1)
    first = load_classifier(encoder, num_labels=2, head_seed=3)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    second = load_classifier(encoder, num_labels=2, head_seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    other = load_classifier(encoder, num_labels=2, head_seed=4)
    for name, parameter in first.named_parameters():
        assert torch.equal(parameter, second.get_parameter(name))
        drawn = name.startswith("classifier") and name.endswith("weight")
        assert torch.equal(parameter, other.get_parameter(name)) != drawn
    assert first.training and all(module.training for module in first.modules())


def test_head_follows_the_distribution_of_the_model(encoder: str) -> None:
    config = CONFIGS["roberta"]()
    model = load_classifier(encoder, num_labels=2)
    weight = model.classifier.dense.weight
    assert abs(weight.std().item() / config.initializer_range - 1) < 0.2
    assert abs(weight.mean().item()) < 5 * config.initializer_range / weight.numel() ** 0.5
    assert torch.equal(model.classifier.dense.bias, torch.zeros(16))


def test_the_draws_are_those_of_record(encoder: str) -> None:
    """Another torch, another platform, another process: the same head, or a saved subspace would not restore."""
    head = load_classifier(encoder, num_labels=2, head_seed=3).classifier
    assert checksum_tensors(head.named_parameters()) == "91e646303e85ed5e"
    modern = tiny_model("modernbert")
    initialize_parameters(modern, ["head.dense.weight"], seed=3)  # a truncated normal
    assert checksum_tensors([("", modern.head.dense.weight)]) == "f589e8ef8793613c"


@each_architecture
def test_chosen_parameters_change_and_no_others(name: str) -> None:
    model = tiny_model(name)
    before = copy.deepcopy(model)
    embedding = next(name for name, parameter in model.named_parameters() if parameter.shape[0] == 50)
    initialize_parameters(model, [embedding], seed=0)
    for other, parameter in model.named_parameters():
        assert torch.equal(parameter, before.get_parameter(other)) == (other != embedding)
    for other, buffer in model.named_buffers():
        assert torch.equal(buffer, before.get_buffer(other))


@each_architecture
def test_spread_is_that_of_the_library(name: str) -> None:
    """Every parameter drawn anew: mean and standard deviation as transformers' own initialisation gives them."""
    config = CONFIGS[name]()
    torch.manual_seed(0)
    reference = AutoModelForSequenceClassification.from_config(config)
    model = copy.deepcopy(reference)
    initialize_parameters(model, [parameter_name for parameter_name, _ in model.named_parameters()], seed=5)
    drawn = 0
    for parameter_name, expected in reference.named_parameters():
        actual = model.get_parameter(parameter_name)
        spread, count = expected.std().item() if expected.numel() > 1 else 0.0, expected.numel()
        if count < 64 or spread == 0:
            continue
        drawn += not torch.equal(actual, expected)
        assert abs(actual.std().item() / spread - 1) < 6 / (2 * count) ** 0.5 * 2**0.5 + 0.02, parameter_name
        assert abs((actual - expected).mean().item()) < 6 * spread * (2 / count) ** 0.5, parameter_name
    assert drawn > 5


@each_architecture
def test_every_chosen_parameter_is_drawn(name: str) -> None:
    models = []
    for seed in (1, 2):
        model = tiny_model(name)
        for parameter in model.parameters():
            parameter.data.fill_(float("nan"))
        torch.manual_seed(seed)
        initialize_parameters(model, [parameter_name for parameter_name, _ in model.named_parameters()], seed=5)
        models.append(model)
    for parameter_name, parameter in models[0].named_parameters():
        assert torch.isfinite(parameter).all(), parameter_name
        assert torch.equal(parameter, models[1].get_parameter(parameter_name)), parameter_name


def test_temporary_draws_differ() -> None:
    """Matrices of one shape initialized through a temporary, as orthogonal ones are, are not the same matrix."""
    model = tiny_model("bert")
    queries = [f"bert.encoder.layer.{i}.attention.self.query.weight" for i in range(3)]
    modules = {id(model.get_submodule(name.removesuffix(".weight"))) for name in queries}

    def initialize(module: torch.nn.Module) -> None:
        if id(module) in modules:
            module.weight.copy_(torch.empty_like(module.weight).normal_())

    model._init_weights = initialize
    initialize_parameters(model, queries, seed=0)
    first, second, _ = (model.get_parameter(name) for name in queries)
    assert not torch.equal(first, second)


def test_a_parameter_without_a_rule_is_refused() -> None:
    model = tiny_model("bert")
    model._init_weights = lambda module: None
    with pytest.raises(UserError, match="does not say how to initialize classifier.weight"):
        initialize_parameters(model, ["classifier.weight"], seed=0)


def test_a_wrapped_model_is_refused() -> None:
    model = tiny_model("bert")
    Subspace(model, d=20).weights()  # lays the parameters end to end
    with pytest.raises(UserError, match="must not share memory"):
        initialize_parameters(model, ["classifier.weight"], seed=0)


def test_random_weights_draw_the_whole_encoder(encoder: str) -> None:
    first = load_classifier(encoder, num_labels=3, random_weights=True, head_seed=1)
    second = load_classifier(encoder, num_labels=3, random_weights=True, head_seed=1)
    pretrained = load_classifier(encoder, num_labels=3, head_seed=1)
    for name, parameter in first.named_parameters():
        assert torch.equal(parameter, second.get_parameter(name))
    table = "roberta.embeddings.word_embeddings.weight"
    assert not torch.equal(first.get_parameter(table), pretrained.get_parameter(table))


def test_float32_by_default(encoder: str, tmp_path: Path) -> None:
    AutoModel.from_pretrained(encoder).to(torch.bfloat16).save_pretrained(tmp_path / "half")
    model = load_classifier(str(tmp_path / "half"), num_labels=2)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    half = load_classifier(str(tmp_path / "half"), num_labels=2, dtype=torch.bfloat16)
    table = "roberta.embeddings.word_embeddings.weight"
    assert torch.equal(half.get_parameter(table).float(), model.get_parameter(table))


def test_a_model_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="model 'no/such-model'.*Pass a folder"):
        load_classifier("no/such-model", num_labels=2)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"\(folder\).*Pass a folder"):
        load_classifier(str(tmp_path / "empty"), num_labels=2)


@pytest.mark.parametrize("damage", ["renamed", "one block gone"])
def test_a_checkpoint_without_the_encoder_s_blocks_is_refused(encoder: str, damage: str) -> None:
    file = Path(encoder) / "model.safetensors"
    tensors = load_file(file)
    if damage == "renamed":
        tensors = {f"x.{name}": tensor for name, tensor in tensors.items()}
    else:
        tensors = {name: tensor for name, tensor in tensors.items() if "layer.0" not in name}
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(UserError, match="lacks weights of the encoder's blocks"):
        load_classifier(encoder, num_labels=2)
    assert load_classifier(encoder, num_labels=2, random_weights=True) is not None


def test_a_damaged_file_is_refused(encoder: str) -> None:
    file = Path(encoder) / "model.safetensors"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(UserError, match="does not load as a classifier"):
        load_classifier(encoder, num_labels=2)


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(UserError, match="names must be parameters of Bert.*got 'classifier.scale'"):
        initialize_parameters(tiny_model("bert"), ["classifier.scale"], seed=0)
