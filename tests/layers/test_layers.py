"""The layers' contract, on public API: shapes, starts, configuration, training, precision, refusals."""

import inspect
import json

import keras
import numpy as np
import oracle
import pytest
from every_layer import EVERY, LAST, example
from keras import ops

from dendnet.layers import (
    DACConv1D,
    DACConv1DTranspose,
    DACConv2D,
    DACConv2DTranspose,
    DACConv3D,
    DACConv3DTranspose,
    DACDense,
    DACDepthwiseConv1D,
    DACDepthwiseConv2D,
)

to_numpy = ops.convert_to_numpy
table = pytest.mark.parametrize("cls, shape, options, size", EVERY)


@table
def test_symbolic_and_eager_agree(cls, shape, options, size):
    layer = cls(**size, **options)
    symbolic = layer(keras.Input(shape))
    eager = layer(example(shape))
    assert symbolic.shape == (None, *eager.shape[1:]) == layer.compute_output_shape((None, *shape))
    assert symbolic.dtype == keras.backend.standardize_dtype(eager.dtype) == "float32"


@table
def test_config_round_trip(cls, shape, options, size):
    layer = cls(**size, **options)
    config = json.loads(json.dumps(layer.get_config()))
    again = cls.from_config(config)
    assert json.dumps(again.get_config()) == json.dumps(layer.get_config())
    assert dir(again) == dir(layer)
    for name, value in options.items():
        assert name in config, value


def test_config_covers_every_argument():
    for layer in [
        DACDense(3),
        DACConv1D(3, 3),
        DACConv2D(3, 3),
        DACConv3D(3, 3),
        DACConv2DTranspose(3, 3),
        DACDepthwiseConv2D(3),
    ]:
        named = set(inspect.signature(type(layer).__init__).parameters) - {"self", "kwargs"}
        assert named <= set(layer.get_config())


@table
def test_a_step_of_training_moves_every_weight(cls, shape, options, size):
    model = keras.Sequential([keras.Input(shape), cls(**size, **options)])
    before = [to_numpy(w).copy() for w in model.weights]
    # Torch's compiler takes a minute for what these small layers do at once.
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=keras.backend.backend() != "torch")
    x = example(shape, N=16)
    loss = model.fit(x, np.ones((16, *model.output_shape[1:]), "float32"), verbose=0).history["loss"]
    assert np.isfinite(loss).all()
    for weight, old in zip(model.weights, before, strict=True):
        assert not np.array_equal(to_numpy(weight), old), weight.path


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "float64"])
@table
def test_precision(cls, shape, options, size, policy):
    if policy == "float64" and keras.backend.backend() == "jax":
        pytest.skip("JAX computes in float32 unless its x64 mode is switched on for the whole process")
    # Keras 3.5 on TensorFlow cannot regularize the activity of any layer in another precision than float32.
    options = {name: value for name, value in options.items() if name != "activity_regularizer"}
    layer = cls(**size, **options, dtype=policy)
    y = layer(example(shape))
    policy = keras.dtype_policies.get(policy)
    assert keras.backend.standardize_dtype(y.dtype) == policy.compute_dtype
    assert {keras.backend.standardize_dtype(w.dtype) for w in layer.weights} == {policy.variable_dtype}
    single = cls(**size, **options)
    single.build((None, *shape))
    single.set_weights([to_numpy(ops.cast(w, "float32")) for w in layer.weights])
    expected = to_numpy(single(example(shape)))
    difference = np.abs(to_numpy(ops.cast(y, "float32")) - expected).max()
    assert difference <= {"bfloat16": 0.1, "float16": 0.02, "float64": 1e-5}[policy.compute_dtype]


def test_dense_computes_the_formula_on_any_rank(rng):
    layer = DACDense(3, use_output_bias=True, bias_initializer="normal", output_bias_initializer="normal")
    x = example((2, 4), N=5)
    y = to_numpy(layer(x))
    kernel, bias, c = (to_numpy(w) for w in (layer.kernel, layer.bias, layer.output_bias))
    np.testing.assert_allclose(y.reshape(-1, 3), oracle.dense(x.reshape(-1, 4), kernel, bias) + c, atol=1e-6)


@pytest.mark.parametrize(
    "cls, size, padding", [(DACConv1D, (7,), "causal"), (DACConv2D, (5, 6), "same"), (DACConv3D, (4, 3, 5), "same")]
)
@pytest.mark.parametrize("sharing", ["taps", "none", "outputs"])
def test_conv_computes_the_formula(cls, size, padding, sharing):
    layer = cls(4, 3, 2, padding, **LAST, groups=2, bias_sharing=sharing, bias_initializer="normal")
    x = example((*size, 4))
    y = to_numpy(layer(x))
    expected = oracle.conv(x, to_numpy(layer.kernel), to_numpy(layer.bias), 2, padding)
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize(
    "cls, size", [(DACConv1DTranspose, (5,)), (DACConv2DTranspose, (3, 4)), (DACConv3DTranspose, (2, 3, 2))]
)
@pytest.mark.parametrize("sharing", ["taps", "none", "outputs"])
def test_transposed_conv_computes_the_formula(cls, size, sharing):
    layer = cls(4, 3, 2, "same", **LAST, bias_sharing=sharing, bias_initializer="normal")
    x = example((*size, 4))
    y = to_numpy(layer(x))
    expected = oracle.conv_transpose(x, to_numpy(layer.kernel), to_numpy(layer.bias), 2, "same")
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("cls, size, strides", [(DACDepthwiseConv1D, (7,), 2), (DACDepthwiseConv2D, (5, 6), (2, 1))])
@pytest.mark.parametrize(
    "settings", [dict(depth_multiplier=2), dict(bias_sharing="none"), dict(bias_sharing="outputs")]
)
@pytest.mark.parametrize("dilation_rate", [None, 2])
def test_depthwise_conv_computes_the_formula(cls, size, strides, settings, dilation_rate):
    steps = dict(dilation_rate=2) if dilation_rate else dict(strides=strides)
    layer = cls(3, padding="same", **LAST, **steps, **settings, bias_initializer="normal")
    x = example((*size, 5))
    y = to_numpy(layer(x))
    expected = oracle.conv(x, to_numpy(layer.kernel), to_numpy(layer.bias), padding="same", **steps)
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("cls, size", [(DACDepthwiseConv1D, (7,)), (DACDepthwiseConv2D, (5, 6))])
def test_one_output_and_one_dendrite_for_each_channel_are_relu_and_keras(cls, size):
    layer = cls(3, strides=2, padding="same", **LAST, bias_initializer="normal")
    x = example((*size, 5))
    y = to_numpy(layer(x))
    own = getattr(keras.layers, cls.__name__[3:])(3, strides=2, padding="same", use_bias=False, **LAST)
    own.build(x.shape)
    own.set_weights([np.swapaxes(to_numpy(layer.kernel), -1, -2)])
    np.testing.assert_allclose(y, to_numpy(own(np.maximum(x + to_numpy(layer.bias)[0], 0))), atol=1e-5)


def test_dendrites_sum_over_i_and_s():
    layer = DACDense(2, dendrites=3, bias_initializer="normal")
    x = example((4,))
    y = to_numpy(layer(x))
    w, b = (to_numpy(v).reshape(4, 3, 2) for v in (layer.kernel, layer.bias))
    expected = np.einsum("isj,nisj->nj", w, np.maximum(x[:, :, None, None] + b, 0))
    np.testing.assert_allclose(y, expected, atol=1e-5)


@pytest.mark.parametrize("sharing", ["none", "outputs"])
def test_where_biases_start(sharing):
    one, many = DACDense(2, bias_sharing=sharing), DACDense(2, bias_sharing=sharing, dendrites=3)
    for layer in (one, many):
        layer.build((None, 2))
    assert not to_numpy(one.bias).any()
    knots = -to_numpy(many.bias).reshape(2, 3, -1)
    np.testing.assert_allclose(knots, np.broadcast_to(np.array([-1, 0, 1.0])[None, :, None], knots.shape))


def test_twins_start_alike():
    """The layer of a DAC network and that of the standard one give the same outputs at step 0."""
    for make in [lambda **o: DACDense(5, **o), lambda **o: DACConv2D(5, 3, padding="same", **LAST, **o)]:
        dac, standard = make(), make(bias_sharing="outputs")
        x = example((6, 6, 3))
        for layer in (dac, standard):
            layer.build(x.shape)
        standard.kernel.assign(dac.kernel)
        np.testing.assert_allclose(to_numpy(dac(x)), to_numpy(standard(x)), atol=1e-5)


def test_dense_passes_its_mask_on():
    seen = []

    class Look(keras.layers.Layer):
        supports_masking = True

        def call(self, inputs, mask=None):
            seen.append(mask)
            return inputs

    keras.Sequential([keras.layers.Masking(), DACDense(2), Look()])(ops.zeros((1, 4, 3)))
    assert to_numpy(seen[-1]).tolist() == [[False] * 4]


@pytest.mark.parametrize("cls, rank", [(DACConv1D, 1), (DACConv2D, 2), (DACConv3D, 3)])
def test_unknown_sizes(cls, rank):
    layer = cls(3, 3, 2, "same", **LAST)
    assert layer(keras.Input((*[None] * rank, 2))).shape == (*[None] * (rank + 1), 3)
    model = keras.Sequential([keras.Input((*[None] * rank, 2)), layer])
    for size in [(5, 6, 4), (8, 7, 3)]:
        x = example((*size[:rank], 2))
        y = model.predict(x, verbose=0)
        expected = oracle.conv(x, to_numpy(layer.kernel), to_numpy(layer.bias), 2, "same")
        np.testing.assert_allclose(y, expected, atol=1e-5)


def test_a_dense_layer_takes_unknown_steps():
    layer = DACDense(3)
    assert layer(keras.Input((None, 4))).shape == (None, None, 3)
    model = keras.Sequential([keras.Input((None, 4)), layer])
    for steps in (2, 5):
        assert model.predict(example((steps, 4)), verbose=0).shape == (2, steps, 3)


def test_summary_and_repr_read_well(capsys):
    model = keras.Sequential([keras.Input((4,)), DACDense(3, name="first")])
    model.summary(line_length=80)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "first" in line]
    assert all(said in line for said in ("first (DACDense)", "(None, 3)", "24"))
    assert repr(model.layers[0]) == "<DACDense name=first, built=True>"


REFUSED = [
    (lambda: DACDense(0), "units must be a positive integer. Received: units=0"),
    (lambda: DACDense(2.0), "Received: units=2.0"),
    (lambda: DACDense(2, dendrites=0), "Received: dendrites=0"),
    (lambda: DACDense(2, bias_sharing="taps"), "Received: bias_sharing='taps'"),
    (lambda: DACDense(2, dendrite_activation="softmax"), "Received: activation='softmax'"),
    (lambda: DACDense(2, implementation="fastest"), "Received: implementation='fastest'"),
    (lambda: DACDense(2)(keras.Input((None,))), "Received: input_shape=(None, None)"),
    (lambda: DACConv2D(3, 3, groups=2), "Received: filters=3, groups=2"),
    (lambda: DACConv2D(3, (3, 3, 3)), "Received: kernel_size=(3, 3, 3)"),
    (lambda: DACConv2D(3, 3, padding="full"), "Received: padding='full'"),
    (lambda: DACConv2D(3, 3, strides=2, dilation_rate=2), "cannot both exceed 1"),
    (lambda: DACConv2D(4, 3, groups=2, **LAST)(keras.Input((5, 5, 3))), "groups=2"),
    (lambda: DACConv2D(4, 3, **LAST)(keras.Input((2, 5, 3))), "A kernel that spans 3 pixels"),
    (lambda: DACConv2D(3, 3, padding="causal"), "('valid', 'same') in 2D. Received: padding='causal'"),
    (lambda: DACDepthwiseConv2D(3, depth_multiplier=0), "Received: depth_multiplier=0"),
    (lambda: DACConv1DTranspose(3, 3, padding="causal"), "('valid', 'same'). Received: padding='causal'"),
    (lambda: DACConv1D(3, (3, 3)), "kernel_size must be a positive integer or 1 of them. Received: kernel_size=(3, 3)"),
    (lambda: DACConv3D(3, 3, strides=(1, 1)), "Received: strides=(1, 1)"),
    (lambda: DACConv3D(3, 3)(keras.Input((5, 5, 2))), "expected ndim=5, found ndim=4"),
    (lambda: DACConv2D(4, 3, **LAST).compute_output_shape((None, 5, 5)), "Received: input_shape=(None, 5, 5)"),
    (lambda: DACDense(4)(np.ones((2, 0))), "Received: input_shape=(2, 0)"),
]


@pytest.mark.parametrize("call, said", REFUSED)
def test_refuses(call, said):
    with pytest.raises(ValueError) as error:
        call()
    assert said in str(error.value)
