"""The message that names a trained subspace: a few bytes from which theta_d, the lambdas and P are made again.

In this order, numbers in Elias delta: format version; method (1 bit); projection (2 bits) and its version; d; study
seed, replicate, rate and number of updates; for theta_d and, for SAID, the lambdas: step exponent, codebook and largest
level; the number of bytes of the coded levels, and they; zeros up to a whole byte. A reader knows from what it has read
where the message ends, so that no message is the beginning of another one: the code is prefix-free.

What is not in it must be fixed before the sample is seen: checkpoint, tokenizer, task, lengths, the settings of the
training, the held-out part, this code. K is 8 times the number of bytes: the size of the file.
"""

from dataclasses import dataclass, replace
from typing import Literal

from lit_idim.certificate.integer_code import BitReader, BitWriter
from lit_idim.certificate.level_code import LARGEST_CODEBOOK, decode_levels, encode_levels, likely_codebooks
from lit_idim.certificate.quantized_vector import LARGEST_LEVEL, LARGEST_STEP_EXPONENT, QuantizedVector
from lit_idim.errors import UserError

FORMAT = 1
METHODS: tuple[Literal["did", "said"], ...] = ("did", "said")
# By place, whatever order the registry has: a new projection needs a new format.
PROJECTION_NAMES = ("dense", "fastfood", "onehot", "sparse")
_PROJECTION_BITS = 2
MAX_D = 2**20  # so that damaged bytes do not ask for the memory of a machine


@dataclass(frozen=True, kw_only=True)
class Message:
    """Everything that was chosen after the sample was seen.

    Attributes:
        method: "did" or "said".
        projection: name of P.
        projection_version: of its generator.
        d: trained numbers, the lambdas included.
        study_seed: from which, with d and replicate, the seeds of projection and head derive.
        replicate: number of the seeds.
        rate: learning rate as its rung on the ladder, see `lit_idim.d90.TrainingId`.
        num_updates: after which the training stopped.
        theta_d: coordinates, d' of them.
        lambdas: layer scales minus 1, m of them; None for "did".

    Raises:
        UserError: if a name is unknown, a number is out of range, or the parts do not fit together.
    """

    method: Literal["did", "said"]
    projection: str
    projection_version: int
    d: int
    study_seed: int
    replicate: int
    rate: int
    num_updates: int
    theta_d: QuantizedVector
    lambdas: QuantizedVector | None = None

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UserError(f"method: expected one of {', '.join(METHODS)}, got {self.method!r}")
        if self.projection not in PROJECTION_NAMES:
            raise UserError(f"projection: a message knows {', '.join(PROJECTION_NAMES)}, got {self.projection!r}")
        if not 1 <= self.d <= MAX_D:
            raise UserError(f"d: expected 1 to {MAX_D} in a message, got {self.d}")
        for name, least in (("projection_version", 1), ("replicate", 0), ("num_updates", 1)):
            if getattr(self, name) < least:
                raise UserError(f"{name}: expected at least {least}, got {getattr(self, name)}")
        if (self.lambdas is None) != (self.method == "did"):
            raise UserError("lambdas: expected layer scales for method 'said', and none for 'did'")
        num_levels = len(self.theta_d.levels) + (len(self.lambdas.levels) if self.lambdas is not None else 0)
        if num_levels != self.d:
            raise UserError(f"d: expected as many levels of theta_d and lambdas, got d={self.d} and {num_levels}")
        if any(abs(vector.codebook) > LARGEST_CODEBOOK for vector in self.vectors):
            raise UserError(f"codebook: expected {-LARGEST_CODEBOOK} to {LARGEST_CODEBOOK}")

    @property
    def vectors(self) -> tuple[QuantizedVector, ...]:
        """theta_d and, for "said", the lambdas."""
        return (self.theta_d,) if self.lambdas is None else (self.theta_d, self.lambdas)

    def with_best_codebooks(self) -> "Message":
        """The same numbers with ranges and codebooks that make the message shortest, of the likely ones and these."""
        others = [
            replace(self, theta_d=theta_d, lambdas=lambdas)
            for theta_d in _likely_forms(self.theta_d)
            for lambdas in ([None] if self.lambdas is None else _likely_forms(self.lambdas))
        ]
        return min([*others, self], key=lambda message: len(encode(message)))


def encode(message: Message) -> bytes:
    """The bytes of a message.

    Example:
        >>> vector = QuantizedVector(levels=(0, 1, -1, 0), step_exponent=-4, codebook=0, largest_level=1)
        >>> message = Message(
        ...     method="did", projection="fastfood", projection_version=1, d=4, study_seed=0, replicate=0, rate=0,
        ...     num_updates=100, theta_d=vector,
        ... )
        >>> len(encode(message)), decode(encode(message), num_lambdas=2) == message
        (7, True)
    """
    writer = BitWriter()
    writer.write_delta(FORMAT)
    writer.write_bits(METHODS.index(message.method), 1)
    writer.write_bits(PROJECTION_NAMES.index(message.projection), _PROJECTION_BITS)
    writer.write_delta(message.projection_version)
    writer.write_delta(message.d)
    writer.write_signed(message.study_seed)
    writer.write_delta(message.replicate + 1)
    writer.write_signed(message.rate)
    writer.write_delta(message.num_updates)
    for vector in message.vectors:
        writer.write_signed(vector.step_exponent)
        writer.write_signed(vector.codebook)
        writer.write_delta(vector.largest_level + 1)
    levels = encode_levels(message.vectors)
    writer.write_delta(len(levels) + 1)
    writer.write_bits(int.from_bytes(levels, "big"), 8 * len(levels))
    return writer.to_bytes()


def decode(data: bytes, *, num_lambdas: int) -> Message:
    """The message of these bytes.

    Args:
        data: what `encode` gave, no more and no less.
        num_lambdas: m, the layers of the model; a property of the architecture.

    Raises:
        UserError: if the bytes are truncated, damaged, followed by others, or of another format.
    """
    message, num_bytes = decode_prefix(data, num_lambdas=num_lambdas)
    if num_bytes < len(data):
        raise UserError(f"data: the message ends after {num_bytes} bytes, got {len(data)}; pass the message alone")
    return message


def decode_prefix(data: bytes, *, num_lambdas: int) -> tuple[Message, int]:
    """The message that these bytes begin with, and its number of bytes; arguments and errors as of `decode`."""
    reader = BitReader(data)
    version = reader.read_delta()
    if version != FORMAT:
        raise UserError(f"data: the message has format {version}, this release reads format {FORMAT}")
    method = METHODS[reader.read_bits(1)]
    projection = PROJECTION_NAMES[reader.read_bits(_PROJECTION_BITS)]
    projection_version = reader.read_delta()
    d = reader.read_delta()
    study_seed = reader.read_signed()
    replicate = reader.read_delta() - 1
    rate = reader.read_signed()
    num_updates = reader.read_delta()
    m = num_lambdas if method == "said" else 0
    if not m <= d <= MAX_D:
        raise UserError(f"data: expected d from {m} to {MAX_D}, got {d}; the message is another model's or damaged")
    forms = [_read_form(reader, count) for count in ((d - m, m) if method == "said" else (d,))]
    levels = _read_levels(reader, [(count, codebook, largest) for count, _, codebook, largest in forms])
    vectors = [
        QuantizedVector(levels=part, step_exponent=exponent, codebook=codebook, largest_level=largest)
        for part, (_, exponent, codebook, largest) in zip(levels, forms, strict=True)
    ]
    message = Message(
        method=method,
        projection=projection,
        projection_version=projection_version,
        d=d,
        study_seed=study_seed,
        replicate=replicate,
        rate=rate,
        num_updates=num_updates,
        theta_d=vectors[0],
        lambdas=vectors[1] if method == "said" else None,
    )
    num_bytes = -(-reader.position // 8)
    # One message has one form: whatever else decodes to it was damaged.
    if encode(message) != data[:num_bytes]:
        raise UserError("data: these are not the bytes that its message has; they are damaged")
    return message, num_bytes


def _read_form(reader: BitReader, count: int) -> tuple[int, int, int, int]:
    """Number of levels, step exponent, codebook and largest level of a vector."""
    exponent, codebook, largest = reader.read_signed(), reader.read_signed(), reader.read_delta() - 1
    if abs(exponent) > LARGEST_STEP_EXPONENT or abs(codebook) > LARGEST_CODEBOOK or largest > LARGEST_LEVEL:
        raise UserError(
            f"data: step exponent {exponent}, codebook {codebook} or largest level {largest} is out of range; the "
            "message is damaged"
        )
    return count, exponent, codebook, largest


def _read_levels(reader: BitReader, forms: list[tuple[int, int, int]]) -> list[tuple[int, ...]]:
    num_bytes = reader.read_delta() - 1
    return decode_levels(reader.read_bits(8 * num_bytes).to_bytes(num_bytes, "big"), forms)


def _likely_forms(vector: QuantizedVector) -> list[QuantizedVector]:
    largest = max((abs(level) for level in vector.levels), default=0)
    likely = likely_codebooks(vector.levels, largest)
    return [replace(vector, largest_level=largest, codebook=codebook) for codebook in likely]
