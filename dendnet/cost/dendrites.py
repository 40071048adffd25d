"""The operations of dendrite-activated layers, by the convention of operations.py."""

from math import prod

from dendnet.cost.operations import BIAS, MULTIPLY_ADD, NOTHING, activation
from dendnet.layers.dendritic_conv import DendriticConv
from dendnet.layers.dendritic_conv_transpose import DendriticConvTranspose
from dendnet.ops import shapes


def flops(layer, input_shape, output_shape):
    """A multiply-add for each weight and place, and for each distinct activation x + b and the filter."""
    each = activation(layer.dendrite_activation)
    if each is None:
        return None
    output_bias = BIAS * prod(output_shape) if layer.use_output_bias else NOTHING
    distinct = activations(layer, input_shape, output_shape)
    return MULTIPLY_ADD * terms(layer, input_shape, output_shape) + (BIAS + each) * distinct + output_bias


def terms(layer, input_shape, output_shape):
    """Weights times the places where each is used: of the output, or of the input where it is transposed."""
    if isinstance(layer, DendriticConvTranspose):
        return prod(layer.kernel.shape) * prod(input_shape) // input_shape[layer.channel_axis]
    return prod(layer.kernel.shape) * prod(output_shape) // layer.kernel.shape[-1]


def activations(layer, input_shape, output_shape):
    """Distinct activations relu(x_i + b_ij): sharing taps share them, and so do all outputs where they share a bias."""
    if not isinstance(layer, DendriticConv):
        return prod(input_shape[:-1]) * prod(layer.bias.shape)
    if isinstance(layer, DendriticConvTranspose):
        return prod(input_shape) // input_shape[layer.channel_axis] * prod(layer.bias.shape)
    size, out = space(layer, input_shape), space(layer, output_shape)
    _, borders = shapes.axes(size, layer.kernel_size, layer.geometry)
    seen = [
        _seen(*axis)
        for axis in zip(size, out, layer.kernel_size, layer.strides, layer.dilation_rate, borders, strict=True)
    ]
    if layer.bias_sharing == "none":
        pairs = prod(layer.kernel.shape[-2:])
        return input_shape[0] * pairs * prod(len(pixels) for pixels in seen)
    return input_shape[0] * prod(layer.bias.shape) * prod(len(set(pixels)) for pixels in seen)


def _seen(size, out, k, stride, dilation, border):
    """The pixels of one axis that outputs see through its taps, repeated for each output and tap."""
    places = (o * stride + t * dilation - border[0] for o in range(out) for t in range(k))
    return [place for place in places if 0 <= place < size]


def space(layer, shape):
    """Height, width and the like of an input's or output's shape; nothing for a dense layer."""
    if not isinstance(layer, DendriticConv):
        return ()
    return tuple(shape[2:] if layer.data_format == "channels_first" else shape[1:-1])
