"""Derivatives on JAX of an operation whose first ones are written by hand.

Reverse mode works to any order, from the second on by the definition, a piece of the batch at a time; vmap works too,
and forward mode (jvp) is refused by JAX with its own sentence.
"""

import math
from functools import partial

import jax
import jax.numpy as jnp

from dendnet.ops import reference

TERMS = 2**22  # relu(x_i + b_ij) that second derivatives hold at once


def differentiable(forward, gradients):
    """run(x, kernel, bias, geometry), of values by forward(...) and gradients by gradients(..., dy, geometry)."""

    @partial(jax.jit, static_argnums=3)
    @partial(jax.custom_vjp, nondiff_argnums=(3,))
    def run(x, kernel, bias, geometry):
        return forward(x, kernel, bias, geometry)

    @partial(jax.jit, static_argnums=4)
    @partial(jax.custom_vjp, nondiff_argnums=(4,))
    def once(x, kernel, bias, dy, geometry):
        return gradients(x, kernel, bias, dy, geometry)

    run.__wrapped__.defvjp(
        lambda x, kernel, bias, geometry: (run(x, kernel, bias, geometry), (x, kernel, bias)),
        lambda geometry, saved, dy: once(*saved, dy, geometry),
    )
    once.__wrapped__.defvjp(
        lambda x, kernel, bias, dy, geometry: (once(x, kernel, bias, dy, geometry), (x, kernel, bias, dy)), second
    )
    return run


def second(geometry, saved, upstream):
    """What upstream gradients of dx, dkernel and dbias give back to saved, which is x, kernel, bias and dy."""

    def first(x, kernel, bias, dy):
        return jax.vjp(lambda x, kernel, bias: _definition(x, kernel, bias, geometry), x, kernel, bias)[1](dy)

    return jax.vjp(first, *saved)[1](tuple(upstream))


def _definition(x, kernel, bias, geometry):
    """The operation as reference.py writes it, a piece of the batch at a time, of which nothing is kept."""

    @jax.checkpoint
    def piece(x):
        return reference.connections(x, kernel, bias, jax.nn.relu, geometry)

    samples, terms = x.shape[0], math.prod(x.shape[1:-1]) * math.prod(kernel.shape)
    each = max(1, min(samples, TERMS // max(1, terms)))
    missing = -samples % each
    pieces = jnp.pad(x, [(0, missing), *[(0, 0)] * (x.ndim - 1)]).reshape(-1, each, *x.shape[1:])
    y = jax.lax.map(piece, pieces)
    return y.reshape(-1, *y.shape[2:])[:samples]
