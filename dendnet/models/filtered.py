"""What the networks are made of: layers that filter their input, by relu once or by dendrites on each connection.

Two rivals are made of the same layers: learned activations, and products of what one layer reads.
"""

import itertools

import keras

from dendnet.layers import DACConv2D, DACDense
from dendnet.models.rivals import PiecewiseLinear, Products

UNITS = ("dac", "standard", "apl", "quadratic")


class Filtered:
    """Makes a network's layers, with one seed for each kernel in the order in which they are made.

    Twins, the networks of one seed that differ in the unit, make the same kernels in the same order. As a DAC layer's
    biases start at zero, twins compute the same function before the first step.
    """

    def __init__(self, unit, seed, dac_options):
        if unit not in UNITS:
            raise ValueError(f"unit must be one of {UNITS}. Received: unit={unit!r}")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or seed < 0):
            raise ValueError(f"seed must be None or an integer of at least 0. Received: seed={seed!r}")
        if unit in ("standard", "quadratic") and dac_options:
            raise ValueError(f"A {unit} network takes no options of DAC layers. Received: dac_options={dac_options}")
        if unit == "apl" and set(dac_options) - {"segments"}:
            raise ValueError(f"unit='apl' has one option, segments. Received: {dac_options}")
        self.unit, self.options = unit, dac_options
        self.seeds = itertools.repeat(None) if seed is None else itertools.count(1000 * seed)
        self.channel_axis = 1 if keras.config.image_data_format() == "channels_first" else -1

    def initializer(self):
        """He's, for a kernel of what relu has filtered."""
        return keras.initializers.HeNormal(next(self.seeds))

    def last_initializer(self):
        """Glorot's, for the kernel that leads to the outputs."""
        return keras.initializers.GlorotUniform(next(self.seeds))

    def norm(self, x, axis=None):
        """Batch normalization over the channels, or over another axis."""
        axis = self.channel_axis if axis is None else axis
        return keras.layers.BatchNormalization(axis, momentum=0.9, epsilon=1e-5)(x)  # the literature's, not Keras's

    def plain_conv(self, x, filters, kernel_size, strides=1):
        """A convolution that filters nothing."""
        start = self.initializer()
        conv = keras.layers.Conv2D(
            filters, kernel_size, strides, padding="same", use_bias=False, kernel_initializer=start
        )
        return conv(x)

    def filter(self, x, axis):
        """What a network other than the DAC one does to a signal, once for all that read it."""
        return PiecewiseLinear(axis=axis, **self.options)(x) if self.unit == "apl" else keras.layers.ReLU()(x)

    def with_products(self, y, x, units, axis):
        """In the quadratic network, y and the products of what it was made of."""
        return keras.layers.Add()([y, Products(units, axis)(x)]) if self.unit == "quadratic" else y

    def conv(self, x, filters, kernel_size, strides=1, products=False):
        """A filter and a convolution, or a dendrite-activated convolution; with products where a network has them."""
        if self.unit == "dac":
            start = {"kernel_initializer": self.initializer()}
            return DACConv2D(filters, kernel_size, strides, padding="same", **(start | self.options))(x)
        x = self.filter(x, self.channel_axis)
        y = self.plain_conv(x, filters, kernel_size, strides)
        return self.with_products(y, x, filters, self.channel_axis) if products else y

    def dense(self, x, units, products=False):
        """A filter and a dense layer, or a dendrite-activated dense layer; with products where a network has them."""
        start = {"kernel_initializer": self.initializer()}
        if self.unit == "dac":
            return DACDense(units, **(start | self.options))(x)
        x = self.filter(x, -1)
        y = keras.layers.Dense(units, use_bias=False, **start)(x)
        return self.with_products(y, x, units, -1) if products else y

    def block(self, x, filters, strides=1, bottleneck=False, products=False):
        """A pre-activated residual block (He et al., 2016): a normalization before each filter, nothing after the sum.

        Where the shape changes, the shortcut is a 1x1 convolution of the unit (option B) on the normalized input. Where
        it strides over an even size, "same" centres a 3x3 kernel one pixel beyond the one that the shortcut takes, as
        in Keras's example for CIFAR-10; to pad before the layer would not do: relu(0 + b) need not be 0.
        """
        channels = 4 * filters if bottleneck else filters
        before = self.norm(x)
        shortcut = x
        if strides > 1 or x.shape[self.channel_axis] != channels:
            shortcut = self.conv(before, channels, 1, strides)
        if bottleneck:
            y = self.conv(before, filters, 1)
            y = self.conv(self.norm(y), filters, 3, strides)
            y = self.conv(self.norm(y), channels, 1, products=products)
        else:
            y = self.conv(before, filters, 3, strides)
            y = self.conv(self.norm(y), filters, 3, products=products)
        return keras.layers.Add()([shortcut, y])

    def classifier(self, x, classes):
        """Batch normalization, relu, the mean over the image, and logits."""
        y = keras.layers.ReLU()(self.norm(x))
        y = keras.layers.GlobalAveragePooling2D()(y)
        return keras.layers.Dense(classes, kernel_initializer=self.last_initializer())(y)
