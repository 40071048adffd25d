"""Which models are read, layer by layer and in graphs, and which are refused with the layer's name."""

import keras
import numpy as np
import pytest
from chains import chain, dac, dense
from keras import layers

from dendnet.geometry import linear_regions, regions_along
from dendnet.layers import DACConv2D, DACDense
from dendnet.models import mlp


def check(model, rng, atol=1e-5):
    """The maps of the cells agree with the model at random points."""
    points = rng.uniform(-1, 1, (1000, 2))
    regions = linear_regions(model)
    maps = regions.maps[regions.locate(points)]
    ours = np.einsum("nk,nkm->nm", np.column_stack([points, np.ones(1000)]), maps)
    theirs = keras.ops.convert_to_numpy(model(points.astype("float32"), training=False))
    np.testing.assert_allclose(ours, theirs, atol=atol)
    return regions


def spread(m, **options):
    return DACDense(m, bias_initializer=keras.initializers.RandomUniform(-1, 1, seed=3), **options)


INSIDE = {
    "relu": lambda: [layers.Dense(5), layers.ReLU()],
    "relu with a slope and a ceiling": lambda: [layers.Dense(5), layers.ReLU(max_value=0.4, negative_slope=0.1)],
    "leaky relu": lambda: [layers.Dense(5), layers.LeakyReLU(0.3)],
    "activation": lambda: [layers.Dense(5), layers.Activation("relu")],
    "activation by name": lambda: [layers.Dense(5, "leaky_relu"), layers.Dense(4, "relu6"), layers.Dense(3, "linear")],
    "an activation that is a layer": lambda: [layers.Dense(5, layers.LeakyReLU(0.1))],
    "no biases": lambda: [layers.Dense(5, "relu", use_bias=False)],
    "what is silent at inference": lambda: [
        layers.Flatten(),
        spread(4),
        layers.Dropout(0.5),
        layers.GaussianNoise(1.0),
    ],
    "dendrites that leak": lambda: [
        spread(4, dendrite_activation="leaky_relu"),
        spread(3, dendrite_activation="relu6"),
    ],
    "linear dendrites": lambda: [spread(4, dendrite_activation=None), spread(3)],
    "shared and several dendrites": lambda: [
        spread(4, bias_sharing="outputs"),
        spread(3, dendrites=3, use_output_bias=True),
    ],
}


@pytest.mark.parametrize("inside", INSIDE.values(), ids=INSIDE)
def test_layers(rng, inside):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2,)), *inside()])
    assert len(check(model, rng)) > 1


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"center": False}])
def test_batch_normalization_as_in_inference(rng, options):
    norm = layers.BatchNormalization(**options)
    model = keras.Sequential([keras.Input((2,)), spread(4), norm, spread(2)])
    norm.set_weights([rng.uniform(0.5, 2, 4) for _ in norm.weights])
    check(model, rng)


@pytest.mark.parametrize("unit", ["dac", "standard"])
def test_perceptrons(rng, unit):
    check(mlp((2, 8, 8, 1), unit, seed=0), rng)


def test_a_residual_graph(rng):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((2,))
    x = spread(4)(inputs)
    y = layers.Add()([x, spread(4)(x), layers.Dense(4, "relu")(inputs)])
    check(keras.Model(inputs, layers.Dense(1)(layers.Concatenate()([y, x, inputs]))), rng)


def test_models_within_models(rng):
    keras.utils.set_random_seed(0)
    inner_input = keras.Input((3,))
    functional = keras.Model(inner_input, layers.Add()([inner_input, spread(3)(inner_input)]))
    sequential = keras.Sequential([keras.Input((3,)), spread(3), layers.Dense(3, "relu")])
    inputs = keras.Input((2,))
    x = layers.Dense(3)(inputs)
    outer = keras.Model(inputs, layers.Add()([functional(x), sequential(functional(x)), x]))
    check(outer, rng)
    check(keras.Sequential([keras.Input((2,)), outer, spread(2)]), rng)


def test_a_shared_layer_has_a_pattern_for_each_call(rng):
    keras.utils.set_random_seed(0)
    shared, inputs = spread(2, name="shared"), keras.Input((2,))
    regions = check(keras.Model(inputs, shared(shared(shared(inputs)))), rng)
    assert list(regions.patterns()) == ["shared", "shared (2)", "shared (3)"]


def test_an_input_of_another_shape_is_flattened(rng):
    model = keras.Sequential([keras.Input((2, 1)), layers.Flatten(), spread(3)])
    assert len(linear_regions(model)) == 16


def test_a_model_that_bends_nowhere(rng):
    regions = check(chain(dense([[1, 2], [3, 4]], [5, 6])), rng)
    assert (len(regions), regions.count) == (1, 1) and regions.patterns() == {}


def test_the_model_is_left_as_it_was(rng):
    model = mlp((2, 4, 4, 1), seed=0)
    calls = [len(layer._inbound_nodes) for layer in model.layers]
    before = [w.copy() for w in model.get_weights()]
    linear_regions(model)
    assert calls == [len(layer._inbound_nodes) for layer in model.layers]
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


REFUSED = {
    "convolution": ([layers.Reshape((2, 1, 1)), DACConv2D(1, 1, name="conv")], r"layer 'reshape.*' \(Reshape\)"),
    "curved": ([layers.Dense(2, "tanh", name="curved")], "activation='tanh' in layer 'curved'"),
    "softmax": ([layers.Dense(2), layers.Softmax(name="soft")], r"layer 'soft' \(Softmax\)"),
    "curved dendrites": ([DACDense(2, "gelu", name="curved")], "activation='gelu' in layer 'curved'"),
    "a jump": ([layers.ReLU(threshold=1.0, name="jump")], "threshold=1.0 in layer 'jump'"),
    "normalized by sample": ([layers.LayerNormalization(name="norm")], r"layer 'norm' \(LayerNormalization\)"),
}


@pytest.mark.parametrize("inside, message", REFUSED.values(), ids=REFUSED)
def test_a_layer_that_is_not_known_is_named(inside, message):
    with pytest.raises(ValueError, match=f"Received: {message}"):
        linear_regions(keras.Sequential([keras.Input((2,)), *inside]))


def test_samples_are_not_joined():
    inputs = keras.Input(batch_shape=(1, 2))
    with pytest.raises(ValueError, match=r"layer 'rows' \(Concatenate\)"):
        linear_regions(keras.Model(inputs, layers.Concatenate(axis=0, name="rows")([inputs, inputs])))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match=r"Every weight must be finite. Received: dac_dense.*/bias"):
        linear_regions(chain(dac([[1], [1]], [[0], [value]])))


def test_vectors_only():
    model = keras.Sequential([keras.Input((2, 1)), layers.Dense(3, name="wide")])
    with pytest.raises(ValueError, match=r"must take vectors.* layer 'wide' with input"):
        linear_regions(model)


def test_two_inputs_are_refused():
    a, b = keras.Input((2,)), keras.Input((2,))
    with pytest.raises(ValueError, match=r"one input and one output. Received: 2 input\(s\)"):
        linear_regions(keras.Model([a, b], layers.Add()([a, b])))


def test_a_subclassed_model_is_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    for function in (linear_regions, lambda model: regions_along(model, [0.0], [1.0])):
        with pytest.raises(ValueError, match=r"model must be functional, or sequential and built. Received: model="):
            function(Own())
    with pytest.raises(ValueError, match="built"):
        linear_regions(keras.Sequential([dac([[1], [1]], [[0], [0]]).__class__(2)]))


def test_an_input_of_unknown_size_is_refused():
    inputs = keras.Input((None, 2))
    with pytest.raises(ValueError, match=r"size of its input. Received: input_shape=\(None, 2\)"):
        linear_regions(keras.Model(inputs, layers.Dense(1)(inputs)))
