"""What the depthwise convolutions share, whatever the number of dimensions."""

from dendnet.layers.dendritic_conv import DendriticConv
from dendnet.ops.arguments import positive


class DendriticDepthwiseConv(DendriticConv):
    """Base of the depthwise convolutions: each channel is a group, with ``depth_multiplier`` outputs."""

    def __init__(
        self,
        kernel_size,
        strides=1,
        padding="valid",
        depth_multiplier=1,
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
        super().__init__(
            positive("depth_multiplier", depth_multiplier),
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
        self.depth_multiplier = self.filters

    def build(self, input_shape):
        self.groups = input_shape[self.channel_axis] or 1
        self.filters = self._output_channels(self.groups)
        super().build(input_shape)

    def _output_channels(self, c_in):
        return c_in * self.depth_multiplier

    def get_config(self):
        config = {**super().get_config(), "depth_multiplier": self.depth_multiplier}
        del config["filters"], config["groups"]
        return config
