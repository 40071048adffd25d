"""The blocked and the native form on torch alone: pieces, and torch's transformations around them."""

import shutil

import keras
import numpy as np
import pytest

from dendnet.layers import DACDense
from dendnet.ops import available_implementations, dac_conv, dac_dense

if keras.backend.backend() != "torch":
    pytest.skip("torch's own transformations", allow_module_level=True)

import torch

from dendnet.ops import blocked_torch

# x, kernel and bias: shared by the taps, one for each weight, and a dense layer
CASES = [((3, 9, 8, 5), (3, 3, 5, 6), (5, 6)), ((3, 9, 8, 2), (2, 3, 2, 3), (2, 3, 2, 3)),
         ((7, 33), (33, 18), (33, 18))]  # fmt: skip


FORMS = [name for name in ("blocked", "native") if name in available_implementations()]


def normal(*shapes, dtype=torch.float32):
    torch.manual_seed(0)
    return [torch.randn(s, dtype=dtype).requires_grad_() for s in shapes]


def value(x, w, b, implementation="blocked"):
    if w.ndim == 2:
        return dac_dense(x, w, b, implementation=implementation)
    return dac_conv(x, w, b, strides=(2, 1), padding="same", data_format="channels_last", implementation=implementation)


def step(arrays, implementation="blocked"):
    y = value(*arrays, implementation)
    return [y, *torch.autograd.grad((y**2).sum(), arrays)]


def agree(found, expected):
    for f, e in zip(found, expected, strict=True):
        torch.testing.assert_close(f, e, rtol=1e-4, atol=1e-4)


def test_pieces_of_the_batch_add_up(monkeypatch):
    monkeypatch.setattr(blocked_torch, "PIECE", 1000)
    for x, *others in CASES:
        arrays = normal((20 * x[0], *x[1:]), *others)
        agree(step(arrays), step(arrays, "reference"))


@pytest.mark.parametrize("form", FORMS)
def test_torch_compile_around_it(form):
    compiled = torch.compile(value, fullgraph=True, backend="aot_eager")
    for shapes in CASES:
        arrays = normal(*shapes)
        y = compiled(*arrays, form)
        agree([y, *torch.autograd.grad((y**2).sum(), arrays)], step(arrays, "reference"))


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_keras_jit_compile_trains():
    model = keras.Sequential([keras.Input((4,)), DACDense(8, implementation="blocked")])
    model.compile("sgd", "mse", jit_compile=True)
    x = np.random.default_rng(0).normal(size=(32, 4))
    loss = model.fit(x, np.tile(x, 2), epochs=8, verbose=0).history["loss"]
    assert loss[-1] < loss[0]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_per_example_gradients(form):
    x, w, b = normal(*CASES[2])

    def each(implementation):
        one = torch.func.grad(lambda w, x: (value(x[None], w, b, implementation) ** 2).sum())
        return torch.func.vmap(one, in_dims=(None, 0))(w, x)

    agree([each(form)], [each("reference")])


@pytest.mark.parametrize("form", FORMS)
def test_forward_mode_is_refused(form):
    x, w, b = normal(*CASES[2])
    gradient = torch.func.grad(lambda x: (value(x, w, b, form) ** 2).sum())
    for f in (lambda x: value(x, w, b, form), gradient):
        with pytest.raises(NotImplementedError, match="jvp"):
            torch.func.jvp(f, (x,), (x,))
