"""Which layers of a standard model can become dendrite-activated: those whose input is a ReLU."""

from typing import Any, NamedTuple

from keras import layers

from dendnet.convert import padding
from dendnet.layers import DACConv1D, DACConv2D, DACConv3D, DACDense
from dendnet.ops import arguments

UNITS = {
    layers.Dense: DACDense,
    layers.Conv1D: DACConv1D,
    layers.Conv2D: DACConv2D,
    layers.Conv3D: DACConv3D,
}
OTHER_UNITS = (
    layers.EinsumDense,
    layers.DepthwiseConv1D,
    layers.DepthwiseConv2D,
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    layers.Conv1DTranspose,
    layers.Conv2DTranspose,
    layers.Conv3DTranspose,
)
ANY_UNIT: Any = (*UNITS, *OTHER_UNITS)


class Source(NamedTuple):
    """Where a layer's input came from: x through the ReLU and then the pads; without a ReLU, what else made it."""

    relu: Any  # the layer or operation, or a layer whose activation it is; None where there is no ReLU
    x: Any
    shape: Any
    pads: list
    maker: Any  # the layer that made the input; None for the model's own input


def source(x, origins):
    """The source of tensor x, by the origins of all tensors so far."""
    pads: list = []
    maker = origin = origins.get(id(x))
    while origin and isinstance(origin.layer, padding.PADDINGS):
        pads.insert(0, origin.layer)
        origin = origins.get(id(origin.x))
    relu = origin.layer if origin and is_relu(origin.layer) else None
    return Source(relu, relu and origin.x, relu and origin.made.shape, pads, maker and maker.layer)


def is_relu(layer: Any) -> bool:
    """Whether what this layer or operation gives is a plain ReLU's output."""
    if isinstance(layer, (layers.Activation, ANY_UNIT)):
        return arguments.is_relu(layer.activation)
    if isinstance(layer, layers.ReLU) or type(layer).__name__ in ("ReLU", "Relu"):  # layer, or Keras's operations
        return getattr(layer, "max_value", None) is None and not any(
            getattr(layer, name, 0) for name in ("negative_slope", "threshold")
        )
    return False


def reason_to_keep(layer, sources):
    """Why a layer stays as it is, given the source of each of its calls; None where it can be converted."""
    if type(layer) not in UNITS:
        return f"{type(layer).__name__} is not among the layers that are converted"
    if getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None):
        return "its weights are quantized or adapted by LoRA"
    for each in sources:
        if each.relu is None and each.maker is None:
            return "its input is the model's"
        if each.relu is None:
            return f"its input comes from {each.maker.name} ({type(each.maker).__name__}), not from a ReLU"
    return None
