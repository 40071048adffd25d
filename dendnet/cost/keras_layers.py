"""The operations of Keras's own layers and of the rivals', by the convention of operations.py."""

from math import prod

from keras import layers

from dendnet.cost.operations import ACTIVATIONS, BIAS, MULTIPLY_ADD, NOTHING, activation, passes
from dendnet.layers.dendritic import DendriticLayer
from dendnet.models.rivals import PiecewiseLinear, Products

FREE = [
    layers.InputLayer, layers.Identity, layers.Flatten, layers.Reshape, layers.Permute, layers.RepeatVector,
    layers.Concatenate, layers.Masking, layers.ActivityRegularization,
    layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D,
    layers.Cropping1D, layers.Cropping2D, layers.Cropping3D,
]  # fmt: skip
CONVOLUTIONS = [
    layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.DepthwiseConv1D, layers.DepthwiseConv2D,
    layers.SeparableConv1D, layers.SeparableConv2D,
]  # fmt: skip
TRANSPOSED = [layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose]
BY_GROUP = [layers.LayerNormalization, layers.GroupNormalization]
MAXIMA = [layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D]
MEANS = [layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D]
GLOBAL_MAXIMA = [layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D]
GLOBAL_MEANS = [layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D]
DROPOUTS = [layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D]


def weights_everywhere(layer, inputs, outputs):
    """Dense and convolution: every weight of the kernel meets a number at every place of the output."""
    return _with_activation(layer, _places(layer, outputs) * _weights(layer), outputs)


def transposed(layer, inputs, outputs):
    """A transposed convolution: every weight meets a number at every place of the input."""
    return _with_activation(layer, _places(layer, inputs) * _weights(layer), outputs)


def _weights(layer):
    kernels = ["depthwise_kernel", "pointwise_kernel"] if hasattr(layer, "depthwise_kernel") else ["kernel"]
    return sum(prod(getattr(layer, name).shape) for name in kernels)


def _places(layer, shape):
    first = getattr(layer, "data_format", None) == "channels_first"
    return prod(shape) // shape[1 if first else -1]


def _with_activation(layer, terms, outputs):
    each = activation(layer.activation)
    if each is None:
        return None
    return MULTIPLY_ADD * terms + (each + (BIAS if layer.use_bias else NOTHING)) * prod(outputs)


def filtered(name):
    """The rule of a layer that is one activation."""
    return lambda layer, inputs, outputs: ACTIVATIONS[name] * prod(outputs)


def any_activation(layer, inputs, outputs):
    """The layer Activation."""
    each = activation(layer.activation)
    return None if each is None else each * prod(outputs)


def relu(layer, inputs, outputs):
    """ReLU with its slope, ceiling and threshold."""
    slope, threshold, ceiling = bool(layer.negative_slope), bool(layer.threshold), layer.max_value is not None
    once = (slope, slope and threshold, 1 + ceiling)
    return passes(once, (slope, 0, 1 + ceiling)) * prod(outputs)


def batch_normalization(layer, inputs, outputs):
    """x s + t at inference; in training the batch's mean and variance too."""
    return passes((1, 1), (4, 5), training=(2, 4)) * prod(outputs)


def group_normalization(layer, inputs, outputs):
    """Mean and variance of each sample's group, in inference too."""
    return passes((3, 4), (6, 6)) * prod(outputs)


def maxima(layer, inputs, outputs):
    """The largest of a window; its gradient is added where it was found."""
    return passes((0, 0, prod(layer.pool_size)), (0, 1)) * prod(outputs)


def means(layer, inputs, outputs):
    """The mean of a window."""
    return passes((1, prod(layer.pool_size)), (1, prod(layer.pool_size))) * prod(outputs)


def global_maxima(layer, inputs, outputs):
    """The largest of all places; its gradient goes where it was found."""
    return passes((0, 0, 1)) * prod(inputs)


def global_means(layer, inputs, outputs):
    """The mean of all places; its gradient is one quotient for all of them."""
    return passes((0, 1)) * prod(inputs) + passes((1,), (1,)) * prod(outputs)


def merged(each_but_first, backward, last=((), ())):
    """The rule of a layer that joins k tensors: an operation for each but the first, then one for the result."""

    def rule(layer, inputs, outputs):
        k = len(inputs)
        return (passes(each_but_first) * (k - 1) + passes((), backward(k)) + passes(*last)) * prod(outputs)

    return rule


def piecewise_linear(layer, inputs, outputs):
    """relu, and S times a difference, a maximum and a product that is added; gradients of x, slopes and knots."""
    s = layer.segments
    return passes((s, 2 * s, s + 1), (2 * s, 3 * s, s + 1)) * prod(outputs)


def products(layer, inputs, outputs):
    """The products, each of which meets a weight for each output; a product's gradient goes to both of its factors.

    That is the definition's count; the layer meets each pair of two inputs twice, the second time with a weight of 0.
    """
    pairs, units = layer.kernel.shape
    places = prod(outputs) // units
    return MULTIPLY_ADD * (places * pairs * units) + passes((1,), (2, 2)) * (places * pairs)


def by_element(forward=(), backward=(), training=None):
    """The rule of a layer that does the same to every number of its output."""
    return lambda layer, inputs, outputs: passes(forward, backward, training) * prod(outputs)


RULES = {
    **dict.fromkeys(FREE, by_element()),
    **dict.fromkeys([layers.Dense, *CONVOLUTIONS], weights_everywhere),
    **dict.fromkeys(TRANSPOSED, transposed),
    **dict.fromkeys(BY_GROUP, group_normalization),
    **dict.fromkeys(MAXIMA, maxima),
    **dict.fromkeys(MEANS, means),
    **dict.fromkeys(GLOBAL_MAXIMA, global_maxima),
    **dict.fromkeys(GLOBAL_MEANS, global_means),
    **dict.fromkeys(DROPOUTS, by_element((), (1,), training=(1, 0, 1))),
    PiecewiseLinear: piecewise_linear,
    Products: products,
    layers.BatchNormalization: batch_normalization,
    layers.Activation: any_activation,
    layers.ReLU: relu,
    layers.LeakyReLU: filtered("leaky_relu"),
    layers.ELU: filtered("elu"),
    layers.Softmax: filtered("softmax"),
    layers.PReLU: by_element((1, 0, 1), (2, 1, 1)),
    layers.Add: merged((0, 1), lambda k: ()),
    layers.Subtract: merged((0, 1), lambda k: (1,)),
    layers.Multiply: merged((1,), lambda k: (k * (k - 1),)),
    layers.Average: merged((0, 1), lambda k: (1,), last=((1,), ())),
    layers.Maximum: merged((0, 0, 1), lambda k: (0, 0, k)),
    layers.Minimum: merged((0, 0, 1), lambda k: (0, 0, k)),
    layers.Rescaling: by_element((1, 1), (1,)),
    layers.Normalization: by_element((1, 1), (1,)),
    layers.Embedding: by_element((), (0, 1)),
    layers.UpSampling1D: by_element((), (0, 1)),
    layers.UpSampling2D: by_element((), (0, 1)),
    layers.UpSampling3D: by_element((), (0, 1)),
}

NEEDS_NOTHING = [
    *FREE, *MEANS, *GLOBAL_MEANS, layers.Add, layers.Subtract, layers.Average, layers.Rescaling, layers.Normalization,
    layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D,
]  # fmt: skip
NEEDS_OUTPUT = [*DROPOUTS, layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Softmax]


def needs(layer):
    """Whether a layer's gradients need its inputs, and whether they need its output."""
    if type(layer) in NEEDS_NOTHING or type(layer) in NEEDS_OUTPUT:
        return False, type(layer) in NEEDS_OUTPUT
    if isinstance(layer, DendriticLayer):  # its activation is its connections', and its output is linear
        return True, False
    return True, getattr(getattr(layer, "activation", None), "__name__", "linear") != "linear"
