"""Keras's own layers: counts by hand, for two samples."""

import keras
import pytest
from keras import layers

from dendnet.cost import layer_cost, model_cost
from dendnet.cost.operations import ACTIVATIONS

LAST = {"data_format": "channels_last"}
IMAGE, VOLUME, SERIES = (4, 6, 3), (4, 4, 4, 2), (6, 3)
# layer, input, FLOPs of one sample forward, and of a training step
TABLE = [
    (layers.Dense(5), (3,), 2 * 15 + 5, 6 * 15 + 2 * 5),
    (layers.Dense(5, "relu", use_bias=False), (7, 3), 7 * (2 * 15 + 5), 7 * (6 * 15 + 2 * 5)),
    (layers.Conv1D(4, 3, padding="causal"), SERIES, 6 * 4 * (2 * 9 + 1), 6 * 4 * (6 * 9 + 2)),
    (layers.Conv2D(4, 3, **LAST), IMAGE, 2 * 4 * 4 * (2 * 27 + 1), 2 * 4 * 4 * (6 * 27 + 2)),
    (layers.Conv2D(6, 3, 2, "same", groups=3, use_bias=False, **LAST), IMAGE, 6 * 6 * 2 * 9, 6 * 6 * 6 * 9),
    (layers.Conv3D(3, 2, padding="same", use_bias=False, **LAST), VOLUME, 64 * 3 * 2 * 16, 64 * 3 * 6 * 16),
    (layers.DepthwiseConv1D(3, padding="same", use_bias=False), SERIES, 18 * 2 * 3, 18 * 6 * 3),
    (layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, **LAST), IMAGE, 24 * 6 * 19, 24 * 6 * (54 + 2)),
    (layers.SeparableConv2D(5, 3, padding="same", use_bias=False, **LAST), IMAGE, 24 * 2 * (27 + 15), 24 * 6 * 42),
    (layers.Conv2DTranspose(4, 2, 2, use_bias=False, **LAST), IMAGE, 24 * 3 * 2 * 16, 24 * 3 * 6 * 16),
    (layers.BatchNormalization(), IMAGE, 72 * 2, 72 * (6 + 9)),
    (layers.LayerNormalization(), IMAGE, 72 * 7, 72 * (7 + 12)),
    (layers.MaxPooling2D(2, **LAST), IMAGE, 18 * 4, 18 * 5),
    (layers.AveragePooling1D(3), SERIES, 6 * 4, 6 * 8),
    (layers.GlobalAveragePooling2D(**LAST), IMAGE, 72 + 3, 72 + 6),
    (layers.GlobalMaxPooling1D(), SERIES, 18, 18),
    (layers.ReLU(), IMAGE, 72, 144),
    (layers.ReLU(max_value=6.0), IMAGE, 144, 288),
    (layers.LeakyReLU(), IMAGE, 144, 288),
    (layers.PReLU(), (3,), 6, 18),
    (layers.Activation("relu"), IMAGE, 72, 144),
    (layers.Activation("linear"), IMAGE, 0, 0),
    (layers.Softmax(), (3,), 3 * 4, 3 * 8),
    (layers.Add(), [(3,)] * 3, 6, 6),
    (layers.Subtract(), [(3,)] * 2, 3, 6),
    (layers.Multiply(), [(3,)] * 2, 3, 9),
    (layers.Average(), [(3,)] * 2, 6, 9),
    (layers.Maximum(), [(3,)] * 3, 6, 15),
    (layers.Concatenate(), [(3,)] * 2, 0, 0),
    (layers.Flatten(), IMAGE, 0, 0),
    (layers.ZeroPadding2D(1, **LAST), IMAGE, 0, 0),
    (layers.Dropout(0.5), IMAGE, 0, 72 * 3),
    (layers.Rescaling(1 / 255), IMAGE, 144, 216),
]


@pytest.mark.parametrize("layer, shape, forward, step", TABLE, ids=lambda v: type(v).__name__)
def test_by_hand(layer, shape, forward, step):
    inputs = [keras.Input(s) for s in shape] if isinstance(shape, list) else keras.Input(shape)
    layer(inputs)
    cost = layer_cost(layer, shape, batch_size=2)
    assert (cost.flops, cost.step.flops) == (2 * forward, 2 * step)
    assert cost.parameters + cost.state == layer.count_params()
    assert all(done.forward == cost.forward and done.step == cost.step for done in cost.executed.values())


def test_groups_of_weights():
    layer = layers.BatchNormalization()
    layer.build((None, 7))
    cost = layer_cost(layer)
    assert (cost.weights, cost.biases, cost.state) == (7, 7, 14)
    layer.trainable = False
    assert layer_cost(layer).parameters == 14


def test_half_precision_is_half_the_memory():
    for dtype, size in [("float32", 4), ("mixed_float16", 2), ("mixed_bfloat16", 2)]:
        layer = layers.Dense(5, dtype=dtype)
        layer.build((None, 3))
        assert layer_cost(layer, batch_size=7).kept["reference"] == 7 * 3 * size


def test_every_activation_is_keras_own():
    for name in ACTIVATIONS:
        assert keras.activations.get(name).__name__ == name


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="XLA's cost analysis, through JAX")
@pytest.mark.parametrize("padding, border", [("valid", False), ("same", True)])
def test_xla_cost_analysis(padding, border):
    """XLA counts a convolution's multiply-adds as two, but not those of taps beyond the border."""
    import jax

    layer = layers.Conv2D(5, 3, padding=padding, use_bias=False, data_format="channels_last")
    layer.build((None, 6, 7, 4))
    x = jax.numpy.ones((2, 6, 7, 4))
    found = jax.jit(lambda x: layer(x)).lower(x).cost_analysis()["flops"]
    inside = (3 * 6 - 2) * (3 * 7 - 2)  # of the taps along an axis only the first's and the last's go beyond, once each
    beyond = 9 * 6 * 7 - inside
    assert found == layer_cost(layer, batch_size=2).flops - border * 2 * 2 * 20 * beyond


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="XLA's cost analysis, through JAX")
def test_xla_cost_analysis_of_a_dense_step():
    """XLA counts the same for a product and its gradients: 6 n m for a sample."""
    import jax

    layer = layers.Dense(5, use_bias=False)
    layer.build((None, 3))
    kernel = layer.kernel.value

    def step(x, kernel, dy):
        y, back = jax.vjp(lambda x, kernel: x @ kernel, x, kernel)
        return y, back(dy)

    found = jax.jit(step).lower(jax.numpy.ones((2, 3)), kernel, jax.numpy.ones((2, 5))).cost_analysis()["flops"]
    assert found == layer_cost(layer, batch_size=2).step.flops


def test_a_tensor_is_kept_once():
    """A normalization needs its input, relu its output, which is also the next layer's input."""
    inputs = keras.Input((8,))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(4)(inputs)))
    model = keras.Model(inputs, layers.Add()([layers.Dense(3)(x), layers.Dense(3)(x)]))
    kept = [row.kept["fused"] // 4 for row in model_cost(model).layers]
    assert sorted(kept) == [0, 0, 0, 4, 4, 8] and sum(kept) == 16
