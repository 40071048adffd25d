"""Derivatives on torch of an operation whose first ones are written by hand.

From the second on they are those of the definition, a piece of the batch at a time. torch.func.grad works, and
torch.func.vmap sample by sample; forward mode is refused with torch's own sentence.
"""

import math

import torch

from dendnet.ops import reference, shapes

TERMS = 2**22  # relu(x_i + b_ij) that second derivatives hold at once


class Connections(torch.autograd.Function):
    """The operator of this name, dendnet::name, with dendnet::name_gradients behind it."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, kernel, bias, geometry, name):
        return getattr(torch.ops.dendnet, name)(x, kernel, bias, *geometry)

    @staticmethod
    def setup_context(ctx, inputs, output):
        *arrays, ctx.geometry, ctx.name = inputs
        ctx.save_for_backward(*arrays)

    @staticmethod
    def backward(ctx, dy):
        return (*Gradients.apply(*ctx.saved_tensors, dy, ctx.geometry, ctx.name), None, None)


class Gradients(torch.autograd.Function):
    """The gradients, with their own behind them."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, kernel, bias, dy, geometry, name):
        return getattr(torch.ops.dendnet, name + "_gradients")(x, kernel, bias, dy, *geometry)

    @staticmethod
    def setup_context(ctx, inputs, output):
        *arrays, ctx.geometry, _ = inputs
        ctx.save_for_backward(*arrays)

    @staticmethod
    def backward(ctx, *upstream):
        x, kernel, bias, dy = ctx.saved_tensors
        return (*second(x, kernel, bias, dy, upstream, ctx.geometry), None, None)


def second(x, kernel, bias, dy, upstream, geometry):
    """What upstream gradients of dx, dkernel and dbias give back to x, kernel, bias and dy."""

    def definition(x, kernel, bias):
        return reference.connections(x, kernel, bias, torch.relu, geometry)

    def first(x, kernel, bias, dy):
        return torch.func.vjp(definition, x, kernel, bias)[1](dy)

    given = zip(upstream, (x, kernel, bias), strict=True)
    ux, uk, ub = (torch.zeros_like(like) if u is None else u for u, like in given)
    size = max(1, TERMS // max(1, math.prod(x.shape[1:-1]) * kernel.numel()))
    dx, ddy, dkernel, dbias = [], [], torch.zeros_like(kernel), torch.zeros_like(bias)
    for start in range(0, x.shape[0], size):
        some = slice(start, start + size)
        back = torch.func.vjp(first, x[some], kernel, bias, dy[some])[1]((ux[some], uk, ub))
        dx.append(back[0])
        dkernel, dbias = dkernel + back[1], dbias + back[2]
        ddy.append(back[3])
    whole = [torch.cat(parts) if parts else torch.zeros_like(like) for parts, like in ((dx, x), (ddy, dy))]
    return whole[0], dkernel, dbias, whole[1]


def like_output(x, kernel, bias, strides, padding, dilation_rate):
    """An array of the forward pass's shape, which torch.compile asks for, and which is filled."""
    out, _ = shapes.axes(
        x.shape[1:-1], kernel.shape[:-2], shapes.Geometry(tuple(strides), padding, tuple(dilation_rate))
    )
    return x.new_empty((x.shape[0], *out, kernel.shape[-1]))


def like_arguments(x, kernel, bias, *_):
    """Arrays of the gradients' shapes."""
    return x.new_empty(x.shape), kernel.new_empty(kernel.shape), bias.new_empty(bias.shape)
