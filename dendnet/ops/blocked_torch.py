"""The blocked operation on torch: input by input, in tiles that stay in cache, with the gradient written by hand.

It runs eagerly. First derivatives only: torch refuses a second one with its own sentence.
"""

import torch
from torch.autograd.function import once_differentiable

from dendnet.ops import blocked, shapes

TILE = 2**17  # outputs in one tile: half a megabyte in float32


def run(x, kernel, bias, geometry):
    """The blocked forward pass, with its gradient behind it."""
    return _Connections.apply(x, kernel, bias, geometry)


class _Connections(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, kernel, bias, geometry):
        ctx.save_for_backward(x, kernel, bias)
        ctx.geometry = geometry
        out, padded, windows = _by_tap(x, kernel, geometry)
        y = x.new_zeros((*x.shape[:1], *out, kernel.shape[-1]))
        rows = y.view(-1, kernel.shape[-1])
        for t, window in windows:
            seen = padded[window].reshape(-1, x.shape[-1])
            b = bias[t] if bias.ndim == kernel.ndim else bias
            for some in _tiles(rows):
                y_some, buffer = rows[some], torch.empty_like(rows[some])
                for i, x_i in enumerate(seen[some].t().contiguous()):
                    torch.add(x_i[:, None], b[i], out=buffer).relu_()
                    y_some.addcmul_(buffer, kernel[t][i])
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx, dy):
        x, kernel, bias = ctx.saved_tensors
        _, padded, windows = _by_tap(x, kernel, ctx.geometry)
        dpadded, dkernel, dbias = (torch.zeros_like(a) for a in (padded, kernel, bias))
        upstream, silent = dy.reshape(-1, kernel.shape[-1]), dy.new_zeros(())
        for t, window in windows:
            seen = padded[window].reshape(-1, x.shape[-1])
            b, db = (a[t] if bias.ndim == kernel.ndim else a for a in (bias, dbias))
            dseen = torch.empty_like(seen)
            for some in _tiles(upstream):
                dy_some = upstream[some].contiguous()
                active, masked = torch.empty_like(dy_some), torch.empty_like(dy_some)
                for i, x_i in enumerate(seen[some].t().contiguous()):
                    torch.add(x_i[:, None], b[i], out=active).relu_()
                    torch.where(active > 0, dy_some, silent, out=masked)
                    dkernel[t][i] += active.mul_(dy_some).sum(0)
                    db[i] += kernel[t][i] * masked.sum(0)
                    dseen[some, i] = masked @ kernel[t][i]
            dpadded[window] += dseen.reshape(dpadded[window].shape)
        _, borders = shapes.axes(x.shape[1:-1], kernel.shape[:-2], ctx.geometry)
        inner = [slice(before, before + s) for (before, _), s in zip(borders, x.shape[1:-1], strict=True)]
        return dpadded[(slice(None), *inner)], dkernel, dbias, None


def _by_tap(x, kernel, geometry):
    """The output's size, x within its silent border, and for each tap the window of it that the outputs see."""
    out, borders = shapes.axes(x.shape[1:-1], kernel.shape[:-2], geometry)
    windows = [(t, (slice(None), *shapes.window(t, out, geometry))) for t in shapes.taps(kernel.shape[:-2])]
    return out, blocked.silent_border(x, borders), windows


def _tiles(rows):
    """Slices of so many rows that one stays in cache while every input adds to it."""
    size = max(1, TILE // max(1, rows.shape[1]))
    return [slice(start, start + size) for start in range(0, rows.shape[0], size)]
