from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoConfig

from lit_idim.errors import UserError
from lit_idim.families import FamilyModel, ParameterCount, families_table, find_model, load_family, registered_families
from lit_idim.families.reading import read_family

FAMILIES = registered_families()
MODELS = [model for family in FAMILIES for model in family.models]

# Keys that the models read with a default of their own, so that their config classes do not declare them.
UNDECLARED = {"position_buckets", "share_att_key", "norm_rel_ebd", "decoder_start_token_id"}

VALID = """
name: tiny
title: A family
licence: MIT
citation: Someone 2020
model_type: bert
config: {vocab_size: 30}
models:
  tiny-1:
    repository: someone/tiny-1
    revision: main
    config: {hidden_size: 8}
"""


# One model of each family is quick; all of them take a minute.
EACH_TO_COUNT = [
    pytest.param(model, id=model.name, marks=() if model is family.models[0] else pytest.mark.slow)
    for family in FAMILIES
    for model in family.models
]


@pytest.mark.parametrize("model", EACH_TO_COUNT)
def test_every_model_has_a_D(count_of: Callable[[str], ParameterCount], model: FamilyModel) -> None:
    count = count_of(model.name)
    assert count.D > count.D_without_embeddings > 0
    assert count.m >= 3


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_key_of_a_config_is_one_that_its_architecture_has(model: FamilyModel) -> None:
    default = AutoConfig.for_model(model.model_type)
    assert not [key for key in model.config if key not in UNDECLARED and not hasattr(default, key)]
    config = model.build_config(3)
    assert config.num_labels == 3
    assert {key: getattr(config, key) for key in model.config} == model.config


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_heads_divide_the_width(model: FamilyModel) -> None:
    config = model.build_config()
    if "d_kv" not in model.config:  # T5's heads need not add up to its width
        assert config.hidden_size % config.num_attention_heads == 0


def test_names_and_repositories_are_unique() -> None:
    names = Counter(name for model in MODELS for name in {model.name, model.repository})
    assert not [name for name, times in names.items() if times > 1]
    assert all(model.repository.count("/") == 1 for model in MODELS)


def test_the_families_of_the_study_are_there() -> None:
    assert {family.name for family in FAMILIES} == {
        "albert-v2", "bart", "bert", "bert-miniatures", "deberta-v3", "distilbert", "distilroberta", "electra",
        "ettin", "minilm", "modernbert", "mpnet", "pythia", "roberta", "t5", "t5-v1.1", "xlm-r", "xlnet",
    }  # fmt: skip
    assert len(load_family("bert-miniatures").models) == 24
    for model in load_family("bert-miniatures").models:
        config = model.config
        assert config["hidden_size"] == 64 * config["num_attention_heads"] == config["intermediate_size"] // 4
        assert model.repository == (
            f"google/bert_uncased_L-{config['num_hidden_layers']}_H-{config['hidden_size']}"
            f"_A-{config['num_attention_heads']}"
        )


def test_a_family_s_config_is_shared_and_a_model_s_comes_on_top(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(VALID)
    (model,) = read_family(path).models
    assert model.config == {"vocab_size": 30, "hidden_size": 8}
    assert (model.name, model.family, model.revision, model.licence) == ("tiny-1", "tiny", "main", "MIT")


def test_unknown_names_bring_the_nearest() -> None:
    with pytest.raises(UserError, match="family: expected one of albert-v2, .*; got 'robreta'. Did you mean 'roberta'"):
        load_family("robreta")
    with pytest.raises(UserError, match="model: 'roberta-bse' is in no family .* Did you mean 'roberta-base'"):
        find_model("roberta-bse")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: tiny\n", "name: other\n", "name: expected 'tiny', as the file is called, got 'other'"),
        ("licence: MIT\n", "", "licence: expected a text, got nothing"),
        ("licence: MIT\n", "license: MIT\n", "license: unknown key, expected one of name, title, licence"),
        ("licence: MIT\n", "licence: 3\n", "licence: expected a text, got 3"),
        ("config: {vocab_size: 30}\n", "config: [30]\n", r"config: expected a mapping .*, got \[30\]"),
        ("    repository: someone/tiny-1\n", "", "models.tiny-1.repository: expected a text, got nothing"),
        ("    revision: main\n", "    branch: main\n", "models.tiny-1.branch: unknown key"),
        ("    revision: main\n", "    revision: 3\n", "models.tiny-1.revision: expected a text, got 3"),
        ("{hidden_size: 8}", "{hidden_size: 8, hidden_size: 9}", "models.tiny-1.config.hidden_size: given twice.* 12"),
        ("{hidden_size: 8}", "{hidden_size: 8", "not a YAML file: while parsing"),
        (VALID, "- 1\n", "the file: expected a mapping"),
        (VALID, "", "the file: expected a mapping from names to values, got nothing"),
        (VALID[VALID.index("  tiny-1") :], " {}\n", "models: expected at least one model"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_file_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in VALID
    path = tmp_path / "tiny.yaml"
    path.write_text(VALID.replace(old, new))
    with pytest.raises(UserError, match=f"tiny.yaml: {message}"):
        read_family(path)


def test_a_missing_file_and_one_that_is_no_text_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    with pytest.raises(UserError, match="tiny.yaml: the family's file cannot be read: .*No such file"):
        read_family(path)
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(UserError, match="tiny.yaml: the family's file cannot be read: .*utf-8"):
        read_family(path)


def test_the_table_has_a_line_for_each_model() -> None:
    heading, *lines = families_table(["roberta", "distilroberta"], num_labels=3).splitlines()
    assert heading.split("  ")[0] == "family" and heading.endswith("licence")
    assert [line.split()[1] for line in lines] == ["roberta-base", "roberta-large", "distilroberta-base"]
    assert lines[0].split() == [
        "roberta", "roberta-base", "FacebookAI/roberta-base", "124,647,939", "85,648,899", "14", "MIT",
    ]  # fmt: skip
    with pytest.raises(UserError, match="family: expected one of"):
        families_table(["no-such-family"])
