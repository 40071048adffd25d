"""What the benchmarks run: layer sizes, the standard layer, and each implementation as a function to time."""

import math
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from dendnet.ops import available_implementations, dac_conv, dac_dense


class Case(NamedTuple):
    """One layer at one batch size; a dense one has neither size nor k."""

    name: str
    N: int
    size: tuple[int, ...]
    k: tuple[int, ...]
    c_in: int
    c_out: int
    stride: int = 1

    @property
    def out(self):
        """The output's size under padding "same"."""
        return tuple(-(-s // self.stride) for s in self.size)

    @property
    def input(self):
        """Numbers of x."""
        return self.N * math.prod(self.size) * self.c_in

    @property
    def output(self):
        """Numbers of y."""
        return self.N * math.prod(self.out) * self.c_out

    @property
    def terms(self):
        """Numbers relu(x_i + b_ij), one for each product."""
        return self.output * math.prod(self.k) * self.c_in


FEW_TERMS = [
    Case("dense 32 x 16 x 16", 32, (), (), 16, 16),
    Case("dense 32 x 64 x 64", 32, (), (), 64, 64),
    Case("dense 64 x 128 x 128", 64, (), (), 128, 128),
    Case("convolution, 8 at 8 px, batch 8", 8, (8, 8), (3, 3), 8, 8),
]
DENSE = [Case("dense 256 x 512 x 512", 256, (), (), 512, 512)]
RESNET20 = [
    Case("ResNet-20, 16 at 32 px", 64, (32, 32), (3, 3), 16, 16),
    Case("ResNet-20, 16 to 32, stride 2", 64, (32, 32), (3, 3), 16, 32, 2),
    Case("ResNet-20, 32 at 16 px", 64, (16, 16), (3, 3), 32, 32),
    Case("ResNet-20, 32 to 64, stride 2", 64, (16, 16), (3, 3), 32, 64, 2),
    Case("ResNet-20, 64 at 8 px", 64, (8, 8), (3, 3), 64, 64),
    Case("ResNet-20, 1x1 16 to 32, stride 2", 64, (32, 32), (1, 1), 16, 32, 2),
]
RESNET18 = [
    Case("ResNet-18, 64 at 56 px", 8, (56, 56), (3, 3), 64, 64),
    Case("ResNet-18, 128 at 28 px", 8, (28, 28), (3, 3), 128, 128),
    Case("ResNet-18, 256 at 14 px", 8, (14, 14), (3, 3), 256, 256),
    Case("ResNet-18, 512 at 7 px", 8, (7, 7), (3, 3), 512, 512),
]
QUICK = [DENSE[0], RESNET20[0], RESNET20[4]]
ALL = FEW_TERMS + DENSE + RESNET20 + RESNET18
LARGEST_REFERENCE = 2**28  # terms: a gigabyte in float32


def arguments(case):
    """x, kernel and bias of normal random numbers."""
    rng = np.random.default_rng(0)
    shapes = [(case.N, *case.size, case.c_in), (*case.k, case.c_in, case.c_out), (case.c_in, case.c_out)]
    return [ops.convert_to_tensor(rng.normal(size=s), "float32") for s in shapes]


def candidates(case):
    """The standard layer first, then each implementation, as functions of x, kernel and bias."""
    settings = dict(strides=case.stride, padding="same", data_format="channels_last")
    if case.k:
        found = {"standard": lambda x, w, b: ops.conv(ops.relu(x), w, **settings)}
    else:
        found = {"standard": lambda x, w, b: ops.matmul(ops.relu(x), w)}
    for name in available_implementations():
        if name in ("auto", "plain") or (name == "reference" and case.terms > LARGEST_REFERENCE):
            continue
        if case.k:
            found[name] = lambda x, w, b, i=name: dac_conv(x, w, b, **settings, implementation=i)
        else:
            found[name] = lambda x, w, b, i=name: dac_dense(x, w, b, implementation=i)
    return found


def step(function):
    """The forward pass and every gradient of the loss sum y^2 / 2, whose gradient for y is y."""
    match keras.backend.backend():
        case "jax":
            import jax

            def run(x, w, b):
                y, back = jax.vjp(function, x, w, b)
                return [y, *back(y)]
        case "tensorflow":
            import tensorflow as tf

            def run(x, w, b):
                with tf.GradientTape() as tape:
                    tape.watch([x, w, b])
                    y = function(x, w, b)
                return [y, *tape.gradient(y, [x, w, b], y, unconnected_gradients="zero")]
        case _:
            import torch

            def run(x, w, b):
                x, w, b = (a.detach().requires_grad_(True) for a in (x, w, b))
                y = function(x, w, b)
                return [y, *torch.autograd.grad(y, [x, w, b], y.detach(), allow_unused=True)]

    return run


def ready(function):
    """The function compiled as Keras compiles on this backend; it returns when its results are there."""
    match keras.backend.backend():
        case "jax":
            import jax

            run = jax.jit(function)
            return lambda *arguments: jax.block_until_ready(run(*arguments))
        case "tensorflow":
            import tensorflow as tf

            run = tf.function(function, autograph=False)
            return lambda *arguments: [np.asarray(a).ravel()[:1] for a in run(*arguments)]
    import torch

    def waited(*arguments):
        results = function(*arguments)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return results

    return waited
