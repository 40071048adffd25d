"""What every dendrite-activated layer has: its dendrites, their weights and biases, and their configuration."""

import keras
import numpy as np
from keras import ops

from dendnet.ops.arguments import check_implementation, elementwise, positive
from dendnet.ops.implementations import stays_out_of_xla


class DendriticLayer(keras.layers.Layer):
    """Base of the layers: S dendrites for each pair of input and output, and who shares a bias."""

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
        implementation,
        **kwargs,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
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
        self.implementation = implementation
        # Keras would have XLA compile the whole model, which is slow to start and knows no operator of ours.
        if bias_sharing != "outputs" and stays_out_of_xla(implementation, self.dendrite_activation):
            self.supports_jit = False

    def _add_dendrites(self, kernel_shape, bias_shape):
        """Make kernel, bias and output_bias; row i * S + s of the kernel belongs to dendrite s of input i."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=kernel_shape,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = self.add_weight(
            name="bias",
            shape=bias_shape,
            initializer=self.bias_initializer or self._spread_knots,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )
        self.output_bias = None
        if self.use_output_bias:
            self.output_bias = self.add_weight(
                name="output_bias", shape=(kernel_shape[-1],), initializer=self.output_bias_initializer
            )

    def _spread_knots(self, shape, dtype=None):
        """Biases whose S knots x = -b lie evenly over [-1, 1]; a single one lies at 0, as in a standard start."""
        knots = np.linspace(-1, 1, self.dendrites) if self.dendrites > 1 else np.zeros(1)
        inputs_axis = -1 if len(shape) == 1 else -2
        rows = np.tile(0 - knots, shape[inputs_axis] // self.dendrites)
        return ops.cast(np.broadcast_to(rows if len(shape) == 1 else rows[:, None], shape), dtype)

    def _repeated(self, inputs, axis):
        """Each input once for each of its S dendrites."""
        return inputs if self.dendrites == 1 else ops.repeat(inputs, self.dendrites, axis=axis)

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
            "implementation": self.implementation,
        }
