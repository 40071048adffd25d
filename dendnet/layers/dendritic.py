"""What every dendrite-activated layer has: its dendrites, their weights and biases, and their configuration."""

import math
import numbers

import keras
import numpy as np
from keras import ops

from dendnet.layers.int8 import Int8
from dendnet.layers.lora import LoRA
from dendnet.ops.arguments import check_implementation, densified, elementwise, positive
from dendnet.ops.implementations import stays_out_of_xla


class DendriticLayer(LoRA, Int8):
    """Base of the layers: S dendrites for each pair of input and output, and who shares a bias."""

    channel_axis = -1

    def __init__(
        self,
        sharings,
        *,
        dendrite_activation,
        bias_sharing,
        dendrites,
        use_output_bias,
        kernel_initializer,
        bias_initializer,
        output_bias_initializer,
        kernel_regularizer,
        bias_regularizer,
        activity_regularizer,
        kernel_constraint,
        bias_constraint,
        bias_scale,
        implementation,
        lora_rank,
        lora_alpha,
        **kwargs,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._check_mode(self.quantization_mode)
        if bias_sharing not in sharings:
            raise ValueError(f"bias_sharing must be one of {sharings}. Received: bias_sharing={bias_sharing!r}")
        check_implementation(implementation)
        self.dendrite_activation = elementwise(dendrite_activation)
        self.bias_sharing = bias_sharing
        self.dendrites = positive("dendrites", dendrites)
        self.use_output_bias = bool(use_output_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.output_bias_initializer = keras.initializers.get(output_bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.bias_scale = scale(bias_scale)
        self.implementation = implementation
        # Keras would have XLA compile the whole model, which is slow to start and knows no operator of ours.
        if bias_sharing != "outputs" and stays_out_of_xla(implementation, self.dendrite_activation):
            self.supports_jit = False
        self.lora_rank = None if lora_rank is None else positive("lora_rank", lora_rank)
        self.lora_alpha = self._alpha(self.lora_rank, lora_alpha)

    @property
    def activation(self):
        """What the connections do: dendrite_activation, under the name that tools for Keras's layers look for.

        Guided backpropagation and the like assign another, and it becomes the connections'. An output has none, so
        "linear", by which tools mean an output, is refused.
        """
        return self.dendrite_activation

    @activation.setter
    def activation(self, value):
        act = elementwise(value)
        if act is keras.activations.linear:
            raise ValueError(
                f"The output of {type(self).__name__} is linear already; assign dendrite_activation to change what its "
                f"connections do. Received: activation={value!r}"
            )
        self.dendrite_activation = act

    def _add_dendrites(self, kernel_shape, bias_shape):
        """Make kernel, bias and output_bias; row i * S + s of the kernel belongs to dendrite s of input i."""
        self._check_mode(self.quantization_mode)
        self._is_quantized = self.quantization_mode is not None
        fan_in = math.prod(kernel_shape[:-1])
        self._scale = math.sqrt(fan_in / 2) if self.bias_scale == "fan_in" else self.bias_scale
        for name, shape, initializer in [
            ("kernel", kernel_shape, self.kernel_initializer),
            ("bias", bias_shape, self._scaled(self.bias_initializer or self._spread_knots)),
        ]:
            if self._is_quantized and name in self._held_in_int8():
                self._add_int8(name, shape, initializer)
                continue
            weight = self.add_weight(
                name=name,
                shape=shape,
                initializer=initializer,
                regularizer=self._of_bias(self.bias_regularizer) if name == "bias" else self.kernel_regularizer,
                constraint=self._scaled(self.bias_constraint) if name == "bias" else self.kernel_constraint,
            )
            setattr(self, f"_{name}", weight)
        # How dendnet.optimizers tells it from other variables, and how many connections an output has.
        self._bias.dendritic, self._bias.fan_in = True, fan_in
        self.output_bias = None
        if self.use_output_bias:
            self.output_bias = self.add_weight(
                name="output_bias", shape=(kernel_shape[-1],), initializer=self.output_bias_initializer
            )
        if self.lora_rank is not None:
            self.built = True
            self.enable_lora(self.lora_rank, self.lora_alpha)

    @property
    def kernel(self):
        """The weights w: the variable, or what int8 and LoRA make of it."""
        if self.quantization_mode is None and not self.lora_enabled:
            return self._kernel
        kernel = self._kernel if self.quantization_mode is None else self._from_int8("kernel")
        return ops.cast(kernel + self._difference() if self.lora_enabled else kernel, self.compute_dtype)

    @property
    def bias(self):
        """The biases b: the variable, or what bias_scale and int8 make of it."""
        if self.quantization_mode is None or "bias" not in self._held_in_int8():
            return self._bias if self._scale == 1 else self._bias * self._scale
        return ops.cast(self._from_int8("bias") * self._scale, self.compute_dtype)

    def _scaled(self, function):
        """What gives biases b, as a function that gives the variable b / scale, of its shape or of the variable."""
        if function is None or self._scale == 1:
            return function

        def scaled(given, *args, **kwargs):
            given = given if isinstance(given, (tuple, list)) else given * self._scale
            return function(given, *args, **kwargs) / self._scale

        return scaled

    def _of_bias(self, function):
        """A regularizer of the biases b as one of the variable."""
        return function if function is None or self._scale == 1 else lambda beta: function(beta * self._scale)

    def _spread_knots(self, shape, dtype=None):
        """Biases whose S knots x = -b lie evenly over [-1, 1]; a single one lies at 0, as in a standard start."""
        knots = np.linspace(-1, 1, self.dendrites) if self.dendrites > 1 else np.zeros(1)
        inputs_axis = -1 if len(shape) == 1 else -2
        rows = np.tile(0 - knots, shape[inputs_axis] // self.dendrites)
        return ops.cast(np.broadcast_to(rows if len(shape) == 1 else rows[:, None], shape), dtype)

    def _repeated(self, inputs, axis):
        """Each input once for each of its S dendrites."""
        x = densified(inputs)
        return x if self.dendrites == 1 else ops.repeat(x, self.dendrites, axis=axis)

    def get_config(self):
        return {
            **super().get_config(),
            "dendrite_activation": keras.activations.serialize(self.dendrite_activation),
            "bias_sharing": self.bias_sharing,
            "dendrites": self.dendrites,
            "use_output_bias": self.use_output_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": self.bias_initializer and keras.initializers.serialize(self.bias_initializer),
            "output_bias_initializer": keras.initializers.serialize(self.output_bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": keras.regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
            "bias_scale": self.bias_scale,
            "implementation": self.implementation,
            "lora_rank": self.lora_rank,
            "lora_alpha": self.lora_alpha,
        }


def scale(value):
    """bias_scale, if it is one."""
    if value == "fan_in":
        return value
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < float(value) < math.inf:
        raise ValueError(f"bias_scale must be a positive number or 'fan_in'. Received: bias_scale={value!r}")
    return float(value)
