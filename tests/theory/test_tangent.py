"""The biases' share in the tangent kernel: against derivatives written out, and against the theorem, exactly.

The theorem asks of the weights no more than variance and no correlation. Rows of a Hadamard matrix, spread over the
outputs, have both exactly; and inputs +-r, each with its negative, are symmetric. So nothing here is left to chance.
"""

import itertools

import keras
import numpy as np
import pytest
from scipy.linalg import hadamard

from dendnet.layers import DACConv1D, DACConv2D, DACDense
from dendnet.models import mlp
from dendnet.optimizers import with_bias_learning_rate
from dendnet.theory import bias_share, expected_bias_share

LAST = {"data_format": "channels_last"}


def uncorrelated(layer, sigma):
    """Give the layer a kernel of +-sigma, whose rows are orthogonal over a group's outputs within each channel."""
    *taps, _, outputs = layer.kernel.shape
    groups = getattr(layer, "groups", 1)
    signs = hadamard(outputs // groups)[1 : 1 + int(np.prod(taps, dtype=int))].reshape(*taps, 1, outputs // groups)
    signs = np.tile(signs, groups)
    layer._kernel.assign(np.broadcast_to(sigma * signs, layer.kernel.shape).astype("float32"))


def symmetric(rng, shape, r):
    x = r * rng.choice([-1.0, 1.0], (2, *shape))
    return np.concatenate([x, -x]).astype("float32")


def test_by_hand():
    """Input 1 passes both outputs, input 2 the second alone, whose own bias lets it through."""
    layer = DACDense(2)
    layer.build((None, 2))
    layer.set_weights([np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [0.0, 2.0]])])
    (found,) = bias_share(layer, np.array([[1.0, -1.0]], "float32"))
    assert found.kernel == pytest.approx((1**2 + (2**2 + 1**2)) / 2)
    assert found.bias == pytest.approx((1**2 + (2**2 + 4**2)) / 2)
    assert found.share == pytest.approx(21 / (21 + 6))


@pytest.mark.parametrize("sharing", ["none", "taps", "outputs"])
@pytest.mark.parametrize("padding, strides", [("valid", 1), ("same", 2)])
def test_convolution_written_out(rng, sharing, padding, strides):
    """Every derivative, output by output and tap by tap, with groups and two dendrites."""
    layer = DACConv1D(4, 3, strides, padding, groups=2, dendrites=2, bias_sharing=sharing, **LAST)
    layer.build((None, 6, 4))
    layer.set_weights([rng.normal(size=v.shape) for v in layer.variables])
    w, b = (keras.ops.convert_to_numpy(v) for v in layer.variables)
    x = rng.normal(size=(2, 6, 4)).astype("float32")
    places = layer.compute_output_shape(x.shape)[1]
    kernel, bias = 0.0, 0.0
    for sample, place, j in itertools.product(range(2), range(places), range(4)):
        for_b = np.zeros_like(b)
        for t, row in itertools.product(range(3), range(4)):
            pixel, channel = place * strides + t, row // 2 + 2 * (j // 2)
            if pixel >= 6:  # "same" with stride 2 adds one pixel, behind the last
                continue
            at = {"none": (t, row, j), "taps": (row, j), "outputs": (2 * channel + row % 2,)}[sharing]
            active = max(x[sample, pixel, channel] + b[at], 0)
            kernel += active**2
            for_b[at] += w[t, row, j] * (active > 0)
        bias += np.sum(for_b**2)
    (found,) = bias_share(layer, x)
    np.testing.assert_allclose(found[1:], np.array([kernel, bias]) / (2 * places * 4), rtol=1e-5)


@pytest.mark.parametrize("sharing", ["none", "outputs"])
@pytest.mark.parametrize("dendrites", [1, 2, 3, 5])
@pytest.mark.parametrize("r", [0.3, 1.2])
def test_theorem_dense(rng, sharing, dendrites, r):
    layer = DACDense(2, bias_sharing=sharing, dendrites=dendrites)
    layer.build((None, 6))
    uncorrelated(layer, (2 / (6 * dendrites)) ** 0.5)
    (found,) = bias_share(layer, symmetric(rng, (6,), r))
    assert found.share == pytest.approx(expected_bias_share(6 * dendrites, dendrites, r**2), rel=1e-5)
    assert found.bias == pytest.approx(1, rel=1e-5)


@pytest.mark.parametrize("sharing", ["none", "taps", "outputs"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "same"},
        {"padding": "same", "strides": 2},
        {"padding": "same", "dilation_rate": 2},
        {"groups": 2},
        {"dendrites": 2},
        {"padding": "same", "dendrites": 3, "groups": 2},
    ],
)
def test_theorem_convolution(rng, sharing, options):
    """At the border an output has fewer connections, and both traces fall alike."""
    layer = DACConv1D(4 * options.get("groups", 1), 3, bias_sharing=sharing, **options, **LAST)
    layer.build((None, 4, 2))
    fan_in = 3 * layer.kernel.shape[-2]
    uncorrelated(layer, (2 / fan_in) ** 0.5)
    (found,) = bias_share(layer, symmetric(rng, (4, 2), 1.2)[::2])
    assert found.share == pytest.approx(expected_bias_share(fan_in, layer.dendrites, 1.2**2), rel=1e-5)
    whole = options.get("padding") != "same"
    assert found.bias == pytest.approx(1, rel=1e-5) if whole else found.bias < 0.95


@pytest.mark.parametrize("sharing", ["none", "taps", "outputs"])
def test_theorem_in_two_dimensions(rng, sharing):
    layer = DACConv2D(16, 3, 2, "same", bias_sharing=sharing, **LAST)
    layer.build((None, 4, 4, 2))
    uncorrelated(layer, (2 / 18) ** 0.5)
    (found,) = bias_share(layer, symmetric(rng, (4, 4, 2), 1.2)[::2])
    assert found.share == pytest.approx(expected_bias_share(18, variance=1.2**2), rel=1e-5)


def test_start_of_the_networks_is_hes():
    """On average over kernels as they are drawn, truncated normal ones, within 10 %."""
    layer = DACConv2D(8, 3, kernel_initializer=keras.initializers.HeNormal(0), **LAST)
    layer.build((None, 3, 3, 32))
    x = np.random.default_rng(1).normal(size=(8, 3, 3, 32)).astype("float32")
    (found,) = bias_share(layer, x)
    assert found.share == pytest.approx(expected_bias_share(9 * 32), rel=0.1)


def test_without_symmetry_the_general_form_holds(rng):
    """Inputs that always pass: P = 1 and q is their mean square, ten times their variance."""
    layer = DACDense(2)
    layer.build((None, 6))
    uncorrelated(layer, 0.5)
    (found,) = bias_share(layer, symmetric(rng, (6,), 1.0) + 3)
    assert found.share == pytest.approx(0.25 / (0.25 + 10), rel=1e-5)
    assert found.share < 0.2 * expected_bias_share(6, kernel_variance=0.25)


def test_batch_normalization_before_the_layer(rng):
    """It makes variance 1 of any inputs in training; at the start, by its own averages, it changes nothing."""
    model = keras.Sequential([keras.Input((6,)), keras.layers.BatchNormalization(epsilon=1e-6), DACDense(2)])
    uncorrelated(model.layers[-1], (2 / 6) ** 0.5)
    x = 5 + symmetric(rng, (6,), 3.0)
    before = [keras.ops.convert_to_numpy(v) for v in model.non_trainable_variables]
    (found,) = bias_share(model, x, training=True)
    assert found.share == pytest.approx(expected_bias_share(6), rel=1e-4)
    for variable, value in zip(model.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)
    assert bias_share(model, x)[0].share < 0.2 * found.share


def test_batch_normalization_behind_the_layer():
    """It takes away what moves all examples alike: 1/2 of the biases' trace and 1/pi of the weights'."""
    layer = DACDense(2, kernel_initializer=keras.initializers.HeNormal(3))
    model = keras.Sequential([keras.Input((64,)), layer, keras.layers.BatchNormalization()])
    x = np.random.default_rng(4).normal(size=(64, 64)).astype("float32")
    (alone,), (found,) = bias_share(layer, x), bias_share(model, x, training=True)
    ratios = found.bias / alone.bias, found.kernel / alone.kernel
    assert ratios[0] / ratios[1] == pytest.approx((1 / 2) / (1 - 1 / np.pi), rel=0.05)


@pytest.mark.parametrize("width", [16, 64])
def test_in_a_network(width):
    """Each layer of an MLP, by the derivatives of the network's output, is within a factor of 1.7 of the theorem."""
    model = mlp((8, width, width, width, 1), seed=0)
    x = np.random.default_rng(0).normal(size=(16, 8)).astype("float32")
    shares = [found.share for found in bias_share(model, x, training=True)]
    assert len(shares) == 2
    np.testing.assert_allclose(np.log(shares), np.log(expected_bias_share(width)), atol=np.log(1.7))


@pytest.mark.parametrize("n", [64, 512])
def test_curvature_along_biases_does_not_grow_with_fan_in(n):
    """The largest eigenvalue, of the biases' block and of the weights', within the theorem's bounds."""
    draws = np.random.default_rng(n)
    w, x = draws.normal(0, (2 / n) ** 0.5, n), draws.normal(size=(4000, n))
    for_b, for_w = w * (x > 0), np.maximum(x, 0)
    largest_b, largest_w = (np.linalg.eigvalsh(g.T @ g / len(x))[-1] for g in (for_b, for_w))
    assert 0.95 * np.sum(w**2) / 4 < largest_b < 1.05 * np.sum(w**2) / 2
    assert 0.95 * n / (2 * np.pi) < largest_w < 1.05 * n / 2


@pytest.mark.parametrize("n", [32, 256])
@pytest.mark.parametrize("rate, shrinks", [(1.5, True), (8.0, False)])
def test_a_step_of_the_biases_alone(n, rate, shrinks):
    """Below 2 gradient descent on the biases nears a target close by; above 4 it overshoots by more than it lacked."""
    layer = DACDense(1, kernel_initializer=keras.initializers.HeNormal(5))
    model = keras.Sequential([keras.Input((n,)), layer])
    x = np.random.default_rng(n).normal(size=(512, n)).astype("float32")
    target = model.predict(x, verbose=0) + 1e-2
    slow = 1e-7  # the kernel stands still; Keras's error is the squared one, not half of it
    model.compile(with_bias_learning_rate(keras.optimizers.SGD(slow), rate / 2 / slow), "mse")
    before = model.evaluate(x, target, verbose=0)
    model.fit(x, target, batch_size=len(x), verbose=0)
    assert (model.evaluate(x, target, verbose=0) < before) is shrinks


@pytest.mark.parametrize("n", [72, 576])
def test_steps_of_equal_size(n):
    """Adam's first step, by sign: weights move an output sqrt(n / 2) times as far as biases at most."""
    draws = np.random.default_rng(n)
    w, x = draws.normal(0, (2 / n) ** 0.5, (500, n)), draws.normal(size=(500, n))
    ratio = np.maximum(x, 0).sum() / (np.abs(w) * (x > 0)).sum()
    assert ratio == pytest.approx((n / 2) ** 0.5, rel=0.02)


def test_refusals():
    with pytest.raises(ValueError, match="built"):
        bias_share(DACDense(2), np.ones((1, 2)))
    with pytest.raises(ValueError, match="built"):
        bias_share("model", np.ones((1, 2)))
    dense = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="dendrite-activated layer"):
        bias_share(dense, np.ones((1, 2)))
    inputs = keras.Input((2,))
    y = DACDense(2)(inputs)
    with pytest.raises(ValueError, match=r"one output.*2 outputs"):
        bias_share(keras.Model(inputs, [y, y]), np.ones((1, 2)))
    with pytest.raises(ValueError, match="example"):
        bias_share(keras.Model(inputs, y), np.ones((0, 2)))
    frozen = keras.Model(inputs, y)
    frozen.trainable = False
    with pytest.raises(ValueError, match="trainable"):
        bias_share(frozen, np.ones((1, 2)))


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"fan_in": 0}, "fan_in"),
        ({"fan_in": 9.0}, "fan_in"),
        ({"fan_in": 9, "dendrites": 2}, "divide"),
        ({"fan_in": 9, "variance": -1}, "variance"),
        ({"fan_in": 9, "kernel_variance": 0}, "kernel_variance"),
    ],
)
def test_expectation_refuses(arguments, said):
    with pytest.raises(ValueError, match=f"{said}.*Received"):
        expected_bias_share(**arguments)
