"""The theorems of the chapter "What it can represent" as constructions: a network, and a certificate of its error.

Beside them what the biases weigh in the tangent kernel, of the chapter "Full experiments": measured, and expected; and
what a network cannot get below on given data, of the chapter "One bias per connection".
"""

from dendnet.theory.additive import BestAdditive, best_additive
from dendnet.theory.affine import Affine, affine_layer
from dendnet.theory.approximation import Approximation, approximate
from dendnet.theory.certificate import Certificate, Construction
from dendnet.theory.floors import Floor, additive_floor, readout_floor
from dendnet.theory.pieces import piecewise_linear
from dendnet.theory.relu_network import from_relu_network
from dendnet.theory.separation import Separation, separation_example
from dendnet.theory.tangent import BiasShare, bias_share, expected_bias_share

__all__ = [
    "Affine",
    "Approximation",
    "BestAdditive",
    "BiasShare",
    "Certificate",
    "Construction",
    "Floor",
    "Separation",
    "additive_floor",
    "affine_layer",
    "approximate",
    "best_additive",
    "bias_share",
    "expected_bias_share",
    "from_relu_network",
    "piecewise_linear",
    "readout_floor",
    "separation_example",
]
