"""The dendrite-activated unit as Keras layers."""

from dendnet.layers.dac_conv1d import DACConv1D
from dendnet.layers.dac_conv2d import DACConv2D
from dendnet.layers.dac_conv3d import DACConv3D
from dendnet.layers.dac_dense import DACDense
from dendnet.layers.knots import knots_from_data

__all__ = ["DACConv1D", "DACConv2D", "DACConv3D", "DACDense", "knots_from_data"]
