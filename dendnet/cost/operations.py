"""What is counted, and how: the convention of every number in this package.

- Operations are multiplications (divisions among them), additions (subtractions among them) and comparisons (a
  maximum, a choice by a mask). ``flops`` is their sum. Functions (exp, tanh, a square root) are counted apart, one
  each, and are no FLOPs.
- A sum or a maximum of R terms has R additions or comparisons, since each term is added to what was there. So a
  multiply-add is two operations, and a matrix product n to m has 2 n m.
- The taps of a convolution that lie beyond the border are counted as all others, as published counts do.
- Of the unit, each distinct activation relu(x_i + b_ij) is counted once, however many weights use it: one addition
  and one comparison. Only the pixels that some tap sees have one; beyond the border there is none.
- A forward pass is inference: a batch normalization is then one multiplication and one addition for each number.
- A step is a forward pass in training and all gradients: for weights, biases and inputs, the first layer's among
  them. Nothing is computed twice. The gradient of an activation costs one choice by the mask for relu. Not counted:
  the loss, the optimizer, sums where one tensor has several readers, random numbers, and what is done once for a
  channel rather than for each number.
"""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Operations:
    """Numbers of operations by kind."""

    multiplications: int = 0
    additions: int = 0
    comparisons: int = 0
    functions: int = 0

    @property
    def flops(self):
        """Multiplications, additions and comparisons together."""
        return self.multiplications + self.additions + self.comparisons

    def __add__(self, other):
        return Operations(*(a + b for a, b in zip(self._counts(), other._counts(), strict=True)))

    def __mul__(self, times):
        return Operations(*(a * times for a in self._counts()))

    def _counts(self):
        return self.multiplications, self.additions, self.comparisons, self.functions

    def to_dict(self):
        """The counts by name, with their sum."""
        return asdict(self) | {"flops": self.flops}


@dataclass(frozen=True)
class Passes:
    """The operations of a forward pass (inference) and of a training step (forward pass and gradients)."""

    forward: Operations = Operations()
    step: Operations = Operations()

    def __add__(self, other):
        return Passes(self.forward + other.forward, self.step + other.step)

    def __mul__(self, times):
        return Passes(self.forward * times, self.step * times)


def passes(forward=(), backward=(), training=None):
    """Passes from counts in the order of Operations; training is the forward pass of a step, where that differs."""
    inference = Operations(*forward)
    return Passes(inference, (inference if training is None else Operations(*training)) + Operations(*backward))


NOTHING = Passes()
MULTIPLY_ADD = passes((1, 1), (2, 2))  # a weight that meets a number: y += w a; then da += w dy and dw += a dy
BIAS = passes((0, 1), (0, 1))  # y + c; then dc += dy

# For one number each: the activation, then its gradient times the one that comes in.
ACTIVATIONS = {
    "linear": NOTHING,
    "relu": passes((0, 0, 1), (0, 0, 1)),
    "relu6": passes((0, 0, 2), (0, 0, 2)),
    "leaky_relu": passes((1, 0, 1), (1, 0, 1)),
    "elu": passes((1, 1, 1, 1), (1, 1, 1)),
    "exponential": passes((0, 0, 0, 1), (1,)),
    "tanh": passes((0, 0, 0, 1), (2, 1)),
    "sigmoid": passes((0, 0, 0, 1), (2, 1)),
    "silu": passes((1, 0, 0, 1), (3, 2)),
    "softplus": passes((0, 0, 0, 1), (1, 0, 0, 1)),
    "gelu": passes((3, 1, 0, 1), (4, 1, 0, 1)),
    "softmax": passes((1, 2, 1, 1), (2, 2)),
}


def activation(function):
    """The operations of an activation for one number, or None where this package does not know it."""
    return ACTIVATIONS.get(getattr(function, "__name__", ""))
