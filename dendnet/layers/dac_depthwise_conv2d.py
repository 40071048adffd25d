"""The two-dimensional depthwise convolution whose connections filter for themselves."""

import keras

from dendnet.layers.dendritic_depthwise_conv import DendriticDepthwiseConv


@keras.saving.register_keras_serializable(package="dendnet")
class DACDepthwiseConv2D(DendriticDepthwiseConv):
    r"""Two-dimensional depthwise convolution of dendrite-activated connections.

    .. math::
        y_{iq}(p) = \sum_{t} \sum_{s=1}^{S} w_{tiqs} \, \mathrm{relu}(x_i(p + t) + b_{iqs})

    Each channel i has outputs q = 1..M of its own, in channel ``(i - 1) * M + q``. Where an input has one output, one
    dendrite and one bias for all taps (M = S = 1, ``"taps"``) the unit is the standard pre-activated one; it is more
    with M > 1, S > 1 or ``"none"``. A pixel beyond the border contributes 0, as if its dendrites were silent.

    Args:
        kernel_size: Height and width of the kernel, one integer or two.
        strides: Pixels from one output to the next, one integer or two.
        padding: ``"valid"`` or ``"same"``.
        depth_multiplier: Outputs M of each channel.
        data_format: ``"channels_last"`` or ``"channels_first"``; None takes Keras's own setting.
        dilation_rate: Pixels from one tap to the next, one integer or two; not together with strides above 1.
        dendrite_activation: What bends the signal of each connection: an elementwise Keras activation.
        bias_sharing: ``"taps"``, one bias for each output and dendrite, shared by the kernel's taps; ``"none"``, one
            for each weight; ``"outputs"``, all outputs share one for each input channel and dendrite, which makes this
            the standard pre-activated layer.
        dendrites: Connections S for each weight of a standard kernel.
        use_output_bias: Whether to add a bias c_j to each output channel.
        kernel_initializer: Initializer of the weights w, ``(*kernel_size, S, c_in * M)``.
        bias_initializer: Initializer of the biases b: ``(S, c_in * M)``, of the kernel's shape, or ``(c_in * S,)``.
            None means zeros for S = 1, the start of a standard layer, and knots spread evenly over [-1, 1] for more.
        output_bias_initializer: Initializer of the output biases c, ``(c_in * M,)``.
        kernel_regularizer: Regularizer of the weights w.
        bias_regularizer: Regularizer of the biases b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on the weights w.
        bias_constraint: Constraint on the biases b.
        bias_scale: Factor s of b = s beta, where beta is the variable that trains: gradient descent then moves b by s^2
            times, Adam by s times its learning rate. ``"fan_in"`` is s = sqrt(fan_in / 2), with which weights and
            biases share alike in what the first steps change. ``layer.bias`` is then b, and no variable.
        implementation: How the operation is computed, as in :func:`dendnet.ops.dac_conv`.
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Input shape:
        ``(batch, height, width, c_in)``, or ``(batch, c_in, height, width)`` for ``"channels_first"``.

    Output shape:
        ``(batch, new_height, new_width, c_in * M)``, or ``(batch, c_in * M, new_height, new_width)``.

    Raises:
        ValueError: An argument is not among those named above, or does not fit the input.

    Example:
        >>> import keras
        >>> from dendnet.layers import DACDepthwiseConv2D
        >>> layer = DACDepthwiseConv2D(3, depth_multiplier=4, padding="same", data_format="channels_last")
        >>> y = layer(keras.ops.ones((1, 5, 5, 2)))
        >>> tuple(y.shape), tuple(layer.kernel.shape), tuple(layer.bias.shape)
        ((1, 5, 5, 8), (3, 3, 1, 8), (1, 8))

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book, equation :eq:`dac-conv`.
    """

    rank = 2
