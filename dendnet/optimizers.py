"""Dendrites' biases, told apart from other variables: which they are, and a learning rate of their own.

A bias of dendrites has as many axes as a matrix, but it is a set of thresholds: it should not be orthogonalised, and
weight decay draws all its knots to 0. An optimizer that goes by the number of axes takes it for a matrix, so name it:

- Muon: ``keras.optimizers.Muon(exclude_layers=["bias$"])`` hands every bias to Adam. Kernels of convolutions, which
  have more than two axes, go to Adam as those of Keras's own do.
- Weight decay of Keras's optimizers: ``optimizer.exclude_from_weight_decay(var_list=biases(model))`` before the first
  step, and again after loading, because Keras does not save it.
- torch: groups of parameters, ``{"params": [v.value for v in biases(model)], "lr": 0.01, "weight_decay": 0.0}`` and
  ``{"params": [v.value for v in model.trainable_variables if not is_bias(v)]}``.
- optax: ``["biases" if is_bias(v) else "rest" for v in model.trainable_variables]`` labels the variables for
  ``optax.multi_transform``; ``[not is_bias(v) for v in model.trainable_variables]`` is the ``mask`` of weight decay.

The groups of torch and the labels of optax also give biases another learning rate; for Keras's optimizers
:func:`with_bias_learning_rate` does it.
"""

import functools
import math
import numbers
from typing import Any

import keras

__all__ = ["biases", "is_bias", "with_bias_learning_rate"]


def is_bias(variable) -> bool:
    """Whether a variable holds dendrites' biases, b of a layer in ``dendnet.layers``.

    Args:
        variable: A Keras variable. A layer's output bias and what other layers call a bias are none.

    Example:
        >>> import keras
        >>> from dendnet.layers import DACDense
        >>> from dendnet.optimizers import is_bias
        >>> model = keras.Sequential([keras.Input((4,)), DACDense(3, use_output_bias=True)])
        >>> [(v.name, is_bias(v)) for v in model.variables]
        [('kernel', False), ('bias', True), ('output_bias', False)]

    Reference:
        The chapter "Full experiments" of the book, section "The protocol".
    """
    return getattr(variable, "dendritic", False)


def biases(model) -> list:
    """The dendrites' biases of a model or a layer, as variables, in the order of its trainable variables.

    Args:
        model: A built model or layer; models within it are looked into as well.

    Raises:
        ValueError: The model is not built.

    Example:
        >>> import keras
        >>> from dendnet.layers import DACDense
        >>> from dendnet.optimizers import biases
        >>> model = keras.Sequential([keras.Input((4,)), DACDense(3), keras.layers.Dense(2)])
        >>> optimizer = keras.optimizers.AdamW(weight_decay=0.01)
        >>> optimizer.exclude_from_weight_decay(var_list=biases(model))
        >>> [tuple(b.shape) for b in biases(model)]
        [(4, 3)]

    Reference:
        The chapter "Full experiments" of the book, section "The protocol".
    """
    if not model.built:
        raise ValueError(f"model must be built, or it has no variables yet. Received: model={model!r}")
    return [v for v in model.trainable_variables if is_bias(v)]


def with_bias_learning_rate(optimizer, factor):
    """An optimizer like the given one, whose learning rate for dendrites' biases is ``factor`` times the others'.

    It is saved and loaded with a model, and schedules, clipping, averages and loss scaling stay what they were.
    Weight decay, where the optimizer has one, goes by the common learning rate.

    Args:
        optimizer: A Keras optimizer that has not taken a step, or its name.
        factor: Factor of the learning rate, 0 or more.

    Returns:
        A new optimizer, of a class of the given one's class. Tell it, not the old one, what to exclude from weight
        decay.

    Raises:
        ValueError: The optimizer has begun, has a factor already, or does not step variables one by one.

    Example:
        >>> import keras
        >>> from dendnet.layers import DACDense
        >>> from dendnet.optimizers import with_bias_learning_rate
        >>> model = keras.Sequential([keras.Input((4,)), DACDense(3)])
        >>> model.compile(with_bias_learning_rate(keras.optimizers.Adam(0.001), factor=10), "mse")

    Reference:
        The chapter "Full experiments" of the book, section "The protocol".
    """
    try:
        found = keras.optimizers.get(optimizer)
    except ValueError as error:
        raise ValueError(f"optimizer must be one that Keras knows. Received: optimizer={optimizer!r}") from error
    if isinstance(found, BiasLearningRate):
        raise ValueError(f"The optimizer has a factor already. Received: optimizer={optimizer!r}")
    if found.built:
        raise ValueError(f"The optimizer must not have begun. Received: iterations={int(found.iterations)}")
    # On torch Keras puts classes of the backend's, which step all variables at once, in the place of its own.
    kind: Any = next(c for c in type(found).__mro__ if not c.__module__.startswith("keras.src.backend"))
    if kind.update_step is keras.optimizers.Optimizer.update_step:
        raise ValueError(
            "optimizer must be one that steps variables one by one; give the one within a wrapper. "
            f"Received: optimizer={optimizer!r}"
        )
    if hasattr(found, "_exclude_from_weight_decay"):
        raise ValueError(
            "Exclude variables from weight decay on the optimizer that is returned, not on the one that is given. "
            f"Received: optimizer={optimizer!r}"
        )
    if isinstance(factor, bool) or not isinstance(factor, numbers.Real) or not 0 <= float(factor) < math.inf:
        raise ValueError(f"factor must be a finite number of 0 or more. Received: factor={factor!r}")
    made = kind.from_config.__func__(_own_class(kind), found.get_config())
    made.bias_factor = float(factor)
    return made


class BiasLearningRate(keras.optimizers.Optimizer):
    """Stands before a class of Keras optimizers: ``bias_factor`` times its learning rate for dendrites' biases."""

    bias_factor = 1.0

    def build(self, variables):
        super().build(variables)
        self._factors = [self.factor(variable) for variable in variables]

    def factor(self, variable):
        """Factor of the learning rate for a variable."""
        return self.bias_factor if is_bias(variable) else 1.0

    def update_step(self, gradient, variable, learning_rate):
        factor = self._factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, learning_rate * factor)


@functools.cache
def _own_class(kind):
    """The class of the optimizers like ``kind``'s with a factor; a file names the optimizer that it was made from."""

    class WithBiasLearningRate(BiasLearningRate, kind):  # type: ignore[misc, valid-type]
        def get_config(self):
            plain = kind.from_config(super().get_config())
            return {"optimizer": keras.optimizers.serialize(plain), "factor": self.bias_factor}

        @classmethod
        def from_config(cls, config, custom_objects=None):
            plain = keras.optimizers.deserialize(config["optimizer"], custom_objects)
            return with_bias_learning_rate(plain, config["factor"])

    return keras.saving.register_keras_serializable("dendnet")(WithBiasLearningRate)


_own_class(keras.optimizers.SGD)  # each of these classes loads all of them, so a file needs one to be known
