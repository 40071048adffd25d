"""The operation without its expanded tensor: relu's connections a block at a time, forward and backward.

One core serves dense layers and convolutions of every rank; a dense layer is a convolution without space. Three loops
each keep a long axis contiguous and unroll at least BLOCK terms, which the compiler then fuses into one pass:

    y       over blocks of inputs,    long axis: samples
    dx      over blocks of outputs,   long axis: samples
    dw, db  over blocks of samples,   long axis: outputs

The forward pass uses relu(x + b) = max(x, -b) + b, so that each connection costs one max and one multiply-add; the
gradients recompute the mask x + b > 0 and store nothing. Padded pixels are -infinity: silent, and never multiplied.

Everything here is keras.ops on channels-last arrays without groups; compilation and gradients are the backend's
(blocked_tensorflow.py, blocked_jax.py). Torch, which runs eagerly, has loops of its own (blocked_torch.py). The unit is
from Metta et al., arXiv 2301.00924.
"""

import itertools
import math

from keras import ops

from dendnet.ops import shapes

BLOCK = 16  # terms unrolled in one step; with fewer XLA does not fuse the step and is several times slower


def forward(x, kernel, bias, geometry):
    """y_j(p) = sum_t sum_i w_tij relu(x_i(p + t) + b_ij): (N, *size, c_in) -> (N, *out, c_out)."""
    k, c_out = kernel.shape[:-2], kernel.shape[-1]
    out, borders = shapes.axes(ops.shape(x)[1:-1], k, geometry)
    per_step = math.ceil(BLOCK / math.prod(k))
    x = silent_border(_samples_last(x), borders)
    start = ops.sum(ops.reshape(kernel * bias, (-1, c_out)), axis=0)
    axes = len(k) + 1
    y = ops.broadcast_to(_column(start, axes), (c_out, *out, ops.shape(x)[-1]))

    def step(y, x, w, threshold):
        for u in range(per_step):
            for t in taps(k):
                seen = x[(u, *window(t, out, geometry))]
                knot = threshold[(u, *t)] if len(threshold.shape) > 2 else threshold[u]
                y = y + _column(w[(u, *t)], axes) * ops.maximum(seen[None], _column(knot, axes))
        return y

    inputs_first = [_blocks(ops.moveaxis(a, -2, 0), per_step) for a in (kernel, -bias)]
    return _samples_first(_over_blocks(step, y, _blocks(x, per_step), *inputs_first))


def gradients(x, kernel, bias, dy, geometry):
    """dx, dkernel and dbias from the arguments of the forward pass and dy."""
    dkernel, mask_sum = _weight_sums(x, kernel.shape[:-2], bias, dy, geometry)
    dbias = kernel * mask_sum
    if len(bias.shape) < len(kernel.shape):
        dbias = ops.sum(dbias, axis=tuple(range(len(kernel.shape) - 2)))
    return _input_gradient(x, kernel, bias, dy, geometry), dkernel, dbias


def _input_gradient(x, kernel, bias, dy, geometry):
    """dx_i(p) = sum_j [x_i(p) + b_ij > 0] sum_t w_tij dy_j(p - t), by blocks of outputs j."""
    k = kernel.shape[:-2]
    out, borders = shapes.axes(ops.shape(x)[1:-1], k, geometry)
    per_step = math.ceil(BLOCK / math.prod(k))
    x = _samples_last(x)
    size, axes = ops.shape(x)[1:-1], len(k) + 1
    dy = _spread(_samples_last(dy), out, geometry.strides)
    around = [
        ((taps - 1) * d - before, s + before - ((o - 1) * stride + 1))
        for taps, d, (before, _), s, o, stride in zip(
            k, geometry.dilation_rate, borders, size, out, geometry.strides, strict=True
        )
    ]
    dy = ops.pad(dy, [(0, 0), *around, (0, 0)])

    def step(dx, dy, w, b):
        for u in range(per_step):
            total = 0.0
            for t in taps(k):
                start = [(taps - 1 - tap) * d for taps, tap, d in zip(k, t, geometry.dilation_rate, strict=True)]
                reached = dy[(u, *(slice(a, a + s) for a, s in zip(start, size, strict=True)))]
                term = _column(w[(u, *t)], axes) * reached[None]
                if len(b.shape) > 2:
                    term = ops.where(x + _column(b[(u, *t)], axes) > 0, term, 0.0)
                total = total + term
            dx = dx + (total if len(b.shape) > 2 else ops.where(x + _column(b[u], axes) > 0, total, 0.0))
        return dx

    outputs_first = [_blocks(ops.moveaxis(a, -1, 0), per_step) for a in (kernel, bias)]
    return _samples_first(_over_blocks(step, ops.zeros_like(x), _blocks(dy, per_step), *outputs_first))


def _weight_sums(x, k, bias, dy, geometry):
    """sum_p dy_j(p) relu(x_i(p + t) + b_ij) and sum_p dy_j(p) [x_i(p + t) + b_ij > 0], by blocks of samples."""
    out, borders = shapes.axes(ops.shape(x)[1:-1], k, geometry)
    c_in, c_out = bias.shape[-2:]
    rank = len(k)
    samples = ops.shape(x)[0]
    missing = shapes.at_least(1, -(-samples // BLOCK)) * BLOCK - samples

    def by_block(a, channels):
        """(N, *size, channels) -> (*size, N / BLOCK, BLOCK, channels)."""
        a = ops.moveaxis(ops.pad(a, [(0, missing), *[(0, 0)] * (rank + 1)]), 0, rank)
        return ops.reshape(a, (*ops.shape(a)[:rank], -1, BLOCK, channels))

    x = by_block(silent_border(x, borders), c_in)
    dy = by_block(dy, c_out)
    places = (*out, ops.shape(dy)[rank])
    reach = [shapes.span(taps, d) for taps, d in zip(k, geometry.dilation_rate, strict=True)]
    every = tuple(slice(None, None, d) for d in geometry.dilation_rate)

    def step(place, sums):
        dkernel, mask_sum = sums
        index: list = []
        for extent in reversed(places):
            index.insert(0, place % extent)
            place = place // extent
        corner = [i * stride for i, stride in zip(index, geometry.strides, strict=False)]
        seen = ops.slice(x, (*corner, index[-1], 0, 0), (*reach, 1, BLOCK, c_in))[every]
        upstream = ops.slice(dy, (*index, 0, 0), (*[1] * (rank + 1), BLOCK, c_out))
        for u in range(BLOCK):
            a = seen[..., 0, u, :, None] + bias
            g = upstream[(*[0] * (rank + 1), u)]
            dkernel = dkernel + ops.maximum(a, 0.0) * g
            mask_sum = mask_sum + ops.where(a > 0, g, 0.0)
        return dkernel, mask_sum

    zero = ops.zeros((*k, c_in, c_out), x.dtype)
    count = places[0]
    for extent in places[1:]:
        count = count * extent
    return ops.fori_loop(0, count, step, (zero, zero))


def _over_blocks(step, carry, *blocks):
    """step(carry, block, ...) over the first axis; unlike ops.scan it compiles with an unknown number of samples."""
    return ops.fori_loop(0, blocks[0].shape[0], lambda i, carry: step(carry, *(b[i] for b in blocks)), carry)


def taps(k):
    """Every tap of a kernel, as its index along each axis."""
    return itertools.product(*map(range, k))


def window(t, out, geometry):
    """The pixels that tap t sees, one for each output, as a slice of each axis."""
    return [
        slice(tap * d, tap * d + (o - 1) * stride + 1, stride)
        for tap, d, o, stride in zip(t, geometry.dilation_rate, out, geometry.strides, strict=True)
    ]


def _samples_last(a):
    return ops.transpose(a, (len(a.shape) - 1, *range(1, len(a.shape) - 1), 0))


_samples_first = _samples_last  # (c, *size, N) and (N, *size, c): the same exchange


def silent_border(x, borders):
    """Minus infinity around the axes of space, which stand between the first and the last."""
    return ops.pad(x, [(0, 0), *borders, (0, 0)], constant_values=-math.inf) if borders else x


def _column(values, axes):
    """Values along the first axis, with so many axes of length 1 behind it."""
    return ops.reshape(values, (-1, *[1] * axes))


def _blocks(a, size):
    """(n, ...) -> (n / size, size, ...), with zeros where n is no multiple of size."""
    missing = -a.shape[0] % size
    if missing:
        a = ops.pad(a, [(0, missing), *[(0, 0)] * (len(a.shape) - 1)])
    return ops.reshape(a, (a.shape[0] // size, size, *ops.shape(a)[1:]))


def _spread(dy, out, strides):
    """dy (c, *out, N) with stride - 1 zeros between neighbours along each axis."""
    for axis, (o, stride) in enumerate(zip(out, strides, strict=True), start=1):
        if stride > 1:
            shape = ops.shape(dy)
            dy = ops.pad(
                ops.expand_dims(dy, axis + 1),
                [(0, 0)] * (axis + 1) + [(0, stride - 1)] + [(0, 0)] * (len(shape) - axis - 1),
            )
            dy = ops.reshape(dy, (*shape[:axis], o * stride, *shape[axis + 1 :]))
            dy = dy[(*[slice(None)] * axis, slice(0, (o - 1) * stride + 1))]
    return dy
