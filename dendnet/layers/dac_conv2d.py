"""The two-dimensional convolution whose connections filter for themselves."""

import keras

from dendnet.layers.dendritic_conv import DendriticConv


@keras.saving.register_keras_serializable(package="dendnet")
class DACConv2D(DendriticConv):
    r"""Two-dimensional convolution of dendrite-activated connections.

    .. math::
        y_j(p) = \sum_{t} \sum_{i=1}^{c_{in}} \sum_{s=1}^{S} w_{tijs} \, \mathrm{relu}(x_i(p + t) + b_{ijs})

    The sum over t runs over the taps of the kernel. A pixel beyond the border contributes 0, as if its dendrites were
    silent. The output has no activation of its own: the next layer's dendrites filter it.

    Args:
        filters: Output channels c_out.
        kernel_size: Height and width of the kernel, one integer or two.
        strides: Pixels from one output to the next, one integer or two.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``; None takes Keras's own setting.
        dilation_rate: Pixels from one tap to the next, one integer or two; not together with strides above 1.
        groups: Groups of channels that do not see each other; divides c_in and c_out.
        dendrite_activation: What bends the signal of each connection: an elementwise Keras activation.
        bias_sharing: ``"taps"``, one bias for each pair of channels, shared by the kernel's taps; ``"none"``, one for
            each weight; ``"outputs"``, all outputs share one for each input channel and dendrite, which makes this
            the standard pre-activated layer.
        dendrites: Connections S for each weight of a standard kernel.
        use_output_bias: Whether to add a bias c_j to each output channel.
        kernel_initializer: Initializer of the weights w, ``(*kernel_size, c_in / groups * S, c_out)``; row
            ``i * S + s`` is dendrite s of channel i.
        bias_initializer: Initializer of the biases b: ``(c_in / groups * S, c_out)``, of the kernel's shape, or
            ``(c_in * S,)``. None means zeros for S = 1, the start of a standard layer, and knots spread evenly over
            [-1, 1] for more.
        output_bias_initializer: Initializer of the output biases c, ``(c_out,)``.
        kernel_regularizer: Regularizer of the weights w.
        bias_regularizer: Regularizer of the biases b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on the weights w.
        bias_constraint: Constraint on the biases b.
        bias_scale: Factor s of b = s beta, where beta is the variable that trains: gradient descent then moves b by s^2
            times, Adam by s times its learning rate. ``"fan_in"`` is s = sqrt(fan_in / 2), with which weights and
            biases share alike in what the first steps change. ``layer.bias`` is then b, and no variable.
        implementation: How the operation is computed, as in :func:`dendnet.ops.dac_conv`.
        lora_rank: Rank of a low-rank adaptation of the kernel, as ``enable_lora`` makes it; None for none.
        lora_alpha: Its factor times the rank; None means the rank.
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Input shape:
        ``(batch, height, width, c_in)``, or ``(batch, c_in, height, width)`` for ``"channels_first"``.

    Output shape:
        ``(batch, new_height, new_width, c_out)``, or ``(batch, c_out, new_height, new_width)``.

    Raises:
        ValueError: An argument is not among those named above, or does not fit the input.

    Example:
        >>> import keras
        >>> from dendnet.layers import DACConv2D
        >>> layer = DACConv2D(8, 3, padding="same", data_format="channels_last")
        >>> y = layer(keras.ops.ones((1, 5, 5, 2)))
        >>> tuple(y.shape), tuple(layer.kernel.shape), tuple(layer.bias.shape)
        ((1, 5, 5, 8), (3, 3, 2, 8), (2, 8))

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book, equation :eq:`dac-conv`.
    """

    rank = 2
