"""The optimizer: Nesterov's momentum, a penalty on kernels, and settings of their own for dendrites' biases."""

import keras
from keras import ops

from dendnet.optimizers import BiasLearningRate, is_bias


class SGD(BiasLearningRate, keras.optimizers.SGD):
    """Gradient descent of the loss plus λ/2 w², with λ and the rate by kind of weight.

    Args:
        protocol: A :class:`Protocol`.
        steps: Steps of the whole training.
    """

    def __init__(self, protocol, steps):
        super().__init__(schedule(protocol, steps), momentum=protocol.momentum, nesterov=protocol.momentum > 0)
        self.protocol, self.bias_factor = protocol, protocol.bias_learning_rate

    def build(self, variables):
        super().build(variables)
        self.penalties = [self.penalty(variable) for variable in variables]

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
