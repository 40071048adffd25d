"""The operation fused for NVIDIA GPUs on torch: Triton kernels that hold one tile of results in registers.

Three kernels, forward beside backward, each a matrix product whose multiplication also filters. Rows p are the output
places of all samples, rows q the input places; tables (places.py) say which sees which through tap t:

    y_pj   = sum_ti w_tij relu(x_qi + b_tij)           a tile of (p, j), over taps and inputs
    dx_qi  = sum_tj [x_qi + b_tij > 0] w_tij dy_pj     a tile of (q, i), over taps and outputs
    dw_tij = sum_p dy_pj relu(x_qi + b_tij)            a tile of (i, j), over a share of the rows; the shares' sums
    s_tij  = sum_p dy_pj [x_qi + b_tij > 0]            are added afterwards, and db = w s

Nothing is stored but x, w, b and the results; no atomics, so equal inputs give equal bits. Arrays are float32, bfloat16
or float16, sums float32. Since relu(x + b) = max(x, -b) + b, a term of the forward pass is a max and a multiply-add; as
in the blocked form, an unseen pixel is loaded as -infinity. From the second on derivatives are the definition's.
tiles.py says how the work is cut.
The unit is from Metta et al., arXiv 2301.00924.
"""

import math
from functools import lru_cache

import torch
import triton
import triton.language as tl

from dendnet.ops import derivatives_torch, places, shapes, tiles


@triton.jit
def _forward(
    x, w, b, start, seen, y, rows, P, Q, n, m, T, b_tap, ROWS: tl.constexpr, COLUMNS: tl.constexpr, FULL: tl.constexpr,
    UNROLL: tl.constexpr,
):  # fmt: skip
    p = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    j = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    in_tile = (p < rows)[:, None] & (j < m)[None, :]
    # Loaded as a tile, and not made from a row, the sum begins in the layout that loads four columns at once.
    y_pj = tl.load(start + p[:, None] * 0 + j[None, :], mask=in_tile, other=0.0)
    not_a_number = tl.full([ROWS], 0.0, tl.float32)  # a GPU's max drops NaN
    for t in range(T):
        q = tl.load(seen + t * P + p % P, mask=p < rows, other=-1)
        x_q = x + (p // P * Q + q).to(tl.int64) * n
        for block in range(0, n, UNROLL):
            for u in tl.static_range(UNROLL):
                i = block + u
                x_i = tl.load(x_q + i, mask=q >= 0, other=float("-inf")).to(tl.float32)
                w_i = tl.load(w + (t * n + i) * m + j, mask=(j < m) | FULL, other=0.0).to(tl.float32)
                knot = -tl.load(b + t * b_tap + i * m + j, mask=(j < m) | FULL, other=0.0).to(tl.float32)
                y_pj += w_i[None, :] * tl.maximum(x_i[:, None], knot[None, :])
                not_a_number += tl.where(x_i == x_i, 0.0, x_i)
    y_pj = (y_pj + not_a_number[:, None]).to(y.dtype.element_ty)
    tl.store(y + p.to(tl.int64)[:, None] * m + j[None, :], y_pj, mask=in_tile)


@triton.jit
def _input_gradient(
    x, w, b, dy, own, reached, taps, outputs, dx, rows, C, L, P, Q, n, m, b_tap,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, FULL: tl.constexpr, UNROLL: tl.constexpr,
):  # fmt: skip
    """Here w and b have their last two axes exchanged, so that inputs i are neighbours."""
    c = tl.program_id(2)
    r = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    i = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    sample = r // C
    q = tl.load(own + c * C + r % C, mask=r < rows, other=-1)
    in_tile = (q >= 0)[:, None] & (i < n)[None, :]
    at = (sample * Q + q).to(tl.int64)[:, None] * n + i[None, :]
    x_qi = tl.load(x + at, mask=in_tile, other=float("-inf")).to(tl.float32)
    dx_qi = tl.full([ROWS, COLUMNS], 0.0, tl.float32)
    for tap in range(tl.load(reached + c)):
        t = tl.load(taps + c * L + tap)
        p = tl.load(outputs + (c * L + tap) * C + r % C, mask=q >= 0, other=-1)
        dy_p = dy + (sample * P + p).to(tl.int64) * m
        for block in range(0, m, UNROLL):
            for u in tl.static_range(UNROLL):
                j = block + u
                dy_j = tl.load(dy_p + j, mask=p >= 0, other=0.0).to(tl.float32)
                w_j = tl.load(w + (t * m + j) * n + i, mask=(i < n) | FULL, other=0.0).to(tl.float32)
                knot = -tl.load(b + t * b_tap + j * n + i, mask=(i < n) | FULL, other=0.0).to(tl.float32)
                dx_qi = tl.where(x_qi > knot[None, :], dx_qi + w_j[None, :] * dy_j[:, None], dx_qi)
    tl.store(dx + at, dx_qi.to(dx.dtype.element_ty), mask=in_tile)


@triton.jit
def _weight_sums(
    x, b, dy, seen, dw, s, rows, P, Q, n, m, T, b_tap, share, BLOCK_I: tl.constexpr, BLOCK_J: tl.constexpr,
    UNROLL: tl.constexpr,
):  # fmt: skip
    t = tl.program_id(0) % T
    i = tl.program_id(0) // T * BLOCK_I + tl.arange(0, BLOCK_I)
    j = tl.program_id(1) * BLOCK_J + tl.arange(0, BLOCK_J)
    in_tile = (i < n)[:, None] & (j < m)[None, :]
    at = i[:, None] * m + j[None, :]
    b_ij = tl.load(b + t * b_tap + at, mask=in_tile, other=0.0).to(tl.float32)
    dw_ij = tl.full([BLOCK_I, BLOCK_J], 0.0, tl.float32)
    s_ij = tl.full([BLOCK_I, BLOCK_J], 0.0, tl.float32)
    first = tl.program_id(2) * share
    last = tl.minimum(first + share, rows)
    sample, place = first // P, first % P
    for block in range(first, last, UNROLL):
        for u in tl.static_range(UNROLL):
            p = block + u
            q = tl.load(seen + t * P + place, mask=p < last, other=-1)
            x_q = x + (sample * Q + q).to(tl.int64) * n
            x_i = tl.load(x_q + i, mask=i < tl.where(q >= 0, n, 0), other=float("-inf")).to(tl.float32)
            dy_j = tl.load(dy + p.to(tl.int64) * m + j, mask=j < tl.where(p < last, m, 0), other=0.0).to(tl.float32)
            a = x_i[:, None] + b_ij
            dw_ij = tl.where(a > 0, dw_ij + a * dy_j[None, :], dw_ij)
            s_ij = tl.where(a > 0, s_ij + dy_j[None, :], s_ij)
            place += 1
            sample = tl.where(place == P, sample + 1, sample)
            place = tl.where(place == P, 0, place)
    at += ((tl.program_id(2) * T + t) * n).to(tl.int64) * m
    tl.store(dw + at, dw_ij, mask=in_tile)
    tl.store(s + at, s_ij, mask=in_tile)


def run(x, kernel, bias, geometry):
    """The fused forward pass, with its gradient behind it."""
    return _Connections.apply(x, kernel, bias, geometry)


class _Connections(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel, bias, geometry):
        x, kernel, bias = (a.contiguous() for a in (x, kernel, bias))
        ctx.save_for_backward(x, kernel, bias)
        ctx.geometry = geometry
        n, m, T, P, Q, b_tap = _sizes(x, kernel, bias, geometry)
        out, _ = shapes.axes(x.shape[1:-1], kernel.shape[:-2], geometry)
        y = x.new_empty((x.shape[0], *out, m))
        rows = x.shape[0] * P
        if y.numel() == 0:
            return y
        start = (kernel.float() * bias.float()).view(-1, m).sum(0)
        down, across, warps = tiles.of_outputs(rows, m)
        grid = (tiles.ceil(rows, down), tiles.ceil(m, across))
        with torch.cuda.device_of(x):
            _forward[grid](
                x, kernel, bias, start, _seen(x, kernel, geometry), y, rows, P, Q, n, m, T, b_tap,
                ROWS=down, COLUMNS=across, FULL=m % across == 0, UNROLL=tiles.unroll(n), num_warps=warps,
                enable_fp_fusion=True,
            )  # fmt: skip
        return y

    @staticmethod
    def backward(ctx, dy):
        return (*_Gradients.apply(*ctx.saved_tensors, dy, ctx.geometry, ctx.needs_input_grad), None)


class _Gradients(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel, bias, dy, geometry, needed):
        dy = dy.contiguous()
        ctx.save_for_backward(x, kernel, bias, dy)
        ctx.geometry = geometry
        if dy.numel() == 0:
            return torch.zeros_like(x), torch.zeros_like(kernel), torch.zeros_like(bias)
        dx = dkernel = dbias = None
        with torch.cuda.device_of(x):
            if needed[0]:
                dx = _dx(x, kernel, bias, dy, geometry)
            if any(needed[1:3]):
                dkernel, dbias = _dkernel_dbias(x, kernel, bias, dy, geometry)
        return dx, dkernel, dbias

    @staticmethod
    def backward(ctx, *upstream):
        x, kernel, bias, dy = ctx.saved_tensors
        return (*derivatives_torch.second(x, kernel, bias, dy, upstream, ctx.geometry), None, None)


def _dx(x, kernel, bias, dy, geometry):
    n, m, _, P, Q, b_tap = _sizes(x, kernel, bias, geometry)
    own, reached, taps, outputs = _upstream(x, kernel, geometry)
    classes, C = own.shape
    rows = x.shape[0] * C
    down, across, warps = tiles.of_inputs(rows * classes, n)
    dx = torch.empty_like(x)
    grid = (tiles.ceil(rows, down), tiles.ceil(n, across), classes)
    _input_gradient[grid](
        x, kernel.mT.contiguous(), bias.mT.contiguous(), dy, own, reached, taps, outputs, dx,
        rows, C, taps.shape[1], P, Q, n, m, b_tap,
        ROWS=down, COLUMNS=across, FULL=n % across == 0, UNROLL=tiles.unroll(m), num_warps=warps,
        enable_fp_fusion=True,
    )  # fmt: skip
    return dx


def _dkernel_dbias(x, kernel, bias, dy, geometry):
    n, m, T, P, Q, b_tap = _sizes(x, kernel, bias, geometry)
    rows = x.shape[0] * P
    block_i, block_j, warps, shares = tiles.of_weights(T, n, m, rows)
    dw, s = torch.empty((2, shares, *kernel.shape), dtype=torch.float32, device=x.device)
    _weight_sums[T * tiles.ceil(n, block_i), tiles.ceil(m, block_j), shares](
        x, bias, dy, _seen(x, kernel, geometry), dw, s, rows, P, Q, n, m, T, b_tap, tiles.ceil(rows, shares),
        BLOCK_I=block_i, BLOCK_J=block_j, UNROLL=4, num_warps=warps, enable_fp_fusion=True,
    )  # fmt: skip
    dbias = kernel.float() * s.sum(0)
    if bias.ndim < kernel.ndim:
        dbias = dbias.view(T, n, m).sum(0)
    return dw.sum(0).to(kernel.dtype), dbias.to(bias.dtype)


def _sizes(x, kernel, bias, geometry):
    """Inputs n, outputs m, taps T, output places P, input places Q, and how far the next tap's biases are."""
    size, k = tuple(x.shape[1:-1]), tuple(kernel.shape[:-2])
    n, m = kernel.shape[-2:]
    T, P = places.seen(size, k, geometry).shape
    return n, m, T, P, math.prod(size), n * m if bias.ndim == kernel.ndim else 0


def _seen(x, kernel, geometry):
    return _on_device(places.seen, tuple(x.shape[1:-1]), tuple(kernel.shape[:-2]), geometry, x.device)[0]


def _upstream(x, kernel, geometry):
    return _on_device(places.upstream, tuple(x.shape[1:-1]), tuple(kernel.shape[:-2]), geometry, x.device)


@lru_cache(maxsize=256)
def _on_device(table, size, k, geometry, device):
    found = table(size, k, geometry)
    return [torch.as_tensor(a, device=device) for a in (found if isinstance(found, tuple) else (found,))]
