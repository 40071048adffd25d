"""What two other units add to a standard network: learned activations, and products of what a layer reads.

Both start as the standard network, their twin: what they add is zero before the first step.
"""

import keras
import numpy as np
from keras import ops

from dendnet.ops.arguments import positive


class Rival(keras.layers.Layer):
    """Keeps the channels' axis, and marks the variables that the standard network does not have."""

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if axis not in (1, -1):
            raise ValueError(f"axis of the channels must be 1 or -1. Received: axis={axis!r}")
        self.axis = axis

    def own(self, name, shape, initializer):
        """A variable that training protocols tell apart, as they do dendrites' biases."""
        variable = self.add_weight(name=name, shape=shape, initializer=initializer)
        variable.rival = True
        return variable

    def get_config(self):
        return super().get_config() | {"axis": self.axis}


@keras.saving.register_keras_serializable(package="dendnet")
class PiecewiseLinear(Rival):
    r"""An adaptive piecewise linear activation (APL), learned for each channel.

    .. math:: h_i(x) = \mathrm{relu}(x) + \sum_{s = 1}^S a_{is}\, \mathrm{relu}(b_{is} - x)

    A channel has :math:`S + 1` knots, and all units that read the channel read the same mixture of them. The slopes
    :math:`a_{is}` start at 0 and the knots :math:`b_{is}` evenly between -2 and 2.

    Args:
        segments: S, the number of learned knots of a channel.
        axis: The channels' axis, 1 or -1.

    Input shape:
        Any; the axis has a known size.

    Output shape:
        That of the input.

    Raises:
        ValueError: ``segments`` is no positive integer, or the axis another.

    Example:
        >>> import numpy as np
        >>> from dendnet.models.rivals import PiecewiseLinear
        >>> layer = PiecewiseLinear(segments=1)
        >>> tuple(layer(np.array([[-3.0, 3.0]], "float32")).shape), layer.count_params()
        ((1, 2), 4)

    Reference:
        Agostinelli et al., arXiv 1412.6830; the chapter "Full experiments" of the book, section "Free knots, or a knot
        for each connection?".
    """

    def __init__(self, segments=2, axis=-1, **kwargs):
        super().__init__(axis, **kwargs)
        self.segments = positive("segments", segments)

    def build(self, input_shape):
        shape = (self.segments, input_shape[self.axis])
        self.slopes = self.own("slopes", shape, "zeros")
        even = np.linspace(-2, 2, self.segments + 2)[1:-1, None]
        self.knots = self.own("knots", shape, lambda shape, dtype: ops.cast(np.broadcast_to(even, shape), dtype))

    def call(self, x):
        along = [1] * len(x.shape)
        along[self.axis] = x.shape[self.axis]
        y = ops.relu(x)
        for s in range(self.segments):
            slope, knot = (ops.reshape(variable[s], along) for variable in (self.slopes, self.knots))
            y = y + slope * ops.relu(knot - x)
        return y

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"segments": self.segments}


@keras.saving.register_keras_serializable(package="dendnet")
class Products(Rival):
    r"""A quadratic form of the channels for each output, at each place by itself.

    .. math:: y_j = \sum_{i \le k} A_{jik}\, x_i x_k

    Added to a convolution or a dense layer of the same :math:`x`, it makes a unit with quadratic integration. One half
    of each symmetric matrix is stored, and all of it starts at 0.

    Args:
        units: Outputs, the range of j.
        axis: The channels' axis, 1 or -1.

    Input shape:
        Any; the axis has a known size n.

    Output shape:
        That of the input, with ``units`` in the place of n.

    Raises:
        ValueError: ``units`` is no positive integer, or the axis another.

    Example:
        Three inputs have six products:

        >>> import numpy as np
        >>> from dendnet.models.rivals import Products
        >>> layer = Products(2)
        >>> tuple(layer(np.ones((1, 3), "float32")).shape), layer.count_params()
        ((1, 2), 12)

    Reference:
        Liu et al., "Dendritic integration inspired artificial neural networks capture data correlation", NeurIPS 2024;
        the chapter "Full experiments" of the book, section "A unit that multiplies".
    """

    def __init__(self, units, axis=-1, **kwargs):
        super().__init__(axis, **kwargs)
        self.units = positive("units", units)

    def build(self, input_shape):
        n = input_shape[self.axis]
        pairs = n * (n + 1) // 2
        self.kernel = self.own("kernel", (pairs, self.units), "zeros")
        self.rows = np.full((n, n), pairs)  # of the kernel for each i and k; below the diagonal one of zeros
        self.rows[np.triu_indices(n)] = np.arange(pairs)

    def call(self, x):
        # All pairs, and weights of 0 for half of them: to pick the pairs out of the signals takes longer.
        form = ops.take(ops.pad(self.kernel, [(0, 1), (0, 0)]), self.rows, axis=0)
        x = ops.moveaxis(x, self.axis, -1)
        return ops.moveaxis(ops.einsum("...i,...k,ikj->...j", x, x, form), -1, self.axis)

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        shape[self.axis] = self.units
        return tuple(shape)

    def get_config(self):
        return super().get_config() | {"units": self.units}
