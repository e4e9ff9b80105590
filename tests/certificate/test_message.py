from collections.abc import Callable
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lit_idim.certificate import Message, QuantizedVector, decode, decode_prefix, encode
from lit_idim.certificate.message import PROJECTION_NAMES
from lit_idim.errors import UserError
from lit_idim.projections import PROJECTIONS

NUM_LAMBDAS = 4
MakeMessage = Callable[..., Message]


@st.composite
def vectors(draw: st.DrawFn, count: int) -> QuantizedVector:
    largest = draw(st.sampled_from([0, 1, 2, 9, 1000]))
    return QuantizedVector(
        levels=tuple(draw(st.lists(st.integers(-largest, largest), min_size=count, max_size=count))),
        step_exponent=draw(st.integers(-400, 400)),
        codebook=draw(st.integers(-40, 40)),
        largest_level=largest,
    )


@st.composite
def messages(draw: st.DrawFn) -> Message:
    method = draw(st.sampled_from(["did", "said"]))
    d = draw(st.integers(5, 60))
    num_lambdas = NUM_LAMBDAS if method == "said" else 0
    return Message(
        method=method,  # type: ignore[arg-type]
        projection=draw(st.sampled_from(PROJECTION_NAMES)),
        projection_version=draw(st.integers(1, 9)),
        d=d,
        study_seed=draw(st.integers(-(2**64), 2**64)),
        replicate=draw(st.integers(0, 20)),
        rate=draw(st.integers(-9, 9)),
        num_updates=draw(st.integers(1, 10**6)),
        theta_d=draw(vectors(d - num_lambdas)),
        lambdas=draw(vectors(num_lambdas)) if num_lambdas else None,
    )


@settings(deadline=None)
@given(messages(), st.binary(max_size=9))
def test_a_message_comes_back_to_the_bit(message: Message, garbage: bytes) -> None:
    data = encode(message)
    assert decode(data, num_lambdas=NUM_LAMBDAS) == message
    assert decode_prefix(data + garbage, num_lambdas=NUM_LAMBDAS) == (message, len(data))
    best = message.with_best_codebooks()
    again = decode(encode(best), num_lambdas=NUM_LAMBDAS)
    assert again.theta_d.values().tobytes() == message.theta_d.values().tobytes()
    assert len(encode(best)) <= len(data)


@settings(deadline=None, max_examples=30)
@given(st.lists(messages(), min_size=2, max_size=12, unique=True))
def test_no_message_begins_another(some: list[Message]) -> None:
    coded = sorted(map(encode, some))
    assert len(set(coded)) == len(some)
    # in sorted order a prefix stands right before one that it begins
    assert not any(second.startswith(first) for first, second in pairwise(coded))


def test_kraft(make_message: MakeMessage) -> None:
    """All messages that differ in two coordinates and a rate."""
    one = make_message()
    coded = {
        encode(replace(one, rate=rate, theta_d=replace(one.theta_d, levels=(0, 3, 0, 0, first, second))))
        for rate in range(-3, 4)
        for first in range(-3, 4)
        for second in range(-3, 4)
    }
    assert len(coded) == 7**3
    assert sum(2.0 ** (-8 * len(data)) for data in coded) < 1


CHANGES = {
    "projection": "onehot",
    "projection_version": 2,
    "study_seed": 6,
    "replicate": 3,
    "rate": 0,
    "num_updates": 151,
}
VECTOR_CHANGES = {"levels": None, "step_exponent": -6, "codebook": 2, "largest_level": 4}


@pytest.mark.parametrize("name", [field.name for field in fields(Message)])
def test_every_field_is_counted(make_message: MakeMessage, name: str) -> None:
    one = make_message()
    if name in ("theta_d", "lambdas"):
        vector = getattr(one, name)
        others = []
        for part in fields(QuantizedVector):
            value = (-vector.levels[0] or 1, *vector.levels[1:]) if part.name == "levels" else VECTOR_CHANGES[part.name]
            others.append(replace(one, **{name: replace(vector, **{part.name: value})}))
    elif name == "method":
        # it goes with the lambdas; the d levels are the same
        levels = one.theta_d.levels + (0,) * NUM_LAMBDAS
        others = [replace(one, method="did", theta_d=replace(one.theta_d, levels=levels), lambdas=None)]
    elif name == "d":
        others = [replace(one, d=11, theta_d=replace(one.theta_d, levels=(*one.theta_d.levels, 0)))]
    else:
        others = [replace(one, **{name: CHANGES[name]})]
    for other in others:
        assert encode(other) != encode(one)
        assert decode(encode(other), num_lambdas=NUM_LAMBDAS) == other != one


def test_the_bits_are_the_size_of_the_file(make_message: MakeMessage, tmp_path: Path) -> None:
    data = encode(make_message())
    (tmp_path / "message").write_bytes(data)
    assert (tmp_path / "message").stat().st_size == len(data)
    assert decode((tmp_path / "message").read_bytes(), num_lambdas=NUM_LAMBDAS) == make_message()


def test_truncated_or_followed_by_others_it_is_refused(make_message: MakeMessage) -> None:
    data = encode(make_message())
    for end in range(len(data)):
        with pytest.raises(UserError, match="data"):
            decode(data[:end], num_lambdas=NUM_LAMBDAS)
    for more in (b"\x00", b"\xff", data):
        with pytest.raises(UserError, match=f"ends after {len(data)} bytes"):
            decode(data + more, num_lambdas=NUM_LAMBDAS)


def test_another_format_is_refused(make_message: MakeMessage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lit_idim.certificate.message.FORMAT", 2)
    data = encode(make_message())
    monkeypatch.undo()
    with pytest.raises(UserError, match="format 2, this release reads format 1"):
        decode(data, num_lambdas=NUM_LAMBDAS)


def test_damaged_bytes_are_refused_or_another_message(make_message: MakeMessage) -> None:
    data, draws = encode(make_message()), np.random.default_rng(0)
    num_refused = 0
    for place in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[place // 8] ^= 1 << (7 - place % 8)
        try:
            assert decode(bytes(damaged), num_lambdas=NUM_LAMBDAS) != make_message()
        except UserError:
            num_refused += 1
    assert num_refused
    for _ in range(300):
        try:
            noise = draws.bytes(20)
            message, num_bytes = decode_prefix(noise, num_lambdas=NUM_LAMBDAS)
            assert encode(message) == noise[:num_bytes]
        except UserError:
            pass


def test_the_bytes_of_a_message_stay_what_they_are(make_message: MakeMessage) -> None:
    """Other bytes mean another format, or another distribution in constriction: old messages could not be read."""
    assert encode(make_message()).hex() == "d9111aa082c4cac32111b68b2c23c0"


def test_the_largest_level_comes_back(make_message: MakeMessage) -> None:
    levels = (2**12, -(2**12), 0, 1, 2, 3)
    wide = QuantizedVector(levels=levels, step_exponent=-400, codebook=40, largest_level=2**12)
    assert decode(encode(make_message(theta_d=wide)), num_lambdas=NUM_LAMBDAS).theta_d == wide


def test_a_zero_vector_is_short(make_message: MakeMessage) -> None:
    zero = QuantizedVector(levels=(0,) * 1000, step_exponent=0, codebook=0, largest_level=0)
    assert len(encode(make_message(method="did", d=1000, theta_d=zero, lambdas=None))) <= 10


def test_all_projections_but_the_reference_have_a_place() -> None:
    assert set(PROJECTION_NAMES) == set(PROJECTIONS) - {"fastfood_literal"}
    assert list(PROJECTION_NAMES) == sorted(PROJECTION_NAMES)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"method": "full"}, "method: expected one of did, said"),
        ({"projection": "fastfood_literal"}, "projection: a message knows"),
        ({"d": 9}, "d: expected as many levels"),
        ({"d": 0}, "d: expected 1 to"),
        ({"d": 2**20 + 1}, "d: expected 1 to 1048576"),
        ({"lambdas": None}, "lambdas: expected layer scales"),
        ({"replicate": -1}, "replicate: expected at least 0"),
        ({"num_updates": 0}, "num_updates: expected at least 1"),
    ],
)
def test_what_is_no_message_is_named(make_message: MakeMessage, changes: dict[str, object], named: str) -> None:
    with pytest.raises(UserError, match=named):
        make_message(**changes)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"largest_level": 1}, "levels: expected none beyond"),
        ({"largest_level": 2**12 + 1}, "largest_level: expected 0 to"),
        ({"step_exponent": 401}, "step_exponent: expected"),
    ],
)
def test_what_is_no_vector_is_named(make_message: MakeMessage, changes: dict[str, int], named: str) -> None:
    with pytest.raises(UserError, match=named):
        replace(make_message().theta_d, **changes)
