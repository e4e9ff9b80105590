import pytest
from hypothesis import given
from hypothesis import strategies as st

from lit_idim.certificate.integer_code import BitReader, BitWriter, delta_length, unzigzag, zigzag
from lit_idim.errors import UserError

# Elias 1975, table of the code delta
KNOWN = {1: "1", 2: "0100", 3: "0101", 4: "01100", 7: "01111", 8: "00100000", 16: "001010000", 17: "001010001"}


@pytest.mark.parametrize(("number", "bits"), KNOWN.items())
def test_the_code_is_elias_delta(number: int, bits: str) -> None:
    writer = BitWriter()
    writer.write_delta(number)
    padded = bits.ljust(-(-len(bits) // 8) * 8, "0")
    assert writer.to_bytes() == int(padded, 2).to_bytes(len(padded) // 8, "big")
    assert delta_length(number) == len(bits)


@given(st.lists(st.integers(-(2**100), 2**100)))
def test_what_is_written_is_read(numbers: list[int]) -> None:
    writer = BitWriter()
    for number in numbers:
        writer.write_signed(number)
    data = writer.to_bytes()
    reader = BitReader(data + b"\x5a")
    assert [reader.read_signed() for _ in numbers] == numbers
    assert len(data) == -(-reader.position // 8)
    assert reader.position == sum(delta_length(zigzag(number) + 1) for number in numbers)


@given(st.integers(-(2**70), 2**70))
def test_zigzag_is_a_bijection(number: int) -> None:
    assert unzigzag(zigzag(number)) == number >= -zigzag(number)


def test_kraft() -> None:
    assert sum(2.0 ** -delta_length(number) for number in range(1, 2**16)) < 1


def test_what_no_code_holds_is_refused() -> None:
    for write in (BitWriter().write_delta, lambda number: BitWriter().write_bits(4, 2)):
        with pytest.raises(UserError, match="number: expected"):
            write(0)
    with pytest.raises(UserError, match="number: expected"):
        BitWriter().write_delta(2**255)


def test_what_is_no_code_is_refused() -> None:
    with pytest.raises(UserError, match="truncated"):
        BitReader(b"\x01").read_delta()
    with pytest.raises(UserError, match="damaged"):
        BitReader(bytes(8)).read_delta()
    with pytest.raises(UserError, match="truncated"):
        BitReader(b"").read_bits(1)
