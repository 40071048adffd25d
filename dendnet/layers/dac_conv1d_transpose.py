"""The one-dimensional transposed convolution whose connections filter for themselves."""

import keras

from dendnet.layers.dendritic_conv_transpose import DendriticConvTranspose


@keras.saving.register_keras_serializable(package="dendnet")
class DACConv1DTranspose(DendriticConvTranspose):
    r"""One-dimensional transposed convolution of dendrite-activated connections.

    .. math::
        y_j(p) = \sum_{q, t:\, \sigma q + t = p} \; \sum_{i=1}^{c_{in}} \sum_{s=1}^{S}
        w_{tijs} \, \mathrm{relu}(x_i(q) + b_{ijs})

    Each input q gives, through its own dendrites, to the outputs that the kernel's taps t reach from it with strides
    sigma. The zeros that a textbook inserts between inputs have no dendrites: they give 0 whatever the biases. The
    output has no activation of its own: the next layer's dendrites filter it.

    Args:
        filters: Output channels c_out.
        kernel_size: Length of the kernel.
        strides: Steps of the output from one input to the next.
        padding: ``"valid"`` keeps all that some tap reaches, ``"same"`` strides times the input's size.
        data_format: ``"channels_last"`` or ``"channels_first"``; None takes Keras's own setting.
        dilation_rate: Steps from one tap to the next; not together with strides above 1.
        dendrite_activation: What bends the signal of each connection: an elementwise Keras activation.
        bias_sharing: ``"taps"``, one bias for each pair of channels, shared by the kernel's taps; ``"none"``, one for
            each weight; ``"outputs"``, all outputs share one for each input channel and dendrite, which makes this
            the standard pre-activated layer.
        dendrites: Connections S for each weight of a standard kernel.
        use_output_bias: Whether to add a bias c_j to each output channel.
        kernel_initializer: Initializer of the weights w, ``(*kernel_size, c_in * S, c_out)``; row ``i * S + s`` is
            dendrite s of channel i. Keras's own layer has the last two axes the other way round.
        bias_initializer: Initializer of the biases b: ``(c_in * S, c_out)``, of the kernel's shape, or ``(c_in * S,)``.
            None means zeros for S = 1, the start of a standard layer, and knots spread evenly over [-1, 1] for more.
        output_bias_initializer: Initializer of the output biases c, ``(c_out,)``.
        kernel_regularizer: Regularizer of the weights w.
        bias_regularizer: Regularizer of the biases b.
        activity_regularizer: Regularizer of the output.
        kernel_constraint: Constraint on the weights w.
        bias_constraint: Constraint on the biases b.
        bias_scale: Factor s of b = s beta, where beta is the variable that trains: gradient descent then moves b by s^2
            times, Adam by s times its learning rate. ``"fan_in"`` is s = sqrt(fan_in / 2), with which weights and
            biases share alike in what the first steps change. ``layer.bias`` is then b, and no variable.
        implementation: How the operation is computed, as in :func:`dendnet.ops.dac_conv_transpose`.
        **kwargs: What every Keras layer takes: ``name``, ``dtype``, ``trainable``.

    Input shape:
        ``(batch, steps, c_in)``, or ``(batch, c_in, steps)`` for ``"channels_first"``.

    Output shape:
        ``(batch, new_steps, c_out)``, or ``(batch, c_out, new_steps)``.

    Raises:
        ValueError: An argument is not among those named above, or does not fit the input.

    Example:
        >>> import keras
        >>> from dendnet.layers import DACConv1DTranspose
        >>> layer = DACConv1DTranspose(8, 3, strides=2, padding="same", data_format="channels_last")
        >>> y = layer(keras.ops.ones((1, 3, 2)))
        >>> tuple(y.shape), tuple(layer.kernel.shape), tuple(layer.bias.shape)
        ((1, 6, 8), (3, 2, 8), (2, 8))

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book, equation :eq:`dac-conv`.
    """

    rank = 1
