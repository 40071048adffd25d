"""The dendrite-activated operation on tensors, for every Keras backend."""

from dendnet.ops.implementations import available_implementations
from dendnet.ops.operation import dac_conv, dac_dense
from dendnet.ops.transposed import dac_conv_transpose

__all__ = ["available_implementations", "dac_conv", "dac_conv_transpose", "dac_dense"]
