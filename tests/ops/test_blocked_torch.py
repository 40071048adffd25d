"""The blocked form on torch alone: its compiled and eager reductions, and torch's transformations around it."""

import shutil

import keras
import numpy as np
import pytest

from dendnet.layers import DACConv2D, DACDense
from dendnet.ops import dac_conv, dac_dense

if keras.backend.backend() != "torch":
    pytest.skip("torch's own transformations", allow_module_level=True)

import torch

from dendnet.ops import blocked_torch, reductions_torch

# x, kernel and bias: shared by the taps, one for each weight, and a dense layer
CASES = [((3, 9, 8, 5), (3, 3, 5, 6), (5, 6)), ((3, 9, 8, 2), (2, 3, 2, 3), (2, 3, 2, 3)),
         ((7, 33), (33, 18), (33, 18))]  # fmt: skip


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


@pytest.fixture
def always_compiled(monkeypatch):
    """However few the terms are."""
    monkeypatch.setattr(reductions_torch, "MANY_TERMS", 0)
    monkeypatch.setattr(reductions_torch, "_failed", set())


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_reductions_agree_with_the_definition(always_compiled, dtype):
    for shapes in CASES:
        arrays = normal(*shapes, dtype=dtype)
        agree(step(arrays), step(arrays, "reference"))
    assert not reductions_torch._failed


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_compiled_silent_connections_and_knots_have_gradients_of_zero(always_compiled):
    for bias in (-1000.1, -0.25):
        x, w, b = (torch.full(s, v).requires_grad_() for s, v in [((20, 3), 0.25), ((3, 2), 1.7), ((3, 2), bias)])
        assert not any(g.any() for g in torch.autograd.grad(value(x, w, b).sum(), (x, w, b)))
    assert not reductions_torch._failed


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_layers_of_other_sizes_compile_nothing_anew(always_compiled):
    """Weights are parameters, whose sizes torch.compile holds for fixed: after eight compilations it would give up."""

    def train(channels):
        layer = DACConv2D(channels, 3, implementation="blocked")
        layer(torch.randn(2, 9, 9, channels + 1)).sum().backward()

    torch._dynamo.reset()
    train(3)
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    for channels in range(4, 14):
        train(channels)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == graphs
    assert not reductions_torch._failed


def test_where_nothing_compiles_loops_take_over_once(always_compiled, monkeypatch):
    tried = []

    def compile_nothing(reduction):
        tried.append(reduction)
        raise RuntimeError("no compiler")

    monkeypatch.setattr(reductions_torch, "_compiled", compile_nothing)
    for shapes in CASES:
        arrays = normal(*shapes)
        agree(step(arrays), step(arrays, "reference"))
    assert len(tried) == 3


def test_pieces_of_the_batch_add_up(monkeypatch):
    monkeypatch.setattr(blocked_torch, "PIECE", 1000)
    for x, *others in CASES:
        arrays = normal((20 * x[0], *x[1:]), *others)
        agree(step(arrays), step(arrays, "reference"))


def test_torch_compile_around_it():
    compiled = torch.compile(value, fullgraph=True, backend="aot_eager")
    for shapes in CASES:
        arrays = normal(*shapes)
        y = compiled(*arrays)
        agree([y, *torch.autograd.grad((y**2).sum(), arrays)], step(arrays, "reference"))


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
def test_keras_jit_compile_trains():
    model = keras.Sequential([keras.Input((4,)), DACDense(8, implementation="blocked")])
    model.compile("sgd", "mse", jit_compile=True)
    x = np.random.default_rng(0).normal(size=(32, 4))
    loss = model.fit(x, np.tile(x, 2), epochs=8, verbose=0).history["loss"]
    assert loss[-1] < loss[0]


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_per_example_gradients():
    x, w, b = normal(*CASES[2])

    def each(implementation):
        one = torch.func.grad(lambda w, x: (value(x[None], w, b, implementation) ** 2).sum())
        return torch.func.vmap(one, in_dims=(None, 0))(w, x)

    agree([each("blocked")], [each("reference")])


def test_forward_mode_is_refused():
    x, w, b = normal(*CASES[2])
    gradient = torch.func.grad(lambda x: (value(x, w, b) ** 2).sum())
    for f in (lambda x: value(x, w, b), gradient):
        with pytest.raises(NotImplementedError, match="jvp"):
            torch.func.jvp(f, (x,), (x,))
