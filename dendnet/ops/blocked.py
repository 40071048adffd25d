"""The operation without its expanded tensor: relu's connections a block at a time, forward and backward.

One core serves dense layers and convolutions of every rank; a dense layer is a convolution without space. Three loops
each keep a long axis contiguous and unroll BLOCK terms or more, which the compiler then fuses into one pass:

    y       over blocks of inputs,             long axis: samples
    dx      over blocks of outputs,            long axis: samples
    dw, db  over blocks of pixels and samples, long axis: outputs

Each loop works on a piece of the batch, so that what it holds beside its arguments and results stays near PIECE numbers
whatever the batch. The gradients recompute the mask x + b > 0 and store nothing.

Everything here is keras.ops on channels-last arrays without groups; compilation and gradients are the backend's
(blocked_tensorflow.py, blocked_jax.py). Sizes of samples and space may be scalar tensors. Torch has a form of its own
(blocked_torch.py). The unit is from Metta et al., arXiv 2301.00924.
"""

import itertools
import math

from keras import ops

from dendnet.ops import shapes

BLOCK = 16  # terms unrolled in one step; with fewer XLA does not fuse the step and is several times slower
LANES = 16  # samples side by side: a multiple of every processor's vector of float32
PIECE = 2**19  # numbers of input and output in one piece of the batch: two megabytes, near a core's cache
SUMS = 2**17  # partial sums of dw in one step: a step of fewer costs more to start than to do


def forward(x, kernel, bias, geometry):
    """y_j(p) = sum_t sum_i w_tij relu(x_i(p + t) + b_ij): (N, *size, c_in) -> (N, *out, c_out)."""
    out, _ = shapes.axes(ops.shape(x)[1:-1], kernel.shape[:-2], geometry)
    y = _zeros((ops.shape(x)[0], *out, kernel.shape[-1]), x)
    some, count = _pieces_of(x, y)

    def step(i, y):
        first = _first(i, some, x)
        return _put(y, first, _outputs(_cut(x, first, some), kernel, bias, geometry))

    return ops.fori_loop(0, count, step, y)


def gradients(x, kernel, bias, dy, geometry):
    """dx, dkernel and dbias from the arguments of the forward pass and dy."""
    some, count = _pieces_of(x, dy)

    def step(i, carry):
        dx, *sums = carry
        first = _first(i, some, x)
        x_i, dy_i = _cut(x, first, some), _cut(dy, first, some)

        def one_of_two(turn, carry):
            dx_i, *sums = carry
            return ops.cond(
                turn == 0,
                lambda: (dx_i, *_weight_sums(sums, x_i, bias, dy_i, i * some - first, geometry)),
                lambda: (_input_gradient(x_i, kernel, bias, dy_i, geometry), *sums),
            )

        # In turns: side by side, the compiler would hold the temporaries of both at once.
        dx_i, *sums = ops.fori_loop(0, 2, one_of_two, (_zeros(ops.shape(x_i), dy_i), *sums))
        return _put(dx, first, dx_i), *sums

    start = tuple(_zeros(ops.shape(a), dy) for a in (x, kernel, kernel))
    dx, dkernel, mask_sum = ops.fori_loop(0, count, step, start)
    dbias = kernel * mask_sum
    if len(bias.shape) < len(kernel.shape):
        dbias = ops.sum(dbias, axis=tuple(range(len(kernel.shape) - 2)))
    return dx, dkernel, dbias


def _outputs(x, kernel, bias, geometry):
    """The forward pass of one piece, by blocks of inputs i."""
    k, samples = kernel.shape[:-2], ops.shape(x)[0]
    out, borders = shapes.axes(ops.shape(x)[1:-1], k, geometry)
    per_step = math.ceil(BLOCK / math.prod(k))
    x = _phases(silent_border(x, borders), geometry.strides)
    seen_at = {t: _split(t, geometry) for t in shapes.taps(k)}

    def step(y, x, w, b):
        for u in range(per_step):
            for t, (phase, start) in seen_at.items():
                seen = x[(u, *phase, *_slices(start, out))]
                a = seen + _column(b[(*t[: len(b.shape) - 2], u)], seen)
                # relu that keeps NaN, in one instruction; ops.maximum takes three to do so.
                y = y + _column(w[(*t, u)], seen) * ops.where(a < 0, 0.0, a)
        return y

    y = _zeros((kernel.shape[-1], *out, samples), x)
    return _exchanged(_over_blocks(step, y, per_step, (x, 0), (kernel, -2), (bias, -2)))


def _input_gradient(x, kernel, bias, dy, geometry):
    """dx_i(p) = sum_j [x_i(p) + b_ij > 0] sum_t w_tij dy_j(p - t), by blocks of outputs j.

    Under strides the pixels of x fall into phases, each reached by some of the taps only.
    """
    k, strides = kernel.shape[:-2], geometry.strides
    size, c_in = ops.shape(x)[1:-1], kernel.shape[-2]
    out, borders = shapes.axes(size, k, geometry)
    # The border before x moves x to its phases; without strides it is enough to move dy.
    lead = [before if stride > 1 else 0 for (before, _), stride in zip(borders, strides, strict=True)]
    x = _phases(ops.pad(x, [(0, 0), *((before, 0) for before in lead), (0, 0)]), strides)
    width = ops.shape(x)[1 + len(k) : -1]
    reached: dict = {phase: [] for phase in itertools.product(*map(range, strides))}
    last = _split([taps - 1 for taps in k], geometry)[1]
    for t in shapes.taps(k):
        phase, start = _split(t, geometry)
        reached[phase].append((t, [most - s for most, s in zip(last, start, strict=True)]))
    per_step = math.ceil(BLOCK / min(len(taps) for taps in reached.values() if taps))
    shift = [before - moved for (before, _), moved in zip(borders, lead, strict=True)]
    around = [(most - s, w + s - o) for most, s, w, o in zip(last, shift, width, out, strict=True)]
    dy = ops.pad(_exchanged(dy), [(0, 0), *around, (0, 0)])

    def step(dx, dy, w, b):
        dx = dict(zip(reached, dx, strict=True))
        for u, (phase, taps) in itertools.product(range(per_step), reached.items()):
            x_r = x[(slice(None), *phase)]
            terms = {t: _column(w[(*t, slice(None), u)], x_r[0]) * dy[(u, *_slices(at, width))] for t, at in taps}
            if terms and len(b.shape) == 2:
                terms = {(): sum(terms.values())}  # the taps share their mask
            for t, term in terms.items():
                dx[phase] = ops.where(x_r > -_column(b[(*t, slice(None), u)], x_r[0]), dx[phase] + term, dx[phase])
        return tuple(dx.values())

    zeros = _zeros((c_in, *width, ops.shape(x)[-1]), dy)
    dx = _over_blocks(step, (zeros,) * len(reached), per_step, (dy, 0), (kernel, -1), (bias, -1))
    dx = _joined(ops.stack(dx, axis=1), strides)
    return dx[(slice(None), *(slice(before, before + s) for before, s in zip(lead, size, strict=True)))]


def _weight_sums(sums, x, bias, dy, seen_before, geometry):
    """The sums so far and this piece's, but for its first samples, which an earlier piece has seen.

    They are sum_p dy_j(p) relu(x_i(p + t) + b_ij) and sum_p dy_j(p) [x_i(p + t) + b_ij > 0]. Where the weights are
    few, groups of samples run side by side, each with its partial sums.
    """
    k, (c_in, c_out), rank = sums[0].shape[:-2], sums[0].shape[-2:], len(geometry.strides)
    out, borders = shapes.axes(ops.shape(x)[1:-1], k, geometry)
    samples = ops.shape(x)[0]
    most = max(1, min(LANES, SUMS // math.prod(sums[0].shape)))
    groups = shapes.at_least(1, shapes.at_most(most, samples * math.prod(out) // BLOCK))
    each = shapes.at_least(1, _ceil(samples, groups))
    missing = groups * each - samples
    x = ops.pad(x, [(0, missing), *borders, (0, 0)], constant_values=-math.inf)
    x = ops.reshape(x, (groups, each, *ops.shape(x)[1:]))
    is_new = ops.reshape(ops.arange(samples) >= seen_before, (-1, *[1] * (rank + 1)))
    dy = ops.pad(ops.where(is_new, dy, 0.0), [(0, missing), *[(0, 0)] * (rank + 1)])
    places = math.prod(out) * each
    dy = ops.pad(ops.reshape(dy, (groups, places, c_out)), [(0, 0), (0, -places % BLOCK), (0, 0)])
    reach = [shapes.span(taps, d) for taps, d in zip(k, geometry.dilation_rate, strict=True)]
    every = tuple(slice(None, None, d) for d in geometry.dilation_rate)

    def step(block, partial):
        dkernel, mask_sum = partial
        for u in range(BLOCK):
            place = block * BLOCK + u
            g = ops.reshape(ops.slice(dy, (0, place, 0), (groups, 1, c_out)), (groups, *[1] * (rank + 1), c_out))
            corner: list = []
            for extent, stride in zip(reversed(out), reversed(geometry.strides), strict=True):
                corner.insert(0, place % extent * stride)
                place = place // extent
            seen = ops.slice(x, (0, place, *corner, 0), (groups, 1, *reach, c_in))[(slice(None), 0, *every)][..., None]
            a = seen + bias
            dkernel = ops.where(a > 0, dkernel + a * g, dkernel)
            mask_sum = ops.where(seen > -bias, mask_sum + g, mask_sum)
        return dkernel, mask_sum

    zeros = _zeros((groups, *k, c_in, c_out), dy)
    partial = ops.fori_loop(0, _ceil(places, BLOCK), step, (zeros, zeros))
    return [total + ops.sum(part, axis=0) for total, part in zip(sums, partial, strict=True)]


def pieces(samples, each):
    """Samples of one piece and the number of pieces, where one sample is so many numbers of input and output.

    The last piece starts early rather than being short.
    """
    most = LANES * shapes.at_least(1, PIECE // each // LANES)
    count = _ceil(samples, most)
    even = LANES * _ceil(_ceil(samples, shapes.at_least(1, count)), LANES)
    return shapes.at_most(samples, even), count


def _pieces_of(x, y):
    return pieces(ops.shape(x)[0], math.prod(ops.shape(x)[1:]) + math.prod(ops.shape(y)[1:]))


def _zeros(shape, after):
    """Zeros that cannot be made before some array is there.

    A compiler that sees a whole model makes the plain zeros of all its layers first, and holds them until their turn.
    """
    never = ops.sum(after[:1]) > math.inf
    return ops.broadcast_to(ops.cast(never, after.dtype), shape)


def _first(piece, some, x):
    """The first sample of a piece."""
    return ops.minimum(piece * some, ops.shape(x)[0] - some)


def _cut(a, first, some):
    return ops.slice(a, (first, *[0] * (len(a.shape) - 1)), (some, *ops.shape(a)[1:]))


def _put(a, first, piece):
    return ops.slice_update(a, (first, *[0] * (len(a.shape) - 1)), piece)


def _over_blocks(step, carry, size, *arrays):
    """step(carry, block, ...) over blocks of so many along each array's axis, with zeros where one is not full.

    Nothing is copied for it, and unlike ops.scan it compiles with an unknown number of samples.
    """
    full = [(_filled(a, size, axis % len(a.shape)), axis % len(a.shape)) for a, axis in arrays]

    def block(i, a, axis):
        start, shape = [0] * len(a.shape), list(ops.shape(a))
        start[axis], shape[axis] = i * size, size
        return ops.slice(a, start, shape)

    steps = full[0][0].shape[full[0][1]] // size
    return ops.fori_loop(0, steps, lambda i, carry: step(carry, *(block(i, *a) for a in full)), carry)


def _split(t, geometry):
    """For tap t, along each axis, the phase of the pixels that it sees, and the first of them within the phase."""
    axes = zip(t, geometry.dilation_rate, geometry.strides, strict=True)
    starts, phase = zip(*(divmod(tap * d, stride) for tap, d, stride in axes), strict=True) if t else ((), ())
    return phase, starts


def _phases(x, strides):
    """(N, *size, c) -> (c, *strides, *width, N): pixel p of an axis is number p // stride of phase p % stride."""
    size, rank = ops.shape(x)[1:-1], len(strides)
    x = ops.pad(x, [(0, 0), *((0, -s % stride) for s, stride in zip(size, strides, strict=True)), (0, 0)])
    n, *size, c = ops.shape(x)
    apart = [part for s, stride in zip(size, strides, strict=True) for part in (s // stride, stride)]
    x = ops.reshape(x, (n, *apart, c))
    return ops.transpose(x, (2 * rank + 1, *range(2, 2 * rank + 1, 2), *range(1, 2 * rank + 1, 2), 0))


def _joined(x, strides):
    """_phases undone, but for the pixels that it added; x comes as (c, phases in one axis, *width, N)."""
    rank, (c, _, *width, n) = len(strides), ops.shape(x)
    x = ops.reshape(x, (c, *strides, *width, n))
    pairs = itertools.chain(*zip(range(rank + 1, 2 * rank + 1), range(1, rank + 1), strict=True))
    x = ops.transpose(x, (2 * rank + 1, *pairs, 0))
    return ops.reshape(x, (n, *(w * stride for w, stride in zip(width, strides, strict=True)), c))


def _slices(start, size):
    return [slice(a, a + s) for a, s in zip(start, size, strict=True)]


def _exchanged(a):
    """(N, *size, c) and (c, *size, N): the first axis and the last change places."""
    return ops.transpose(a, (len(a.shape) - 1, *range(1, len(a.shape) - 1), 0))


def silent_border(x, borders):
    """Minus infinity around the axes of space, which stand between the first and the last."""
    return ops.pad(x, [(0, 0), *borders, (0, 0)], constant_values=-math.inf) if borders else x


def _column(values, beside):
    """Values along a new first axis beside an array."""
    return ops.reshape(values, (-1, *[1] * len(beside.shape)))


def _filled(a, size, axis):
    """With zeros behind an axis whose length is no multiple of size."""
    missing = -a.shape[axis] % size
    return ops.pad(a, [(0, missing if ax == axis else 0) for ax in range(len(a.shape))]) if missing else a


def _ceil(a, b):
    return -(-a // b)
