"""The theorems of the chapter "What it can represent" as constructions: a network, and a certificate of its error."""

from dendnet.theory.additive import BestAdditive, best_additive
from dendnet.theory.affine import Affine, affine_layer
from dendnet.theory.approximation import Approximation, approximate
from dendnet.theory.certificate import Certificate, Construction
from dendnet.theory.pieces import piecewise_linear
from dendnet.theory.relu_network import from_relu_network
from dendnet.theory.separation import Separation, separation_example

__all__ = [
    "Affine",
    "Approximation",
    "BestAdditive",
    "Certificate",
    "Construction",
    "Separation",
    "affine_layer",
    "approximate",
    "best_additive",
    "from_relu_network",
    "piecewise_linear",
    "separation_example",
]
