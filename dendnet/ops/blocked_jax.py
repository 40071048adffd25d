"""The blocked operation on JAX: compiled by jit, with the hand-written gradient behind it."""

from dendnet.ops import blocked
from dendnet.ops.derivatives_jax import differentiable

run = differentiable(blocked.forward, blocked.gradients)
