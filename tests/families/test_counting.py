from collections.abc import Callable

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from lit_idim.errors import UserError
from lit_idim.families import Family, ParameterCount, find_model, registered_families
from lit_idim.families.counting import count_parameters
from lit_idim.subspace import find_layout

CountOf = Callable[[str], ParameterCount]

# Published counts of the bodies, plus the numbers of a classifier's head for two labels that the body lacks.
PUBLISHED_D = {
    # `num_parameters` of the classifier in transformers; AZG20 section 3 rounds the second to 355M.
    "roberta-base": 124_647_170,
    "roberta-large": 355_361_794,
    # BertModel with its pooler has 109,482,240; the head adds 768 x 2 + 2.
    "bert-base-uncased": 109_482_240 + 1_538,
    # AlbertModel of albert-xxlarge-v2 has 222,595,584.
    "albert-xxlarge-v2": 222_595_584 + 4096 * 2 + 2,
    # KerasHub's presets of DeBERTaV3 state 70,682,112 and 141,304,320, without the pooler.
    "deberta-v3-xsmall": 70_682_112 + 384 * 385 + 384 * 2 + 2,
    "deberta-v3-small": 141_304_320 + 768 * 769 + 1_538,
    # T5ForConditionalGeneration has 60,506,624, its output table tied; 76,961,152 in version 1.1, where it is not.
    "t5-small": 60_506_624 + 512 * 513 + 512 * 2 + 2,
    "t5-v1_1-small": 76_961_152 - 32_128 * 512 + 512 * 513 + 512 * 2 + 2,
    # BartModel of bart-base has 139,420,416.
    "bart-base": 139_420_416 + 768 * 769 + 1_538,
    # XLNetModel has 116,718,336, of which mask_emb (768) has no path to a classifier's logits.
    "xlnet-base-cased": 116_718_336 - 768 + 768 * 769 + 1_538,
    # The card of sentence-transformers/all-MiniLM-L6-v2, which has this architecture: 22,713,216.
    "MiniLM-L6-H384-uncased": 22_713_216 + 384 * 2 + 2,
    # The checkpoint has 149,655,232, of which the language model's output bias (50,368) is not the classifier's.
    "ModernBERT-base": 149_655_232 - 50_368 + 1_538,
}

# The table of Pythia's model cards, "Non-Embedding Params"; the head of two labels has no bias.
PYTHIA_WITHOUT_EMBEDDINGS = {
    "pythia-70m": 18_915_328 + 512 * 2,
    "pythia-160m": 85_056_000 + 768 * 2,
    "pythia-410m": 302_311_424 + 1024 * 2,
    "pythia-1b": 805_736_448 + 2048 * 2,
    "pythia-1.4b": 1_208_602_624 + 2048 * 2,
    "pythia-2.8b": 2_517_652_480 + 2560 * 2,
}

M = {"roberta-large": 26, "albert-base-v2": 3, "bart-base": 14, "t5-small": 14, "distilbert-base-cased": 8}


@pytest.mark.parametrize(("name", "published"), PUBLISHED_D.items())
def test_D_is_the_published_one(count_of: CountOf, name: str, published: int) -> None:
    assert published == count_of(name).D


@pytest.mark.parametrize(("name", "published"), PYTHIA_WITHOUT_EMBEDDINGS.items())
def test_D_without_embeddings_is_the_published_one(count_of: CountOf, name: str, published: int) -> None:
    assert count_of(name).D_without_embeddings == published


@pytest.mark.parametrize(("name", "m"), M.items())
def test_m_is_the_number_of_distinct_blocks_and_two(count_of: CountOf, name: str, m: int) -> None:
    assert count_of(name).m == m


@pytest.mark.parametrize(
    ("name", "tables"),
    [
        ("bert-L2-H128", (30_522 + 512 + 2) * 128),
        ("electra-small", (30_522 + 512 + 2) * 128),  # the projection to 256 stays
        ("deberta-v3-xsmall", (128_100 + 512) * 384),  # 2 x 256 relative positions
        ("mpnet-base", (30_527 + 514) * 768),  # 32 x 12 relative position biases stay
        ("t5-small", 32_128 * 512),  # one table for both stacks; relative position biases stay
        ("bart-base", (50_265 + 2 * 1_026) * 768),
        ("ettin-encoder-17m", 50_368 * 256),
    ],
)
def test_embeddings_are_the_tables_of_tokens_positions_and_segments(count_of: CountOf, name: str, tables: int) -> None:
    count = count_of(name)
    assert count.D - count.D_without_embeddings == tables


# Another small size than the twin's, so that a real model can be built beside it.
SMALL_WIDTHS = {
    **dict.fromkeys(("hidden_size", "dim", "d_model"), 32),
    **dict.fromkeys(("num_attention_heads", "n_heads", "n_head", "num_heads"), 4),
    **dict.fromkeys(("encoder_attention_heads", "decoder_attention_heads"), 4),
    **dict.fromkeys(("intermediate_size", "hidden_dim", "d_inner", "d_ff", "encoder_ffn_dim", "decoder_ffn_dim"), 40),
}


@pytest.mark.parametrize("family", registered_families(), ids=lambda family: family.name)
def test_the_count_is_that_of_a_model_with_weights(family: Family) -> None:
    config = {key: SMALL_WIDTHS.get(key, value) for key, value in family.models[0].config.items()}
    built = AutoConfig.for_model(family.model_type, **config, num_labels=3)
    layout = find_layout(AutoModelForSequenceClassification.from_config(built))
    count = count_parameters(family.model_type, config, num_labels=3)
    assert (count.D, count.m) == (layout.D, layout.m)


def test_the_head_of_a_regression_has_one_row(count_of: CountOf) -> None:
    assert count_of("bert-L2-H128").D - find_model("bert-L2-H128").count_parameters(1).D == 128 + 1


def test_counting_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    find_model("bert-L2-H128").count_parameters()
    assert torch.equal(before, torch.get_rng_state())


def test_an_architecture_without_a_classifier_is_refused() -> None:
    with pytest.raises(UserError, match="model_type 'vit_mae' makes no sequence classification model"):
        count_parameters("vit_mae", {}, num_labels=2)


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(UserError, match="model_type 'bertt' with config {} makes no config: Unrecognized model"):
        count_parameters("bertt", {}, num_labels=2)


def test_a_head_without_labels_is_refused() -> None:
    with pytest.raises(UserError, match="num_labels: expected at least 1 .*, got 0"):
        find_model("roberta-base").count_parameters(0)
