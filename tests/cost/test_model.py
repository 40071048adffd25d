"""Whole models: Keras's own parameter count, published figures, an independent tool, and graphs of every kind."""

import math
import warnings
from functools import cache

import keras
import pytest
from keras import layers

from dendnet.cost import layer_cost, model_cost
from dendnet.layers import DACConv2D, DACDense
from dendnet.models import cifar_resnet, mlp, resnet

KERNELS = ("Conv2D", "Dense")
MODELS = {
    "resnet18": lambda unit: resnet(18, unit, classes=1000),
    "resnet34": lambda unit: resnet(34, unit, classes=1000),
    "resnet50": lambda unit: resnet(50, unit, classes=1000),
    "resnet20": lambda unit: cifar_resnet(20, unit),
    "resnet110": lambda unit: cifar_resnet(110, unit),
    "mlp": lambda unit: mlp((14, 64, 32, 1), unit),
}


@cache
def cost(name, unit):
    return model_cost(MODELS[name](unit))


def multiply_adds(cost, but=()):
    return sum(row.forward.multiplications for row in cost.layers if row.kind in KERNELS and row not in but)


def version_1(cost, but=()):
    """Parameters with a normalization behind each convolution, none before it: of each its scales and offsets."""
    convs = [row for row in cost.layers if row.kind == "Conv2D" and row not in but]
    return sum(row.weights + 2 * row.output_shape[-1] for row in convs) + cost.layers[-1].parameters


def projections(cost):
    """The 1x1 convolutions of the shortcuts in networks that have no other."""
    convs = [row for row in cost.layers if row.kind == "Conv2D"]
    return [row for row in convs if row.weights == row.input_shapes[0][-1] * row.output_shape[-1]]


@pytest.mark.parametrize("unit", ["standard", "dac"])
@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_keras_count(name, unit):
    model = MODELS[name](unit)
    found = model_cost(model)
    assert found.parameters + found.state == model.count_params()
    assert found.parameters == sum(math.prod(v.shape) for v in model.trainable_weights)


@pytest.mark.parametrize(
    "name, parameters, giga", [("resnet18", 11689512, 1.81), ("resnet34", 21797672, 3.66), ("resnet50", 25557032, 4.09)]
)
def test_torchvision(name, parameters, giga):
    """Its documentation's parameters (version 1 blocks) and "GFLOPS", which are multiply-adds. Version 1.5, B."""
    found = cost(name, "standard")
    assert version_1(found) == parameters
    assert round(multiply_adds(found) / 1e9, 2) == giga


@pytest.mark.parametrize("name, billions", [("resnet18", 1.8), ("resnet34", 3.6)])
def test_he_et_al(name, billions):
    """Table 1 of He et al. (2015), in multiply-adds: with option A, whose shortcuts cost nothing."""
    found = cost(name, "standard")
    assert round(multiply_adds(found, but=projections(found)) / 1e9, 1) == billions


def test_he_et_al_50():
    """Their 3.8 is 3.858 cut off: Keras's own ResNet50 has version 1, stride on the first 1x1 and option B."""
    model = keras.applications.ResNet50(weights=None, classifier_activation=None)
    found = model_cost(model)
    assert found.parameters + found.state == model.count_params()
    assert multiply_adds(found) == 3_857_973_248
    filters = sum(row.biases for row in found.layers if row.kind == "Conv2D")
    assert found.parameters - filters == 25557032  # Keras's convolutions have biases, torchvision's have none


@pytest.mark.parametrize("depth, millions", [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)])
def test_he_et_al_cifar(depth, millions):
    """Table 6 of He et al. (2015): option A."""
    found = model_cost(cifar_resnet(depth, "standard"))
    published = version_1(found, but=projections(found))
    assert len(projections(found)) == 2
    assert round(published / 1e6, 2 if depth < 110 else 1) == millions
    if depth == 20:
        assert published == 269_722


@pytest.mark.parametrize("depth, parameters", [(20, 272_282), (56, 855_578), (110, 1_730_522)])
def test_pytorchcv_cifar(depth, parameters):
    """PreResNet in the tables of pytorchcv: this block, and option B."""
    assert model_cost(cifar_resnet(depth, "standard")).parameters == parameters


@pytest.mark.parametrize("depth, multiplications", [(56, 1.25e8), (110, 2.53e8)])
def test_li_et_al_cifar(depth, multiplications):
    """Table 1 of Li et al. (2017), in multiply-adds of the convolutions and the dense layer: option A."""
    found = model_cost(cifar_resnet(depth, "standard"))
    assert round(multiply_adds(found, but=projections(found)) / 1e6) == round(multiplications / 1e6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's profiler")
@pytest.mark.parametrize("name", MODELS)
def test_tensorflow_profiler(name):
    """Its FLOPs of convolutions and products are twice the multiply-adds, border taps included."""
    import tensorflow as tf
    from tensorflow.python.profiler import model_analyzer, option_builder

    model = MODELS[name]("standard")
    specs = tf.TensorSpec((1, *model.input_shape[1:]), "float32")
    graph = tf.function(lambda x: model(x, training=False)).get_concrete_function(specs).graph
    options = option_builder.ProfileOptionBuilder.float_operation()
    options = option_builder.ProfileOptionBuilder(options).with_empty_output().order_by("float_ops").build()
    options["account_type_regexes"] = ["Conv2D", "MatMul"]
    options["min_float_ops"] = 1
    profile = model_analyzer.profile(graph, cmd="op", options=options)
    assert profile.total_float_ops == 2 * multiply_adds(model_cost(model))


def test_batches_and_images_scale_the_operations():
    model = resnet(18, "dac", input_shape=(64, 64, 3), width=8)
    one, eight, larger = model_cost(model), model_cost(model, batch_size=8), model_cost(model, (128, 128, 3))
    assert eight.flops == 8 * one.flops and eight.step.flops == 8 * one.step.flops
    assert eight.kept["fused"] == 8 * one.kept["fused"]
    assert eight.parameters == one.parameters == larger.parameters
    in_convolutions = [sum(r.flops for r in c.layers if r.kind == "DACConv2D") for c in (one, larger)]
    assert in_convolutions[1] == 4 * in_convolutions[0]


def test_models_within_models_and_shared_layers():
    inner = keras.Sequential([keras.Input((4,)), DACDense(4), layers.ReLU()])
    inputs = [keras.Input((4,)), keras.Input((4,))]
    shared = layers.Dense(4, use_bias=False)
    y = layers.Add()([shared(inputs[0]), shared(inner(inputs[1]))])
    last = keras.Input((4,))
    model = keras.Model(inputs, keras.Model(last, layers.Dense(2)(last))(y))
    found = model_cost(model)
    assert found.parameters == model.count_params() == 16 + 32 + 10
    assert found.flops == 2 * 32 + 64 + 4 + 4 + 2 * 8 + 2
    assert [row.weights for row in found.layers if row.name == shared.name] == [16, 0]


def test_counting_leaves_the_model_as_it_was():
    model = mlp((3, 4, 4, 1))
    before = [layer.output for layer in model.layers]
    model_cost(model)
    assert all(layer.output is output for layer, output in zip(model.layers, before, strict=True))


def test_unknown_layers_are_named():
    @keras.saving.register_keras_serializable(package="tests")
    class Strange(layers.Layer):
        def call(self, x):
            return x + 1

    inputs = keras.Input((4,))
    model = keras.Model(inputs, Strange(name="odd")(layers.Dense(3)(inputs)))
    with pytest.warns(UserWarning, match=r"operations of 'odd' \(Strange\)"):
        found = model_cost(model)
    assert not found.known and "| odd | 3 | 0 | 0 | ? |" in found.to_markdown()
    with pytest.warns(UserWarning, match=r"\(Dense\)"):
        model_cost(keras.Sequential([inputs, layers.Dense(3, activation="mish")]))
    with pytest.warns(UserWarning, match=r"\(Add\w*\)"):
        model_cost(keras.Model(inputs, inputs + 1.0))


def test_known_models_warn_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model_cost(cifar_resnet(8, width=2)).known


def test_tables_and_dictionaries():
    found = model_cost(mlp((8, 16, 16, 1)))
    lines = found.to_markdown().splitlines()
    assert len(lines) == 2 + 6 + 1 and lines[-1].startswith("| mlp_dac | 1 | 432 | 289 |")
    page = found._repr_html_()
    assert page.count("<tr>") == 1 + 6 + 1 and page.count("<td") == 7 * page.count("<th ")
    assert "<caption>What mlp_dac costs</caption>" in page
    shown = found.to_dict()
    assert shown["forward"]["flops"] == found.flops == sum(row["forward"]["flops"] for row in shown["layers"])
    assert repr(found) == "<ModelCost of mlp_dac: 721 parameters, 1,393 FLOPs>"
    relu = layers.ReLU()
    relu.build((None, 3))
    assert layer_cost(relu, (3,)).to_markdown().count("\n") == 2


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: model_cost("resnet"), "functional, or sequential and built. Received: model='resnet'"),
        (lambda: model_cost(keras.Sequential([layers.Dense(3)])), "functional, or sequential and built"),
        (
            lambda: model_cost(resnet(18, input_shape=(None, None, 3), width=2)),
            "must give every size.*Received: input_sh",
        ),
        (lambda: model_cost(mlp((3, 4, 1)), (3, None)), "must give every size.*Received: input_shape=\\(3, None\\)"),
        (lambda: model_cost(mlp((3, 4, 1)), batch_size=0), "batch_size must be.*Received: batch_size=0"),
        (lambda: layer_cost(DACDense(3)), "must be built.*Received: layer='dac_dense"),
        (lambda: layer_cost(3), "must be a Keras layer. Received: layer=3"),
    ],
)
def test_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_layer_of_unknown_size_asks_for_one():
    layer = DACConv2D(2, 3, data_format="channels_last")
    layer.build((None, None, 5, 3))
    with pytest.raises(ValueError, match=r"input_shape must be given.*Received: layer='dac_conv2d"):
        layer_cost(layer)
    assert layer_cost(layer, (4, 5, 3)).output_shape == (1, 2, 3, 2)
