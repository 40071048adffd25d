"""The rivals: their formulas, that they start as the standard network, and what a protocol does to what they add."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from dendnet import cost
from dendnet.experiments import PROTOCOLS, Run
from dendnet.experiments.descent import optimizer
from dendnet.experiments.networks import matched_width
from dendnet.models import cifar_resnet, mlp, resnet
from dendnet.models.rivals import PiecewiseLinear, Products

NETWORKS = {
    "cifar_resnet": lambda **o: cifar_resnet(8, input_shape=(8, 8, 3), width=4, **o),
    "resnet": lambda **o: resnet(18, input_shape=(32, 32, 3), width=4, **o),
    "mlp": lambda **o: mlp((5, 8, 6, 6, 2), **o),
}
networks = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
rivals = pytest.mark.parametrize("unit", ["apl", "quadratic"])


def drawn(layer, rng):
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(size=variable.shape))
    return [ops.convert_to_numpy(v) for v in layer.trainable_variables]


@pytest.mark.parametrize("shape, axis", [((7, 3), -1), ((2, 4, 5, 3), -1), ((2, 3, 4, 5), 1)])
def test_piecewise_linear_is_its_formula(rng, shape, axis):
    layer = PiecewiseLinear(4, axis)
    layer.build(shape)
    slopes, knots = drawn(layer, rng)
    x = rng.normal(size=shape).astype("float32")
    last = np.moveaxis(x, axis, -1)
    wanted = np.maximum(last, 0) + sum(a * np.maximum(b - last, 0) for a, b in zip(slopes, knots, strict=True))
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), np.moveaxis(wanted, -1, axis), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape, axis", [((7, 3), -1), ((2, 4, 5, 3), -1), ((2, 3, 4, 5), 1)])
def test_products_are_a_quadratic_form_at_each_place(rng, shape, axis):
    layer = Products(2, axis)
    layer.build(shape)
    (kernel,) = drawn(layer, rng)
    x = rng.normal(size=shape).astype("float32")
    last = np.moveaxis(x, axis, -1)
    form = np.zeros((2, 3, 3))
    form[:, *np.triu_indices(3)] = kernel.T
    wanted = np.einsum("...i,jik,...k->...j", last, form, last)
    found = ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(found, np.moveaxis(wanted, -1, axis), rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape(shape) == found.shape


@networks
@rivals
def test_a_rival_starts_as_the_standard_network_and_learns(make, unit):
    rival, standard = make(unit=unit, seed=3), make(unit="standard", seed=3)
    added = [v for v in rival.trainable_variables if getattr(v, "rival", False)]
    assert rival.count_params() - standard.count_params() == sum(int(np.prod(v.shape)) for v in added) > 0
    x = np.random.default_rng(0).normal(size=(8, *rival.input_shape[1:])).astype("float32")
    np.testing.assert_array_equal(*(ops.convert_to_numpy(model(x)) for model in (rival, standard)))
    if make is not NETWORKS["resnet"]:  # whose step takes half a minute to compile
        rival.compile(keras.optimizers.Adam(0.01), "mse")
        target = np.ones((8, rival.output_shape[-1]), "float32")
        losses = [float(rival.train_on_batch(x, target)) for _ in range(5)]
        assert losses[-1] < losses[0]
        # A knot moves as soon as its slope is not 0.
        assert all(np.ptp(ops.convert_to_numpy(v), axis=-1).max() > 0 for v in added)


@rivals
def test_save_and_load(unit, tmp_path):
    model = mlp((5, 8, 6, 6, 2), unit, seed=0, **({"segments": 3} if unit == "apl" else {}))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = np.ones((2, 5), "float32")
    np.testing.assert_array_equal(*(ops.convert_to_numpy(each(x)) for each in (model, again)))
    assert all(getattr(v, "rival", False) for v in again.trainable_variables if "rival" in v.path)


def test_costs_by_hand():
    apl, form = PiecewiseLinear(3), Products(2)
    for layer in (apl, form):
        layer(keras.Input((5,)))
    found = cost.layer_cost(apl, (5,))
    assert (found.flops, found.parameters) == (5 * (1 + 3 * 4), 2 * 3 * 5)
    found = cost.layer_cost(form, (5,))
    assert (found.flops, found.parameters) == (15 + 2 * 15 * 2, 15 * 2)


@pytest.mark.parametrize("name", ["sgd", "adam", "muon"])
def test_what_a_rival_adds_has_a_rate_of_its_own(name):
    if not hasattr(keras.optimizers, name.capitalize()) and name == "muon":
        pytest.skip("this Keras has no Muon")
    model = mlp((4, 6, 6, 1), "apl", seed=0)
    protocol = PROTOCOLS["table"].changed({"optimizer": name, "bias_learning_rate": 7.0})
    made = optimizer(protocol, 10)
    made.build(model.trainable_variables)
    assert {v.name for v in model.trainable_variables if made.factor(v) == 7.0} == {"slopes", "knots"}


@pytest.mark.parametrize("unit, options", [("apl-parameters", {"segments": 10}), ("quadratic-parameters", {})])
def test_equal_parameters(unit, options):
    run = Run("cifar10", "cifar_resnet", unit, 0, PROTOCOLS["smoke"], {"depth": 8, "width": 8} | options)
    assert run.network == "cifar_resnet depth=8 width=8"
    width = matched_width("cifar_resnet", unit, (16, 16, 3), 10, json.dumps([run.options, {}]))
    of = {"input_shape": (16, 16, 3)}
    rival = cifar_resnet(8, unit.partition("-")[0], width=width, **options, **of)
    dac = cifar_resnet(8, "dac", width=8, **of)
    assert rival.count_params() == pytest.approx(dac.count_params(), rel=0.03)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: mlp((3, 4, 4, 1), "apl", dendrites=2), "one option, segments. Received: {'dendrites': 2}"),
        (lambda: mlp((3, 4, 4, 1), "apl", segments=0), "segments must be a positive integer. Received: segments=0"),
        (lambda: mlp((3, 4, 4, 1), "quadratic", segments=2), "A quadratic network takes no options"),
        (lambda: PiecewiseLinear(2, axis=0), "axis of the channels must be 1 or -1. Received: axis=0"),
        (lambda: Products(0), "units must be a positive integer. Received: units=0"),
        (
            lambda: Run("sgemm", "mlp", "standard", 0, PROTOCOLS["table"], {"segments": 2}),
            "options.*segments",
        ),
    ],
)
def test_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
