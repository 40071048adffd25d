"""Weights and biases in int8: a quarter of their bytes, with one scale for each output."""

from typing import Any

import keras
import numpy as np
from keras import ops


class Int8(keras.layers.Layer):
    """What a layer with ``_kernel`` and ``_bias`` needs for ``quantize("int8")``.

    Only what is stored is quantized; the sums are computed in float, from w' = q / scale with integers q from -127 to
    127. So a weight is off by at most max |w_.j| / 254, a bias by at most max |b_.j| / 254, and an output by

    .. math::
        |y'_j - y_j| \\le \\frac{1}{254} \\Big( \\max_i |w_{ij}| \\sum_i \\mathrm{relu}(x_i + b_{ij})
        + \\max_i |b_{ij}| \\sum_i |w'_{ij}| \\Big)

    A bias that all outputs share, and the output's, stay as they are: they are few.
    """

    dtype_policy: Any

    def quantize(self, mode=None, type_check=True, config=None):
        """Hold kernel and bias in int8, as ``model.quantize("int8")`` does; they are trained no more.

        Keras quantizes a model layer by layer, so where one refuses, those before it are quantized already.

        Raises:
            ValueError: Another mode than "int8", quantizers of one's own, or weights that are not finite.
        """
        self._check_mode(mode)
        if config is not None and not _plain(config):
            raise ValueError(
                f"{type(self).__name__} has one way of int8: weights and biases, by each output's largest, and no "
                f"quantizer of one's own. Received: config={config.get_config()}"
            )
        values = {name: ops.convert_to_numpy(getattr(self, f"_{name}")) for name in self._held_in_int8()}
        for name, value in values.items():
            if not np.isfinite(value.astype("float32")).all():
                raise ValueError(f"Every weight must be finite. Received: {name}={value}")
        for name, value in values.items():
            delattr(self, f"_{name}")
            self._add_int8(name, value.shape, lambda *_, v=value, **__: v)
        self._is_quantized = True
        if self.quantization_mode is None:
            self.dtype_policy = f"int8_from_{self.dtype_policy.name}"

    def _check_mode(self, mode):
        if mode not in (None, "int8"):
            raise ValueError(
                f"{type(self).__name__} can be quantized to 'int8' and to nothing else. "
                f"Received: mode={mode!r} for layer {self.name!r}"
            )

    def _held_in_int8(self):
        """Names of the weights that int8 holds: those with the outputs on their last axis."""
        return ("kernel",) if self.bias_sharing == "outputs" else ("kernel", "bias")

    def _add_int8(self, name, shape, initializer):
        """Make the variable of a quantized weight, and its scale, one number for each output."""

        def part(k):  # Keras's initializers draw the same numbers each time, and may be asked within a graph
            return lambda _, dtype: ops.cast(to_int8(initializer(shape, dtype=self.variable_dtype))[k], dtype)

        own = dict(trainable=False, autocast=False)  # a scale in full precision whatever the layer computes in
        q = self.add_weight(shape, part(0), "int8", name=name, **own)
        scale = self.add_weight(shape[-1:], part(1), name=_scale(name), **own)
        setattr(self, f"_{name}", q)
        setattr(self, _scale(name), scale)

    def _from_int8(self, name):
        """q / scale, in the dtype of the variables."""
        scale = getattr(self, _scale(name))
        return ops.cast(getattr(self, f"_{name}"), scale.dtype) / scale

    def _int8_call(self, inputs):
        return self.call(inputs)


def _scale(name):
    """The name of a quantized weight's scale: ``kernel_scale`` as in Keras's layers; ``bias_scale`` is an argument."""
    return f"{name}_scale" if name == "kernel" else f"{name}_int8_scale"


def to_int8(value):
    """(q, scale) of an array, so that q / scale is near it; one scale for each index of the last axis."""
    value = ops.cast(value, "float32")
    largest = ops.max(ops.abs(value), axis=tuple(range(len(value.shape) - 1)))
    scale = 127.0 / ops.where(largest > 0, largest, 127.0)
    return ops.cast(ops.round(value * scale), "int8"), scale


def _plain(config):
    """Whether a configuration of Keras asks for nothing but int8."""
    kind = type(config)
    asked = keras.saving.serialize_keras_object(config)
    return asked in [keras.saving.serialize_keras_object(c) for c in (kind(), kind(activation_quantizer=None))]
