"""The blocked operation on torch: the reductions of reductions_torch.py, a piece of the batch and a tap at a time.

torch.compile around a model, or Keras's jit_compile=True, sees two opaque operators.
"""

import math

import torch
from torch import Tensor

from dendnet.ops import blocked, shapes
from dendnet.ops.derivatives_torch import Connections, like_arguments, like_output
from dendnet.ops.reductions_torch import input_gradient, outputs, weight_sums

PIECE = 2**19  # numbers of input and output in one piece of the batch: two megabytes, near a core's cache
LANES = 16  # with fewer places in an image, those of all samples lie side by side


@torch.library.custom_op("dendnet::blocked", mutates_args=())
def _forward(
    x: Tensor, kernel: Tensor, bias: Tensor, strides: list[int], padding: str, dilation_rate: list[int]
) -> Tensor:
    y = like_output(x, kernel, bias, strides, padding, dilation_rate)
    for some, padded, windows in _pieces(x, kernel, y, shapes.Geometry(tuple(strides), padding, tuple(dilation_rate))):
        y_some = y.new_zeros((len(padded), y.shape[-1], *y.shape[1:-1]))
        for t, window in windows:
            w, b = kernel[t].t(), _at(bias, t, kernel).t()
            y_some += _spread(outputs(b, _gathered(padded[window]), w), y_some)
        y[some] = y_some.movedim(1, -1)
    return y


_forward.register_fake(like_output)


@torch.library.custom_op("dendnet::blocked_gradients", mutates_args=())
def _gradients(
    x: Tensor, kernel: Tensor, bias: Tensor, dy: Tensor, strides: list[int], padding: str, dilation_rate: list[int]
) -> tuple[Tensor, Tensor, Tensor]:
    geometry = shapes.Geometry(tuple(strides), padding, tuple(dilation_rate))
    _, borders = shapes.axes(x.shape[1:-1], kernel.shape[:-2], geometry)
    inner = [slice(before, before + s) for (before, _), s in zip(borders, x.shape[1:-1], strict=True)]
    dx = torch.empty_like(x, memory_format=torch.contiguous_format)
    dkernel, mask_sum = (kernel.new_zeros(kernel.shape) for _ in range(2))
    for some, padded, windows in _pieces(x, kernel, dy, geometry):
        dy_some, dpadded = _gathered(dy[some].movedim(-1, 1)), torch.zeros_like(padded)
        for t, window in windows:
            seen, b = _gathered(padded[window]), _at(bias, t, kernel)
            dpadded[window] += _spread(input_gradient(b, seen, kernel[t], dy_some), dpadded[window])
            for total, part in zip((dkernel, mask_sum), weight_sums(b, seen, dy_some), strict=True):
                total[t] += part.sum(0)
        dx[some] = dpadded[(..., *inner)].movedim(1, -1)
    dbias = kernel * mask_sum
    return dx, dkernel, dbias if bias.ndim == kernel.ndim else dbias.flatten(0, -3).sum(0)


_gradients.register_fake(like_arguments)


def run(x, kernel, bias, geometry):
    """The forward pass, with its gradients behind it."""
    return Connections.apply(x, kernel, bias, geometry, "blocked")


def _pieces(x, kernel, y, geometry):
    """For each piece of the batch its samples, x within its silent border, (samples, c_in, *size), and each tap's view.

    The view is an index into that array: the pixels that the outputs see through the tap.
    """
    out, borders = shapes.axes(x.shape[1:-1], kernel.shape[:-2], geometry)
    windows = [(t, (..., *shapes.window(t, out, geometry))) for t in shapes.taps(kernel.shape[:-2])]
    size = max(1, PIECE // max(1, math.prod(x.shape[1:]) + math.prod(y.shape[1:])))
    for start in range(0, x.shape[0], size):
        some = slice(start, start + size)
        yield some, blocked.silent_border(x[some], borders).movedim(-1, 1).contiguous(), windows


def _at(bias, t, kernel):
    """The biases of tap t."""
    return bias[t] if bias.ndim == kernel.ndim else bias


def _gathered(a):
    """(samples, c, *size) -> (samples, c, places), or (1, c, samples and places) where the places are few."""
    if math.prod(a.shape[2:]) < LANES:
        a = a.movedim(0, -1)[None]
    return a.flatten(2).contiguous()


def _spread(a, like):
    """_gathered undone, to the shape of an array."""
    if math.prod(like.shape[2:]) < LANES:
        return a[0].reshape(*like.shape[1:], like.shape[0]).movedim(-1, 0)
    return a.reshape(like.shape)
