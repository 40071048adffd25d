"""The unit's counts against loops that do every operation one by one, on networks drawn at random."""

import counter
import keras
import numpy as np
import pytest
from keras import ops

from dendnet.cost import layer_cost
from dendnet.layers import DACConv2D, DACConv2DTranspose, DACDense
from dendnet.ops import shapes

drawn = pytest.mark.parametrize("seed", range(25))


def choose(rng, *options):
    return options[rng.integers(len(options))]


def check(layer, x, windows, bias_of, gradients):
    """The loops compute the layer's output and gradients, and take what layer_cost says."""
    rng = np.random.default_rng(1)
    for variable in layer.weights:
        variable.assign(rng.normal(size=variable.shape))
    S = layer.dendrites
    y = ops.convert_to_numpy(layer(x))
    dy = rng.normal(size=y.shape)
    w, b = (ops.convert_to_numpy(a) for a in (layer.kernel, layer.bias))
    c = ops.convert_to_numpy(layer.output_bias) if layer.use_output_bias else np.zeros(0)
    repeated = np.repeat(x, S, axis=-1).reshape(len(x), -1, x.shape[-1] * S)
    flat = w.reshape(-1, *w.shape[-2:]), b.reshape(-1, *b.shape[-2:]) if layer.bias_sharing == "none" else b
    found, by_hand, forward, step = counter.unit(
        repeated, flat[0], flat[1], c, windows, bias_of, dy.reshape(len(x), -1, w.shape[-1])
    )
    np.testing.assert_allclose(found.reshape(y.shape), y, rtol=1e-4, atol=1e-4)

    def loss(x, w, b):
        with keras.StatelessScope([(layer.kernel, w), (layer.bias, b)]):
            return ops.sum(layer(x) * ops.convert_to_tensor(dy, "float32"))

    dx, dw, db = gradients(loss, x, w, b)
    by_hand[0] = by_hand[0].reshape(*x.shape, S).sum(axis=-1)
    for ours, theirs in zip(by_hand, (dx, dw, db), strict=True):
        np.testing.assert_allclose(ours.reshape(theirs.shape), theirs, rtol=1e-3, atol=1e-3)
    cost = layer_cost(layer, x.shape[1:], batch_size=len(x))
    assert (cost.forward, cost.step) == (forward, step)
    assert cost.weights + cost.biases + cost.state == layer.count_params()


@drawn
def test_dense(seed, gradients):
    rng = np.random.default_rng(seed)
    n, m, N = rng.integers(1, 5, 3)
    sharing = choose(rng, "none", "outputs")
    layer = DACDense(int(m), bias_sharing=sharing, dendrites=int(rng.integers(1, 4)), use_output_bias=bool(seed % 2))
    x = rng.normal(size=(N, n)).astype("float32")
    layer.build(x.shape)
    index = (lambda t, i, row, j: (0, row, j)) if sharing == "none" else (lambda t, i, row, j: i)
    check(layer, x, lambda place: [0], index, gradients)


@drawn
def test_conv(seed, gradients):
    rng = np.random.default_rng(seed)
    groups = int(choose(rng, 1, 1, 2))
    strides, dilation = choose(rng, (1, 1), (1, 1), (2, 1), ((2, 1), 1), (1, 2))
    sharing = choose(rng, "taps", "none", "outputs")
    layer = DACConv2D(
        int(groups * rng.integers(1, 3)), tuple(int(k) for k in rng.integers(1, 4, 2)), strides,
        padding=choose(rng, "same", "valid"), dilation_rate=dilation, groups=groups, bias_sharing=sharing,
        dendrites=int(choose(rng, 1, 1, 2)), use_output_bias=bool(seed % 2), data_format="channels_last",
    )  # fmt: skip
    size = tuple(int(s) for s in rng.integers(5, 7, 2))
    x = rng.normal(size=(2, *size, int(groups * rng.integers(1, 3)))).astype("float32")
    layer.build(x.shape)
    out, borders = shapes.axes(size, layer.kernel_size, layer.geometry)

    def windows(place):
        place = np.unravel_index(place, out)
        for tap in np.ndindex(*layer.kernel_size):
            pixel = [
                p * s - before + t * d
                for p, s, (before, _), t, d in zip(place, layer.strides, borders, tap, layer.dilation_rate, strict=True)
            ]
            inside = all(0 <= q < extent for q, extent in zip(pixel, size, strict=True))
            yield int(np.ravel_multi_index(pixel, size)) if inside else None

    index = {
        "taps": lambda t, i, row, j: (row, j),
        "none": lambda t, i, row, j: (t, row, j),
        "outputs": lambda t, i, row, j: i,
    }[sharing]
    check(layer, x, windows, index, gradients)


@pytest.mark.parametrize("k, stride, growth", [(1, 1, 1), (3, 1, 1 / 9), (3, 2, 4 / 9), (7, 1, 1 / 49), (1, 2, 1)])
def test_growth_of_a_convolution(k, stride, growth):
    """1/9 at stride 1, 4/9 at stride 2: activations beside the multiply-adds of the kernel."""
    layer = DACConv2D(64, k, stride, padding="same", data_format="channels_last")
    layer.build((None, 32, 32, 16))
    cost = layer_cost(layer)
    kernel = 2 * 32 * 32 // stride**2 * k * k * 16 * 64
    assert cost.flops == round(kernel * (1 + growth))
    assert cost.biases * k * k == cost.weights


def test_dense_by_hand():
    layer = DACDense(50)
    layer.build((None, 100))
    cost = layer_cost(layer, batch_size=2)
    assert (cost.forward.multiplications, cost.forward.additions, cost.forward.comparisons) == (10000, 20000, 10000)
    assert cost.step.flops == 10 * 2 * 100 * 50
    assert layer_cost(layer, (7, 100)).flops == 7 * 4 * 100 * 50


def test_data_formats_cost_the_same():
    costs = []
    for data_format, shape in [("channels_last", (9, 7, 4)), ("channels_first", (4, 9, 7))]:
        layer = DACConv2D(6, 3, 2, padding="same", data_format=data_format, use_output_bias=True, bias_sharing="none")
        layer.build((None, *shape))
        cost = layer_cost(layer).to_dict()
        costs.append([cost[key] for key in ("weights", "biases", "forward", "step", "executed", "kept", "temporary")])
    assert costs[0] == costs[1]


def test_other_activations():
    """Of relu one comparison each way; tanh is one function, its gradient t' = 1 - t t, times the incoming one."""
    layer = DACDense(5, dendrite_activation="tanh")
    layer.build((None, 3))
    cost = layer_cost(layer)
    assert (cost.forward.functions, cost.forward.comparisons) == (15, 0)
    assert cost.step.multiplications == 15 * (3 + 2) and list(cost.executed) == ["reference"]


def test_sharing_with_all_outputs_is_relu_and_a_standard_layer():
    dac = DACConv2D(8, 3, padding="same", bias_sharing="outputs", data_format="channels_last")
    standard = keras.layers.Conv2D(8, 3, padding="same", use_bias=False, data_format="channels_last")
    for layer in (dac, standard):
        layer.build((None, 6, 6, 4))
    filtered = 6 * 6 * 4
    assert layer_cost(dac).flops == layer_cost(standard).flops + 2 * filtered
    assert layer_cost(dac).step.flops == layer_cost(standard).step.flops + 4 * filtered


@pytest.mark.parametrize("sharing, activations", [("taps", 6 * 3 * 4), ("none", 6 * 3 * 4 * 9), ("outputs", 6 * 3)])
def test_a_transposed_convolution_is_counted_at_the_inputs(sharing, activations):
    """2 x 3 pixels of 3 channels to 4 by 9 taps: 648 multiply-adds, and an addition and a comparison an activation."""
    layer = DACConv2DTranspose(4, 3, strides=2, padding="same", bias_sharing=sharing, data_format="channels_last")
    layer.build((None, 2, 3, 3))
    cost = layer_cost(layer)
    assert cost.output_shape == (1, 4, 6, 4) and cost.weights == 108
    assert cost.flops == 2 * 648 + 2 * activations
    assert cost.step.flops == 3 * 2 * 648 + 4 * activations
    # Each tap is computed by itself, unless all outputs share their biases.
    executed = activations if sharing == "outputs" else 648
    assert cost.executed["reference"].forward.flops == 2 * 648 + 2 * executed
