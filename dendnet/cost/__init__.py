"""What networks cost: weights, operations and memory, counted, compared and measured.

The convention of all counts is in :mod:`dendnet.cost.operations`.
"""

from dendnet.cost.compare import Comparison, compare, match_flops, match_parameters
from dendnet.cost.layer import LayerCost, layer_cost
from dendnet.cost.measure import Measurement, measure, standard_twin
from dendnet.cost.model import ModelCost, model_cost

__all__ = [
    "Comparison",
    "LayerCost",
    "Measurement",
    "ModelCost",
    "compare",
    "layer_cost",
    "match_flops",
    "match_parameters",
    "measure",
    "model_cost",
    "standard_twin",
]
