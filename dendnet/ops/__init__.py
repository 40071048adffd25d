"""The dendrite-activated operation on tensors, for every Keras backend."""

from dendnet.ops.implementations import available_implementations
from dendnet.ops.operation import dac_conv, dac_dense

__all__ = ["available_implementations", "dac_conv", "dac_dense"]
