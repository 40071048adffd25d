"""Dendrite-activated connections (DAC) for Keras 3.

A standard unit filters its signal once and shares it; here each connection filters for itself:

    y_j = sum_i  w_ij * relu(x_i + b_ij)

``dendnet.layers`` has the unit as Keras layers, ``dendnet.ops`` as a plain operation on tensors, ``dendnet.models``
whole networks, ``dendnet.cost`` what they cost, ``dendnet.geometry`` where they bend, ``dendnet.data`` data sets;
``dendnet.convert`` turns standard models into dendrite-activated ones and back; ``dendnet.inspect`` counts connections
that do nothing; ``dendnet.optimizers`` tells dendrites' biases from other variables and gives them a learning rate of
their own; ``dendnet.theory`` builds what the theorems promise.

Reference: Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book.
"""

from dendnet import convert, cost, data, geometry, inspect, layers, models, ops, optimizers, theory

__version__ = "0.1.0"
__all__ = ["convert", "cost", "data", "geometry", "inspect", "layers", "models", "ops", "optimizers", "theory"]
