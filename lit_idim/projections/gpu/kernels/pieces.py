"""Loads and layer scales of a tile of rows, whatever tensors and layers it overlaps."""

import triton
import triton.language as tl


@triton.jit
def scale_by_layer(rows, peak, row, last_row, offsets, stops_ptr, scales_ptr, layers, LAYERS: tl.constexpr):
    """rows * peak * lambda, float32, for rows row + offsets of the vector of length D.

    Args:
        rows: float32, the shape of offsets. peak: a number.
        row: first row in use, int64. last_row: the last. offsets: int32.
        stops_ptr: (layers,) int64, the row after each layer's last. scales_ptr: (layers,) float32, lambda.
        layers: number of layers. LAYERS: the power of two from it on.
    """
    numbers = tl.arange(0, LAYERS)
    stops = tl.load(stops_ptr + numbers, mask=numbers < layers, other=2**62)
    first = tl.sum((stops <= row).to(tl.int32))
    last = tl.minimum(tl.sum((stops <= last_row).to(tl.int32)), layers - 1)
    if first == last:
        rows = rows * (tl.load(scales_ptr + first) * peak)
    else:
        scales = tl.zeros_like(offsets).to(tl.float32) + tl.load(scales_ptr + first)
        for layer in range(first + 1, last + 1):
            begin = (tl.load(stops_ptr + layer - 1) - row).to(tl.int32)
            scales = tl.where(offsets >= begin, tl.load(scales_ptr + layer), scales)
        rows = rows * (scales * peak)
    return rows


@triton.jit
def load_pieces(pointers, starts, stops, row, COUNT: tl.constexpr, PIECES: tl.constexpr):
    """Rows row ... row + COUNT - 1 of a vector given in pieces, float32, 0 where there is none, shape (COUNT,).

    A tile inside one piece is one load without a mask, which is what lets the compiler load 16 bytes at once.
    """
    offsets = tl.arange(0, COUNT)
    values = tl.zeros([COUNT], tl.float32)
    for i in tl.static_range(PIECES):
        source = pointers[i] + (row - starts[i])
        if (starts[i] <= row) & (stops[i] >= row + COUNT):
            values = tl.load(source + offsets).to(tl.float32)
        elif (starts[i] < row + COUNT) & (stops[i] > row):
            low = tl.maximum(starts[i] - row, 0).to(tl.int32)
            high = tl.minimum(stops[i] - row, COUNT).to(tl.int32)
            values += tl.load(source + offsets, mask=(offsets >= low) & (offsets < high), other=0.0).to(tl.float32)
    return values
