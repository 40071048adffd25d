"""The fully connected layer whose connections filter for themselves."""

import keras

from dendnet.layers.dendritic import DendriticLayer
from dendnet.ops import dac_dense
from dendnet.ops.arguments import positive


@keras.saving.register_keras_serializable(package="dendnet")
class DACDense(DendriticLayer):
    r"""Fully connected layer of dendrite-activated connections.

    .. math:: y_j = \sum_{i=1}^{n} \sum_{s=1}^{S} w_{ijs} \, \mathrm{relu}(x_i + b_{ijs})

    The paper's unit has S = 1. The output has no activation of its own: the next layer's dendrites filter it.

    Args:
        units: Outputs m.
        dendrite_activation: What bends the signal of each connection: an elementwise Keras activation.
        bias_sharing: ``"none"``, a bias for each connection; ``"outputs"``, all outputs share one for each input and
            dendrite, which makes this the standard pre-activated layer.
        dendrites: Connections S for each pair of input and output.
        use_output_bias: Whether to add a bias c_j to each output.
        kernel_initializer: Initializer of the weights w, ``(n * S, m)``; row ``i * S + s`` is dendrite s of input i.
        bias_initializer: Initializer of the biases b, of the kernel's shape or ``(n * S,)``. None means zeros for
            S = 1, the start of a standard layer, and knots spread evenly over [-1, 1] for more.
        output_bias_initializer: Initializer of the output biases c, ``(m,)``.
        kernel_regularizer: Regularizer of the weights w.
        bias_regularizer: Regularizer of the biases b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on the weights w.
        bias_constraint: Constraint on the biases b.
        bias_scale: Factor s of b = s beta, where beta is the variable that trains: gradient descent then moves b by s^2
            times, Adam by s times its learning rate. ``"fan_in"`` is s = sqrt(fan_in / 2), with which weights and
            biases share alike in what the first steps change. ``layer.bias`` is then b, and no variable.
        implementation: How the operation is computed, as in :func:`dendnet.ops.dac_dense`.
        lora_rank: Rank of a low-rank adaptation of the kernel, as ``enable_lora`` makes it; None for none.
        lora_alpha: Its factor times the rank; None means the rank.
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Input shape:
        ``(batch, ..., n)``.

    Output shape:
        ``(batch, ..., m)``.

    Raises:
        ValueError: An argument is not among those named above.

    Example:
        >>> import keras
        >>> from dendnet.layers import DACDense
        >>> layer = DACDense(3)
        >>> y = layer(keras.ops.ones((2, 4)))
        >>> tuple(y.shape), tuple(layer.kernel.shape), tuple(layer.bias.shape)
        ((2, 3), (4, 3), (4, 3))

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book, equation :eq:`dac`.
    """

    def __init__(
        self,
        units,
        dendrite_activation="relu",
        bias_sharing="none",
        dendrites=1,
        use_output_bias=False,
        kernel_initializer="glorot_uniform",
        bias_initializer=None,
        output_bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        bias_scale=1.0,
        implementation="auto",
        lora_rank=None,
        lora_alpha=None,
        **kwargs,
    ):
        super().__init__(
            ("none", "outputs"),
            dendrite_activation=dendrite_activation,
            bias_sharing=bias_sharing,
            dendrites=dendrites,
            use_output_bias=use_output_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            output_bias_initializer=output_bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            bias_scale=bias_scale,
            implementation=implementation,
            lora_rank=lora_rank,
            lora_alpha=lora_alpha,
            **kwargs,
        )
        self.units = positive("units", units)
        self.input_spec = keras.layers.InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape):
        n = input_shape[-1]
        if not n:
            raise ValueError(f"The last axis of the input must be known and not empty. Received: {input_shape=}")
        self.input_spec = keras.layers.InputSpec(min_ndim=2, axes={-1: n})
        rows = n * self.dendrites
        self._add_dendrites((rows, self.units), (rows,) if self.bias_sharing == "outputs" else (rows, self.units))

    def call(self, inputs):
        x = self._repeated(inputs, axis=-1)
        y = dac_dense(x, self.kernel, self.bias, self.dendrite_activation, self.implementation)
        return y if self.output_bias is None else y + self.output_bias

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}
