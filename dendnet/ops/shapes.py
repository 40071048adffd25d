"""Sizes of a convolution along one axis, as Keras counts them. A size may be a number or a scalar tensor."""

import itertools
from typing import NamedTuple

from keras import ops


class Geometry(NamedTuple):
    """What a convolution is but for its arrays; a dense layer is one without space, DENSE."""

    strides: tuple[int, ...]
    padding: str
    dilation_rate: tuple[int, ...]


DENSE = Geometry((), "valid", ())


def axes(size, k, geometry):
    """For each axis its output's size and its border, as output_size and border give them."""
    each = list(zip(size, k, geometry.strides, geometry.dilation_rate, strict=True))
    return [output_size(*axis, geometry.padding) for axis in each], [border(*axis, geometry.padding) for axis in each]


def span(k, dilation):
    """Pixels from the first tap of a kernel axis to its last."""
    return (k - 1) * dilation + 1


def output_size(size, k, stride, dilation, padding):
    """The output's size along one axis, or None where the input's is unknown."""
    if size is None:
        return None
    reach = size - span(k, dilation) if padding == "valid" else size - 1
    return reach // stride + 1


def border(size, k, stride, dilation, padding):
    """Silent pixels (before, after) one axis."""
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return span(k, dilation) - 1, 0
    covered = (output_size(size, k, stride, dilation, padding) - 1) * stride + span(k, dilation)
    total = at_least(0, covered - size)
    return total // 2, total - total // 2


def at_least(least, size):
    """The larger of a number and a size, which may be a scalar tensor."""
    return max(least, size) if isinstance(size, int) else ops.maximum(least, size)


def at_most(most, size):
    """The smaller of a number and a size, which may be scalar tensors."""
    return min(most, size) if isinstance(most, int) and isinstance(size, int) else ops.minimum(most, size)


def taps(k):
    """Every tap of a kernel, as its index along each axis."""
    return itertools.product(*map(range, k))


def window(t, out, geometry):
    """The pixels that tap t sees, one for each output, as a slice of each axis."""
    return [
        slice(tap * d, tap * d + (o - 1) * stride + 1, stride)
        for tap, d, o, stride in zip(t, geometry.dilation_rate, out, geometry.strides, strict=True)
    ]
