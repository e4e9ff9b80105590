"""Whole numbers as bits of a prefix-free code: Elias delta, with signs folded in by zigzag."""

from lit_idim.errors import UserError

_MOST_LEADING_ZEROS = 7  # numbers below 2^255: more than any field holds, so that damaged bytes are noticed at once


def zigzag(number: int) -> int:
    """Folds the signed integers into 0, 1, 2, ...

    Example:
        >>> [zigzag(number) for number in (0, -1, 1, -2, 2)]
        [0, 1, 2, 3, 4]
    """
    return 2 * number if number >= 0 else -2 * number - 1


def unzigzag(folded: int) -> int:
    """What `zigzag` folded.

    Example:
        >>> [unzigzag(folded) for folded in range(5)]
        [0, -1, 1, -2, 2]
    """
    return folded // 2 if folded % 2 == 0 else -(folded + 1) // 2


def delta_length(number: int) -> int:
    """Bits of the Elias delta code of a number >= 1: floor(log2 n) + 2 floor(log2(floor(log2 n) + 1)) + 1.

    Example:
        >>> [delta_length(number) for number in (1, 2, 4, 100)]
        [1, 4, 5, 11]
    """
    size = number.bit_length()
    return size - 1 + 2 * (size.bit_length() - 1) + 1


class BitWriter:
    """Bits in the order in which they are written, the first one the highest of the first byte.

    Example:
        >>> writer = BitWriter()
        >>> writer.write_delta(5)
        >>> writer.to_bytes().hex()
        '68'
    """

    def __init__(self) -> None:
        self._parts: list[str] = []

    def write_bits(self, number: int, count: int) -> None:
        """The lowest `count` bits of a number of at most so many.

        Raises:
            UserError: if it has more.
        """
        if not 0 <= number < 1 << count:
            raise UserError(f"number: expected 0 to {(1 << count) - 1} for {count} bits, got {number}")
        if count:
            self._parts.append(f"{number:0{count}b}")

    def write_delta(self, number: int) -> None:
        """The Elias delta code (Elias 1975) of a number >= 1: its length in Elias gamma, then it without its first 1.

        Raises:
            UserError: if it is below 1 or 2^255 and more.
        """
        size = number.bit_length()
        if number < 1 or size.bit_length() - 1 > _MOST_LEADING_ZEROS:
            raise UserError(f"number: expected a whole number from 1 to 2^255 - 1, got {number}")
        self.write_bits(size, 2 * size.bit_length() - 1)
        self.write_bits(number - (1 << (size - 1)), size - 1)

    def write_signed(self, number: int) -> None:
        """The Elias delta code of a signed number, folded by zigzag: 1 bit for 0."""
        self.write_delta(zigzag(number) + 1)

    def to_bytes(self) -> bytes:
        """The bits, and zeros up to a whole byte."""
        bits = "".join(self._parts)
        num_bytes = -(-len(bits) // 8)
        return int(bits.ljust(8 * num_bytes, "0") or "0", 2).to_bytes(num_bytes, "big")


class BitReader:
    """Reads what a `BitWriter` wrote.

    Args:
        data: the bytes, which may go on after the last thing that is read.

    Attributes:
        position: bits read so far.

    Example:
        >>> BitReader(bytes.fromhex("68")).read_delta()
        5
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    def read_bits(self, count: int) -> int:
        """The next `count` bits as a number.

        Raises:
            UserError: if there are fewer.
        """
        end = self.position + count
        if end > 8 * len(self._data):
            raise UserError(f"data: it ends after {len(self._data)} bytes, within a number; the message is truncated")
        first, last = self.position // 8, -(-end // 8)
        number = int.from_bytes(self._data[first:last], "big") >> (8 * last - end)
        self.position = end
        return number & ((1 << count) - 1)

    def read_delta(self) -> int:
        """A number >= 1 in Elias delta.

        Raises:
            UserError: if the bits end before it does, or are no such code.
        """
        num_zeros = 0
        while self.read_bits(1) == 0:
            num_zeros += 1
            if num_zeros > _MOST_LEADING_ZEROS:
                raise UserError("data: expected a number in Elias delta, got a run of zeros; the message is damaged")
        size = (1 << num_zeros) + self.read_bits(num_zeros)
        return (1 << (size - 1)) + self.read_bits(size - 1)

    def read_signed(self) -> int:
        """A signed number as `write_signed` writes it.

        Raises:
            UserError: as of `read_delta`.
        """
        return unzigzag(self.read_delta() - 1)
