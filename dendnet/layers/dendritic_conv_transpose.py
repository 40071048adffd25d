"""What the transposed convolutions share, whatever the number of dimensions."""

from dendnet.layers.dendritic_conv import DendriticConv
from dendnet.ops import transposed
from dendnet.ops.arguments import check_transposed_padding


class DendriticConvTranspose(DendriticConv):
    """Base of the transposed convolutions: arguments as DendriticConv, without groups."""

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        dendrite_activation="relu",
        bias_sharing="taps",
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
        **kwargs,
    ):
        check_transposed_padding(padding)
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            dilation_rate,
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
            **kwargs,
        )

    def _connected(self, inputs):
        return transposed.dac_conv_transpose(
            self._repeated(inputs, axis=self.channel_axis),
            self.kernel,
            self.bias,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            data_format=self.data_format,
            activation=self.dendrite_activation,
            implementation=self.implementation,
        )

    def _output_size(self, size):
        axes = zip(size, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        return [transposed.output_size(*axis, self.padding) for axis in axes]

    def get_config(self):
        config = super().get_config()
        del config["groups"]
        return config
