"""The dendrite-activated unit as Keras layers."""

from dendnet.layers.dac_conv2d import DACConv2D
from dendnet.layers.dac_dense import DACDense

__all__ = ["DACConv2D", "DACDense"]
