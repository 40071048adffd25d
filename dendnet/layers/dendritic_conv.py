"""What the dendrite-activated convolutions share, whatever the number of dimensions."""

import keras
from keras import ops

from dendnet.layers.dendritic import DendriticLayer
from dendnet.ops import dac_conv, plain, shapes
from dendnet.ops.arguments import check_reach, conv_arguments, per_axis, positive


class DendriticConv(DendriticLayer):
    """Base of the convolutions: a kernel that moves over ``rank`` dimensions, which each of them names."""

    rank: int

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        groups=1,
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
        lora_rank=None,
        lora_alpha=None,
        **kwargs,
    ):
        super().__init__(
            ("taps", "none", "outputs"),
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
        self.filters = positive("filters", filters)
        self.groups = positive("groups", groups)
        if self.filters % self.groups:
            raise ValueError(f"groups must divide filters. Received: filters={filters}, groups={groups}")
        self.kernel_size = per_axis("kernel_size", kernel_size, self.rank)
        self.geometry, self.data_format = conv_arguments(
            self.rank, strides=strides, dilation_rate=dilation_rate, padding=padding, data_format=data_format
        )
        self.strides, self.padding, self.dilation_rate = self.geometry
        self.channel_axis = 1 if self.data_format == "channels_first" else -1
        self.input_spec = keras.layers.InputSpec(ndim=self.rank + 2)

    def build(self, input_shape):
        c_in = input_shape[self.channel_axis]
        if not c_in or c_in % self.groups:
            raise ValueError(
                "The input's channels must be known and divisible by the groups. "
                f"Received: input_shape={input_shape}, data_format={self.data_format!r}, groups={self.groups}"
            )
        self.input_spec = keras.layers.InputSpec(ndim=len(input_shape), axes={self.channel_axis: c_in})
        self._size = input_shape[2:] if self.channel_axis == 1 else input_shape[1:-1]
        rows = c_in // self.groups * self.dendrites
        kernel_shape = (*self.kernel_size, rows, self.filters)
        bias_shapes = {"none": kernel_shape, "taps": (rows, self.filters), "outputs": (c_in * self.dendrites,)}
        self._add_dendrites(kernel_shape, bias_shapes[self.bias_sharing])

    def call(self, inputs):
        y = self._connected(inputs)
        if self.output_bias is None:
            return y
        first = self.data_format == "channels_first"
        return y + (ops.reshape(self.output_bias, (-1, *[1] * self.rank)) if first else self.output_bias)

    def _connected(self, inputs):
        """The outputs without their own bias."""
        if None in self._size and max(self.strides) > 1 and self.padding == "same" and plain.exporting(inputs):
            self._refuse_unknown_size()
        return dac_conv(
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

    def _refuse_unknown_size(self):
        if keras.backend.backend() != "tensorflow":
            raise ValueError(
                f"On {keras.backend.backend()} a layer with padding='same' and strides above 1 is a plain static graph "
                f"for known sizes only: give the model a keras.Input without None. Received: size={self._size}, "
                f"implementation={self.implementation!r}"
            )

    def compute_output_shape(self, input_shape):
        first = self.data_format == "channels_first"
        size = input_shape[2:] if first else input_shape[1:-1]
        if len(size) != self.rank:
            raise ValueError(f"The input must have {self.rank + 2} axes. Received: input_shape={tuple(input_shape)}")
        out, filters = self._output_size(size), self._output_channels(input_shape[self.channel_axis])
        return (input_shape[0], filters, *out) if first else (input_shape[0], *out, filters)

    def _output_size(self, size):
        check_reach(size, self.kernel_size, self.geometry)
        axes = zip(size, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        return [shapes.output_size(*axis, self.padding) for axis in axes]

    def _output_channels(self, c_in):
        return self.filters

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
        }
