"""The networks: twins agree at step 0, sizes are what their formulas say, wrong arguments are refused."""

import keras
import numpy as np
import pytest
from keras import ops

from dendnet.layers import DACConv2D, DACDense
from dendnet.models import cifar_resnet, mlp, resnet

NETWORKS = {
    "cifar_resnet": lambda **o: cifar_resnet(8, input_shape=(8, 8, 3), width=4, **o),
    "resnet18": lambda **o: resnet(18, input_shape=(32, 32, 3), width=4, **o),
    "resnet50": lambda **o: resnet(50, input_shape=(32, 32, 3), width=4, **o),
    "mlp": lambda **o: mlp((5, 8, 6, 6, 2), **o),
}
networks = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
DEEP = ("resnet18", "resnet50")  # whose step takes half a minute to compile


def inputs(model, N=4):
    return np.random.default_rng(0).normal(size=(N, *model.input_shape[1:])).astype("float32")


def of(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


@networks
def test_twins_share_kernels_and_outputs(make):
    dac, standard = make(unit="dac", seed=3), make(unit="standard", seed=3)
    kernels = [[w for w in model.weights if "kernel" in w.path] for model in (dac, standard)]
    assert len(kernels[0]) == len(kernels[1]) > 3
    for a, b in zip(*kernels, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))
    x = inputs(dac, N=32)  # of few samples a channel's variance may be next to nothing, and rounding then much
    for training in (False, True):
        got = [ops.convert_to_numpy(model(x, training=training)) for model in (dac, standard)]
        np.testing.assert_allclose(*got, rtol=1e-4, atol=1e-4 * np.abs(got[1]).max())


@networks
def test_seeds_decide_the_kernels(make):
    x = inputs(make(seed=0))
    outputs = [ops.convert_to_numpy(make(seed=seed)(x)) for seed in (0, 0, 1, None)]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    for other in outputs[2:]:
        assert np.abs(other - outputs[0]).max() > 1e-3


@networks
def test_kernels_of_a_network_differ(make):
    kernels = [ops.convert_to_numpy(w).ravel()[:4] for w in make(seed=0).weights if "kernel" in w.path]
    assert len(np.unique(np.round(np.stack(kernels), 6), axis=0)) == len(kernels)


@networks
def test_nothing_but_the_filter_differs(make):
    dac, standard = make(unit="dac"), make(unit="standard")
    units = of(dac, (DACConv2D, DACDense))
    assert dac.count_params() - standard.count_params() == sum(int(np.prod(u.bias.shape)) for u in units)
    assert len(of(standard, keras.layers.ReLU)) == len(units) + 1
    assert not of(standard, (DACConv2D, DACDense))
    for kind in (keras.layers.BatchNormalization, keras.layers.Add):
        assert len(of(dac, kind)) == len(of(standard, kind))


@pytest.mark.parametrize(
    "make",
    [pytest.param(make, id=name, marks=pytest.mark.slow if name in DEEP else ()) for name, make in NETWORKS.items()],
)
def test_it_trains(make):
    model = make(unit="dac", seed=0)
    x = inputs(model)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    target = np.ones((4, model.output_shape[-1]), "float32")
    losses = [model.train_on_batch(x, target) for _ in range(5)]
    assert float(losses[-1]) < float(losses[0])
    unit = of(model, (DACConv2D, DACDense))[0]
    assert np.abs(ops.convert_to_numpy(unit.bias)).max() > 0


@networks
def test_save_and_load(make, tmp_path):
    model = make(unit="dac", seed=0)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    x = inputs(model)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(x)), ops.convert_to_numpy(again(x)))


@pytest.mark.parametrize("depth", [20, 32])
def test_depth_counts_the_layers_with_weights(depth):
    model = cifar_resnet(depth, unit="standard", width=2)
    convs = [c for c in of(model, keras.layers.Conv2D) if c.kernel_size == (3, 3)]
    assert len(convs) + 1 == depth
    assert [c.filters for c in of(model, keras.layers.Conv2D) if c.kernel_size == (1, 1)] == [4, 8]


@pytest.mark.parametrize("depth, projections", [(18, 3), (34, 3), (50, 4)])
def test_depth_counts_the_layers_of_the_larger_networks(depth, projections):
    model = resnet(depth, unit="standard", input_shape=(32, 32, 3), width=2)
    assert len(of(model, keras.layers.Conv2D)) - projections + 1 == depth


def test_stages_halve_the_image():
    model = cifar_resnet(8, unit="standard", input_shape=(32, 32, 3), width=2)
    assert [layer.output.shape[1] for layer in of(model, keras.layers.Add)] == [32, 16, 8]
    model = resnet(18, unit="standard", input_shape=(224, 224, 3), width=2)
    assert [layer.output.shape[1] for layer in of(model, keras.layers.Add)] == [56, 56, 28, 28, 14, 14, 7, 7]


def test_first_and_last_layers_are_plain():
    for model in (cifar_resnet(8, width=2), resnet(18, input_shape=(32, 32, 3), width=2), mlp((3, 4, 4, 1))):
        first = model.layers[1]
        assert type(first) in (keras.layers.Conv2D, keras.layers.Dense) and not first.use_bias
        assert type(model.layers[-1]) is keras.layers.Dense and model.layers[-1].use_bias


def test_options_reach_the_dendrites():
    model = cifar_resnet(8, width=2, dendrites=2, bias_sharing="none", bias_initializer="ones")
    for layer in of(model, DACConv2D):
        assert (layer.dendrites, layer.bias_sharing) == (2, "none")
        assert (ops.convert_to_numpy(layer.bias) == 1).all()
    assert of(mlp((3, 4, 4, 1), dendrites=3), DACDense)[0].dendrites == 3


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: cifar_resnet(21), "depth must be 6 n \\+ 2.*Received: depth=21"),
        (lambda: cifar_resnet(2), "depth must be 6 n \\+ 2.*Received: depth=2"),
        (lambda: cifar_resnet("20"), "depth must be a positive integer. Received: depth='20'"),
        (lambda: cifar_resnet(20, unit="dendritic"), "unit must be one of.*Received: unit='dendritic'"),
        (lambda: cifar_resnet(20, width=0), "width must be a positive integer. Received: width=0"),
        (lambda: cifar_resnet(20, classes=0.5), "classes must be a positive integer. Received: classes=0.5"),
        (lambda: cifar_resnet(20, seed=-1), "seed must be None or an integer.*Received: seed=-1"),
        (lambda: cifar_resnet(20, unit="standard", dendrites=2), "takes no options.*Received: dac_options="),
        (lambda: cifar_resnet(20, bias_sharing="all"), "bias_sharing must be one of.*Received: bias_sharing='all'"),
        (lambda: resnet(19), "depth must be one of.*Received: depth=19"),
        (lambda: mlp((3, 1)), "widths must be three numbers at least.*Received: widths=\\(3, 1\\)"),
        (lambda: mlp((3, 4.5, 1)), "widths must be a positive integer. Received: widths=4.5"),
    ],
)
def test_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
