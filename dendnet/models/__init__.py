"""Networks in two kinds that differ in nothing but where they filter, ``unit="dac"`` and ``"standard"``; and rivals."""

from dendnet.models.cifar_resnet import cifar_resnet
from dendnet.models.mlp import mlp
from dendnet.models.resnet import resnet

__all__ = ["cifar_resnet", "mlp", "resnet"]
