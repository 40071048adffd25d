"""Fixtures for every backend: the same test code differentiates on TensorFlow, JAX and torch."""

import keras
import numpy as np
import pytest


@pytest.hookimpl(tryfirst=True)  # before pytest chooses by marks
def pytest_collection_modifyitems(items):
    """make test-all runs what is slow on TensorFlow alone; elsewhere such tests stay among the others."""
    for item in items:
        if item.get_closest_marker("slow_on_tensorflow") and keras.backend.backend() == "tensorflow":
            item.add_marker("slow")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def gradients():
    """gradients(f, *arrays): of the scalar tensor f(*tensors), by the backend's own automatic differentiation."""

    def of(f, *arrays):
        tensors = [keras.ops.convert_to_tensor(a, "float32") for a in arrays]
        match keras.backend.backend():
            case "tensorflow":
                import tensorflow as tf

                with tf.GradientTape() as tape:
                    tape.watch(tensors)
                    value = f(*tensors)
                found = tape.gradient(value, tensors)
            case "jax":
                import jax

                found = jax.grad(f, argnums=tuple(range(len(tensors))))(*tensors)
            case "torch":
                import torch

                tensors = [t.detach().requires_grad_(True) for t in tensors]
                found = torch.autograd.grad(f(*tensors), tensors)
        return [np.asarray(keras.ops.convert_to_numpy(g)) for g in found]

    return of
