"""The plain static graph: the sum once more, gradients, and nothing in the graph that an engine would not know."""

import keras
import numpy as np
import oracle
import pytest
from conv_cases import CASES, arrays
from every_layer import LAST
from keras import ops

from dendnet.layers import DACConv2D, DACDense
from dendnet.ops import dac_conv, dac_dense, plain

to_numpy = ops.convert_to_numpy
ELEMENTARY = {  # of JAX, by itself or in what ops calls
    "add", "broadcast_in_dim", "conv_general_dilated", "convert_element_type", "copy", "custom_jvp_call", "dot_general",
    "gather", "jit", "max", "mul", "pad", "pjit", "reduce_sum", "reshape", "slice", "squeeze", "stack", "transpose",
}  # fmt: skip


@pytest.mark.parametrize("sharing", ["taps", "none"])
@pytest.mark.parametrize("size, k, c_in, c_out, groups, settings", CASES)
def test_convolution_agrees_with_the_sum(rng, size, k, c_in, c_out, groups, settings, sharing):
    x, kernel, bias = arrays(rng, size, k, c_in, c_out, groups, sharing)
    y = to_numpy(dac_conv(x, kernel, bias, **settings, **LAST, implementation="plain"))
    expected = oracle.conv(x, kernel, bias, **settings)
    scale = oracle.conv(np.abs(x), np.abs(kernel), np.abs(bias), **settings) + 1e-30
    assert y.shape == expected.shape and (np.abs(y - expected) <= 1e-6 * scale).all()


@pytest.mark.parametrize("shape", [(3, 40), (2, 3, 40), (2, 1, 2, 2, 40), (40,)])
def test_dense_agrees_with_the_sum(rng, shape, monkeypatch):
    """In one piece, and in three."""
    x, kernel, bias = (rng.normal(size=s) for s in (shape, (40, 5), (40, 5)))
    expected = oracle.dense(x.reshape(-1, 40), kernel, bias, act=np.tanh).reshape(*shape[:-1], 5)
    for few in (2**18, 0):
        monkeypatch.setattr(plain, "FEW", few)
        y = to_numpy(dac_dense(x, kernel, bias, "tanh", "plain"))
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


def test_it_trains():
    model = keras.Sequential(
        [
            keras.Input((5, 5, 2)),
            DACConv2D(4, 3, padding="same", implementation="plain", **LAST),
            keras.layers.GlobalMaxPooling2D(),
            DACDense(1, use_output_bias=True, implementation="plain"),
        ]
    )
    x = np.random.default_rng(0).normal(size=(64, 5, 5, 2)).astype("float32")
    model.compile(keras.optimizers.Adam(0.03), "mse")
    loss = model.fit(x, np.abs(x[:, 0, 0, :1]), epochs=40, verbose=0).history["loss"]
    assert loss[-1] < 0.5 * loss[0]


@pytest.mark.filterwarnings("ignore:Converting a tensor")
def test_its_graph_has_no_loop_and_no_compiled_part():
    settings = dict(padding="same", strides=2, implementation="plain")
    layer = DACConv2D(64, 3, **settings, **LAST)
    x = np.ones((2, 32, 32, 16), "float32")
    layer(x)
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            graph = tf.function(layer).get_concrete_function(tf.TensorSpec((None, 32, 32, 16))).graph
            assert not graph.as_graph_def().library.function and "DepthwiseConv2dNative" in {
                operation.type for operation in graph.get_operations()
            }
        case "jax":
            import jax

            jaxpr = jax.make_jaxpr(layer)(x)
            assert set(_primitives(jaxpr.jaxpr)) <= ELEMENTARY
        case "torch":
            import torch

            graph = torch.jit.trace(layer, torch.tensor(x), check_trace=False).inlined_graph
            assert {node.kind().split("::")[0] for node in graph.nodes()} <= {"aten", "prim"}


def _primitives(jaxpr):
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in equation.params.values():
            if hasattr(inner, "jaxpr"):
                yield from _primitives(inner.jaxpr)
