"""The optimizer: a penalty on kernels, and a learning rate of their own for biases, or for what a rival adds."""

import keras
from keras import ops

from dendnet.experiments.protocols import Protocol
from dendnet.optimizers import BiasLearningRate, is_bias


class Descent(BiasLearningRate):
    """Stands before a class of Keras optimizers: λ of the penalty λ/2 w² and the learning rate go by kind of weight."""

    protocol: Protocol

    def build(self, variables):
        super().build(variables)
        self.penalties = [self.penalty(variable) for variable in variables]

    def factor(self, variable):
        protocol = self.protocol
        if is_bias(variable):
            return protocol.bias_learning_rate * (variable.fan_in / 2) ** protocol.bias_fan_in_power
        if getattr(variable, "rival", False):
            return protocol.bias_learning_rate
        return protocol.beta_learning_rate if variable.path.endswith("beta") else 1.0

    def penalty(self, variable):
        """λ."""
        if is_bias(variable):
            return self.protocol.bias_weight_decay
        return self.protocol.weight_decay if variable.path.endswith("kernel") else 0.0

    def update_step(self, gradient, variable, learning_rate):
        penalty = self.penalties[self._get_variable_index(variable)]
        if penalty:
            gradient = ops.add(gradient, penalty * ops.cast(variable, gradient.dtype))
        super().update_step(gradient, variable, learning_rate)


def optimizer(protocol, steps):
    """The optimizer of a protocol for a training of so many steps."""
    momentum = protocol.momentum
    match protocol.optimizer:
        case "adam":  # the penalty's gradient goes through its averages
            name, options = "Adam", dict(beta_1=momentum)
        case "muon":  # whose own decay is off: a protocol has its penalty
            options = dict(adam_beta_1=momentum, momentum=momentum, weight_decay=0.0, adam_weight_decay=0.0)
            name, options = "Muon", options | dict(exclude_layers=["bias$", "slopes$", "knots$"])
        case _:
            name, options = "SGD", dict(momentum=momentum, nesterov=momentum > 0)
    if not hasattr(keras.optimizers, name):
        raise ValueError(f"This Keras ({keras.__version__}) has no {name}. Received: optimizer={protocol.optimizer!r}")
    made = type(name, (Descent, getattr(keras.optimizers, name)), {})(schedule(protocol, steps), **options)
    made.protocol = protocol
    return made


def schedule(protocol, steps):
    """The learning rate by step, as Keras takes it."""
    peak = protocol.learning_rate
    match protocol.schedule:
        case "constant":
            return peak
        case "steps":
            bounds = [max(1, steps // 2), max(2, 3 * steps // 4)]
            return keras.optimizers.schedules.PiecewiseConstantDecay(bounds, [peak, peak / 10, peak / 100])
    climb = max(1, steps // 4)
    return keras.optimizers.schedules.CosineDecay(
        peak / 10, max(1, steps - climb), alpha=1e-3, warmup_target=peak, warmup_steps=climb
    )
