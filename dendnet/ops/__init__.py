"""The dendrite-activated operation on tensors, for every Keras backend."""

from dendnet.ops.operation import dac_conv, dac_dense

__all__ = ["dac_conv", "dac_dense"]
