"""Every layer with its options, small enough to build in a blink: (class, shape of one input, options, size)."""

import functools

import keras
import numpy as np

from dendnet.layers import (
    DACConv1D,
    DACConv1DTranspose,
    DACConv2D,
    DACConv2DTranspose,
    DACConv3D,
    DACConv3DTranspose,
    DACDense,
    DACDepthwiseConv1D,
    DACDepthwiseConv2D,
)
from dendnet.ops import available_implementations

LAST = {"data_format": "channels_last"}
BLOCKED = [dict(implementation="blocked")] if "blocked" in available_implementations() else []

DENSE = [
    {},
    dict(bias_sharing="outputs"),
    dict(dendrites=3, use_output_bias=True, bias_scale="fan_in"),
    dict(dendrite_activation="tanh", kernel_regularizer="l2", bias_constraint="non_neg"),
    *BLOCKED,
]
CONV1D = [
    dict(padding="causal", strides=2),
    dict(padding="causal", dilation_rate=2, bias_sharing="outputs"),
    dict(padding="same", data_format="channels_first", dendrites=2),
    *BLOCKED,
]
CONV2D = [
    {},
    dict(bias_sharing="none", padding="same", strides=2),
    dict(bias_sharing="outputs", use_output_bias=True, padding="same"),
    dict(dendrites=2, groups=2, dilation_rate=2),
    dict(data_format="channels_first", use_output_bias=True, activity_regularizer="l1"),
    *[dict(strides=2, groups=2) | blocked for blocked in BLOCKED],
]
CONV3D = [
    dict(padding="same", strides=(1, 2, 2), kernel_constraint="max_norm"),
    dict(data_format="channels_first", groups=2, use_output_bias=True, dendrite_activation="gelu"),
    *[dict(padding="same") | blocked for blocked in BLOCKED],
]
TRANSPOSED = [
    dict(strides=2, padding="same"),
    dict(bias_sharing="none", dendrites=2, use_output_bias=True, data_format="channels_first"),
    dict(bias_sharing="outputs", dilation_rate=2, dendrite_activation="tanh"),
    *BLOCKED,
]
EVERY = [(DACDense, (4,), o, dict(units=3)) for o in DENSE]
for cls, shape, options in [
    (DACConv1D, (6, 4), CONV1D),
    (DACConv2D, (6, 7, 4), CONV2D),
    (DACConv3D, (4, 5, 4, 4), CONV3D),
    (DACConv1DTranspose, (6, 4), TRANSPOSED),
    (DACConv2DTranspose, (6, 4, 4), TRANSPOSED),
    (DACConv3DTranspose, (2, 3, 4, 4), TRANSPOSED[:2]),
]:
    EVERY += [(cls, shape, LAST | o, dict(filters=8, kernel_size=3)) for o in options]
DEPTHWISE = [
    dict(depth_multiplier=2, strides=2, padding="same"),
    dict(bias_sharing="none", dendrites=2, use_output_bias=True, data_format="channels_first"),
    dict(bias_sharing="outputs", dilation_rate=2, depth_multiplier=2),
    *BLOCKED,
]
for cls, shape in [(DACDepthwiseConv1D, (6, 5)), (DACDepthwiseConv2D, (6, 5, 5))]:
    EVERY += [(cls, shape, LAST | o, dict(kernel_size=3)) for o in DEPTHWISE]


def example(shape, N=2, seed=0):
    return np.random.default_rng(seed).normal(size=(N, *shape)).astype("float32")


@functools.cache
def keras_runs_channels_first():
    """Whether Keras's own convolution does on this machine: TensorFlow's, on a CPU, needs oneDNN for it."""
    layer = keras.layers.Conv2D(2, 1, data_format="channels_first")
    try:
        keras.Sequential([keras.Input((2, 3, 3)), layer]).predict(example((2, 3, 3)), verbose=0)
    except Exception as error:
        if "NHWC" not in str(error):
            raise
        return False
    return True
