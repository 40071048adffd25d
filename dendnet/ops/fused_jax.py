"""The operation fused for NVIDIA GPUs on JAX: the kernels of fused_torch.py in Pallas, for its Triton lowering.

    y_pj   = sum_ti w_tij relu(x_qi + b_tij)           a tile of (p, j), over taps and inputs
    dx_qi  = sum_tj [x_qi + b_tij > 0] w_tij dy_pj     a tile of (q, i), over taps and outputs
    dw_tij = sum_p dy_pj relu(x_qi + b_tij)            a tile of (i, j), over a share of the rows; the shares' sums
    s_tij  = sum_p dy_pj [x_qi + b_tij > 0]            are added afterwards, and db = w s

Rows p are the output places of all samples, rows q the input places; tables (places.py) say which sees which through
tap t. Reverse mode works to any order (from the second on by the definition), and vmap too; forward mode (jvp) is
refused by JAX with its own sentence. JAX 0.11 deprecates Pallas's Triton lowering: where it is gone, fused.runs() says
so and "auto" takes the blocked form.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jax.experimental import pallas as pl
from jax.experimental.pallas import triton as plgpu

from dendnet.ops import derivatives_jax, places, shapes, tiles

INTERPRET = False  # the tests run the kernels on a CPU with True


def _forward_kernel(x, w, b, start, seen, y, *, samples, rows, columns, unroll):
    (T, P), (n, m) = seen.shape, w.shape[1:]
    Q = x.shape[0] // samples
    p = pl.program_id(0) * rows + jnp.arange(rows)
    j = pl.program_id(1) * columns + jnp.arange(columns)
    sample, place = _divided(p, P)
    at = _grid(p, j)
    in_tile = (at[0] < samples * P) & (at[1] < m)

    def tap(t, sums):
        q = plgpu.load(seen.at[t, place], mask=p < samples * P, other=places.NOWHERE)

        def block(step, sums):
            y_pj, not_a_number = sums
            for u in range(unroll):
                i = step * unroll + u
                x_i = _load(x.at[sample * Q + q, i], q >= 0, -jnp.inf)
                w_i = _load(w.at[t, i, j], j < m, 0)
                knot = -_load(b.at[t if b.shape[0] > 1 else 0, i, j], j < m, 0)
                y_pj += w_i[None, :] * jnp.maximum(x_i[:, None], knot[None, :])
                not_a_number += jnp.where(x_i == x_i, 0.0, x_i)  # a GPU's max drops NaN
            return y_pj, not_a_number

        return jax.lax.fori_loop(0, n // unroll, block, sums)

    # Loaded as a tile, and not made from a row, the sum begins in the layout that loads four columns at once.
    sums = _load(start.at[at[1]], in_tile, 0), jnp.zeros(rows, "float32")
    y_pj, not_a_number = jax.lax.fori_loop(0, T, tap, sums)
    plgpu.store(y.at[at], (y_pj + not_a_number[:, None]).astype(y.dtype), mask=in_tile)


def _input_kernel(x, w, b, dy, own, reached, taps, outputs, dx, *, samples, rows, columns, unroll):
    """Here w and b have their last two axes exchanged, so that inputs i are neighbours."""
    m, n = w.shape[1:]
    P, Q, C = dy.shape[0] // samples, x.shape[0] // samples, own.shape[1]
    c = pl.program_id(2)
    r = pl.program_id(0) * rows + jnp.arange(rows)
    i = pl.program_id(1) * columns + jnp.arange(columns)
    sample, place = _divided(r, C)
    q = plgpu.load(own.at[c, place], mask=r < samples * C, other=places.NOWHERE)
    at = _grid(jnp.where(q >= 0, sample * Q + q, samples * Q), i)
    in_tile = (at[0] < samples * Q) & (at[1] < n)
    x_qi = _load(x.at[at], in_tile, -jnp.inf)

    def tap(index, dx_qi):
        t = taps[c, index]
        p = plgpu.load(outputs.at[c, index, place], mask=q >= 0, other=places.NOWHERE)

        def block(step, dx_qi):
            for u in range(unroll):
                j = step * unroll + u
                dy_j = _load(dy.at[sample * P + p, j], p >= 0, 0)
                w_j = _load(w.at[t, j, i], i < n, 0)
                knot = -_load(b.at[t if b.shape[0] > 1 else 0, j, i], i < n, 0)
                dx_qi = jnp.where(x_qi > knot[None, :], dx_qi + w_j[None, :] * dy_j[:, None], dx_qi)
            return dx_qi

        return jax.lax.fori_loop(0, m // unroll, block, dx_qi)

    dx_qi = jax.lax.fori_loop(0, reached[c], tap, jnp.zeros((rows, columns), "float32"))
    plgpu.store(dx.at[at], dx_qi.astype(dx.dtype), mask=in_tile)


def _weight_kernel(x, b, dy, seen, dw, s, *, samples, share, side_i, side_j, unroll):
    (T, P), (n, m) = seen.shape, b.shape[1:]
    Q = x.shape[0] // samples
    block_i, t = _divided(pl.program_id(0), T)
    i, j = block_i * side_i + jnp.arange(side_i), pl.program_id(1) * side_j + jnp.arange(side_j)
    at = _grid(i, j)
    in_tile = (at[0] < n) & (at[1] < m)
    b_ij = _load(b.at[t if b.shape[0] > 1 else 0, at[0], at[1]], in_tile, 0)
    first = pl.program_id(2) * share
    last = jnp.minimum(first + share, samples * P)

    def block(step, sums):
        dw_ij, s_ij = sums
        for u in range(unroll):
            p = first + step * unroll + u
            sample, place = _divided(p, P)
            q = plgpu.load(seen.at[t, place], mask=p < last, other=places.NOWHERE)
            x_i = _load(x.at[sample * Q + q, i], (i < n) & (q >= 0), -jnp.inf)
            dy_j = _load(dy.at[p, j], (j < m) & (p < last), 0)
            a = x_i[:, None] + b_ij
            dw_ij = jnp.where(a > 0, dw_ij + a * dy_j[None, :], dw_ij)
            s_ij = jnp.where(a > 0, s_ij + dy_j[None, :], s_ij)
        return dw_ij, s_ij

    zero = jnp.zeros((side_i, side_j), "float32")
    sums = jax.lax.fori_loop(0, tiles.ceil(share, unroll), block, (zero, zero))
    for out, values in zip((dw, s), sums, strict=True):
        plgpu.store(out.at[pl.program_id(2), t, at[0], at[1]], values, mask=in_tile)


def _load(ref, mask, other):
    return plgpu.load(ref, mask=mask, other=other).astype("float32")


def _grid(rows, columns):
    shape = (len(rows), len(columns))
    return jnp.broadcast_to(rows[:, None], shape), jnp.broadcast_to(columns[None, :], shape)


def _divided(index, by):
    """Quotient and remainder of what is not negative."""
    by = jnp.full_like(index, by)
    return jax.lax.div(index, by), jax.lax.rem(index, by)


@partial(jax.jit, static_argnums=3)
@partial(jax.custom_vjp, nondiff_argnums=(3,))
def run(x, kernel, bias, geometry):
    """The fused forward pass, with its gradient behind it."""
    out, _ = shapes.axes(x.shape[1:-1], kernel.shape[:-2], geometry)
    y = jax.ShapeDtypeStruct((*x.shape[:1], *out, kernel.shape[-1]), x.dtype)
    if 0 in y.shape:
        return jnp.zeros(y.shape, y.dtype)
    seen, w, b = places.seen(x.shape[1:-1], kernel.shape[:-2], geometry), _by_tap(kernel), _by_tap(bias)
    start = jnp.sum(w.astype("float32") * b.astype("float32"), axis=(0, 1))
    rows, m = x.shape[0] * seen.shape[1], kernel.shape[-1]
    down, across, warps = tiles.of_outputs(rows, m)
    fixed = dict(samples=x.shape[0], rows=down, columns=across, unroll=tiles.unroll(kernel.shape[-2]))
    return _call(
        partial(_forward_kernel, **fixed),
        (tiles.ceil(rows, down), tiles.ceil(m, across)),
        jax.ShapeDtypeStruct((rows, m), x.dtype),
        warps,
    )(_rows(x), w, b, start, seen).reshape(y.shape)


@partial(jax.custom_vjp, nondiff_argnums=(4,))
def _gradients(x, kernel, bias, dy, geometry):
    """dx, dkernel and dbias."""
    if 0 in dy.shape:
        return jnp.zeros_like(x), jnp.zeros_like(kernel), jnp.zeros_like(bias)
    return _dx(x, kernel, bias, dy, geometry), *_dkernel_dbias(x, kernel, bias, dy, geometry)


def _dx(x, kernel, bias, dy, geometry):
    n = kernel.shape[-2]
    upstream = places.upstream(x.shape[1:-1], kernel.shape[:-2], geometry)
    classes, C = upstream.places.shape
    rows = x.shape[0] * C
    down, across, warps = tiles.of_inputs(rows * classes, n)
    fixed = dict(samples=x.shape[0], rows=down, columns=across, unroll=tiles.unroll(kernel.shape[-1]))
    return _call(
        partial(_input_kernel, **fixed),
        (tiles.ceil(rows, down), tiles.ceil(n, across), classes),
        jax.ShapeDtypeStruct(_rows(x).shape, x.dtype),
        warps,
    )(_rows(x), _by_tap(kernel).mT, _by_tap(bias).mT, _rows(dy), *upstream).reshape(x.shape)


def _dkernel_dbias(x, kernel, bias, dy, geometry):
    n, m = kernel.shape[-2:]
    seen = places.seen(x.shape[1:-1], kernel.shape[:-2], geometry)
    T, rows = seen.shape[0], x.shape[0] * seen.shape[1]
    side_i, side_j, warps, shares = tiles.of_weights(T, n, m, rows)
    fixed = dict(samples=x.shape[0], share=tiles.ceil(rows, shares), side_i=side_i, side_j=side_j, unroll=4)
    sums = jax.ShapeDtypeStruct((shares, T, n, m), "float32")
    dw, s = _call(
        partial(_weight_kernel, **fixed),
        (T * tiles.ceil(n, side_i), tiles.ceil(m, side_j), shares),
        (sums, sums),
        warps,
    )(_rows(x), _by_tap(bias), _rows(dy), seen)
    dbias = _by_tap(kernel).astype("float32") * s.sum(0)
    dbias = dbias.reshape(bias.shape) if bias.ndim == kernel.ndim else dbias.sum(0)
    return dw.sum(0).reshape(kernel.shape).astype(kernel.dtype), dbias.astype(bias.dtype)


def _call(kernel, grid, out, warps):
    params = plgpu.CompilerParams(num_warps=warps, num_stages=1)
    return pl.pallas_call(kernel, grid=grid, out_shape=out, compiler_params=params, interpret=INTERPRET)


def _rows(a):
    return a.reshape(-1, a.shape[-1])


def _by_tap(a):
    """(*k, n, m) -> (T, n, m), and (1, n, m) where the taps share it."""
    return a.reshape(-1, *a.shape[-2:])


def _forward(x, kernel, bias, geometry):
    return run(x, kernel, bias, geometry), (x, kernel, bias)


def _backward(geometry, saved, dy):
    return _gradients(*saved, dy, geometry)


run.__wrapped__.defvjp(_forward, _backward)
_gradients.defvjp(lambda *a: (_gradients(*a), a[:4]), derivatives_jax.second)
