"""The native operation on torch: two operators of the CPU, opaque to torch.compile."""

import ctypes
from functools import cache

import torch
from torch import Tensor

from dendnet.ops import native, shapes
from dendnet.ops.derivatives_torch import Connections, like_arguments, like_output


@torch.library.custom_op("dendnet::native", mutates_args=())
def _forward(
    x: Tensor, kernel: Tensor, bias: Tensor, strides: list[int], padding: str, dilation_rate: list[int]
) -> Tensor:
    arrays = [a.contiguous() for a in (x, kernel, bias)]
    y = like_output(x, kernel, bias, strides, padding, dilation_rate)
    _call("dendnet_forward", arrays, [y], shapes.Geometry(tuple(strides), padding, tuple(dilation_rate)))
    return y


_forward.register_fake(like_output)


@torch.library.custom_op("dendnet::native_gradients", mutates_args=())
def _gradients(
    x: Tensor, kernel: Tensor, bias: Tensor, dy: Tensor, strides: list[int], padding: str, dilation_rate: list[int]
) -> tuple[Tensor, Tensor, Tensor]:
    arrays = [a.contiguous() for a in (x, kernel, bias, dy)]
    made = like_arguments(x, kernel, bias)
    _call("dendnet_gradients", arrays, made, shapes.Geometry(tuple(strides), padding, tuple(dilation_rate)))
    return made


_gradients.register_fake(like_arguments)


def run(x, kernel, bias, geometry):
    """The forward pass, with its gradients behind it."""
    return Connections.apply(x, kernel, bias, geometry, "native")


def takes(x):
    """Whether the operators take this x: on the CPU."""
    return x.device.type == "cpu"


def _call(name, arrays, made, geometry):
    x, kernel, bias = arrays[:3]
    native.call(
        _library(str(x.dtype).removeprefix("torch.")), name, x.shape, kernel.shape, bias.ndim == 2, geometry,
        *(a.data_ptr() for a in (*arrays, *made)),
    )  # fmt: skip


@cache
def _library(dtype):
    return ctypes.CDLL(str(native.path(dtype)))
