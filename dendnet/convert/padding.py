"""Zero padding between a ReLU and a convolution: taken over by the convolution, or made silent."""

import keras
from keras import ops

from dendnet.ops import shapes

PADDINGS = (keras.layers.ZeroPadding1D, keras.layers.ZeroPadding2D, keras.layers.ZeroPadding3D)
SILENT = -1e30  # a pixel that no dendrite bias lifts above 0


def widths(pad):
    """(before, after) for every axis that a ZeroPadding layer pads, as a list over the axes of its input."""
    each = [pad.padding] if isinstance(pad, keras.layers.ZeroPadding1D) else list(pad.padding)
    each = [tuple(pair) for pair in each]
    if getattr(pad, "data_format", "channels_last") == "channels_first":
        return [(0, 0), (0, 0), *each]
    return [(0, 0), *each, (0, 0)]


def takes_over(layer, sources):
    """Whether padding='same' gives this 'valid' convolution, at each of its calls, the border that the pads give."""
    if not hasattr(layer, "kernel_size") or layer.padding != "valid":
        return False
    return all(each.pads and _same_border(layer, each.pads, each.shape) for each in sources)


def _same_border(layer, pads, shape):
    total = [tuple(map(sum, zip(*axis, strict=True))) for axis in zip(*map(widths, pads), strict=True)]
    first = layer.data_format == "channels_first"
    space, channels = slice(2 if first else 1, None if first else -1), total[1 if first else -1]
    axes = zip(shape[space], total[space], layer.kernel_size, layer.strides, layer.dilation_rate, strict=True)
    return channels == (0, 0) and all(_same(*axis) for axis in axes)


def _same(size, pad, k, stride, dilation):
    """Along one axis: the first tap of the first output at the same place, and as many outputs."""
    if size is None and stride > 1:
        return False
    size = size or k  # with stride 1 every size has the same border
    before, _ = shapes.border(size, k, stride, dilation, "same")
    out = shapes.output_size(size + sum(pad), k, stride, dilation, "valid")
    return before == pad[0] and out == shapes.output_size(size, k, stride, dilation, "same")


def silenced(x, pads):
    """x with the pads' pixels, so low that every dendrite is silent there, wherever its bias moves."""
    for pad in pads:
        x = ops.pad(x, widths(pad), constant_values=SILENT)
    return x
