"""The dendrite-activated unit as Keras layers."""

from dendnet.layers.dac_conv1d import DACConv1D
from dendnet.layers.dac_conv1d_transpose import DACConv1DTranspose
from dendnet.layers.dac_conv2d import DACConv2D
from dendnet.layers.dac_conv2d_transpose import DACConv2DTranspose
from dendnet.layers.dac_conv3d import DACConv3D
from dendnet.layers.dac_conv3d_transpose import DACConv3DTranspose
from dendnet.layers.dac_dense import DACDense
from dendnet.layers.dac_depthwise_conv1d import DACDepthwiseConv1D
from dendnet.layers.dac_depthwise_conv2d import DACDepthwiseConv2D
from dendnet.layers.implementation import set_implementation
from dendnet.layers.knots import knots_from_data

__all__ = [
    "DACConv1D",
    "DACConv1DTranspose",
    "DACConv2D",
    "DACConv2DTranspose",
    "DACConv3D",
    "DACConv3DTranspose",
    "DACDense",
    "DACDepthwiseConv1D",
    "DACDepthwiseConv2D",
    "knots_from_data",
    "set_implementation",
]
