"""Low-rank adaptation: the formula, what is trained, files, merging, and what must be refused."""

import keras
import numpy as np
import pytest
from every_layer import LAST, example
from keras import layers, ops

from dendnet.layers import DACConv1D, DACConv2D, DACConv3D, DACDense

to_numpy = ops.convert_to_numpy
KINDS = [
    (DACDense, (4,), dict(units=3, dendrites=2, use_output_bias=True)),
    (DACDense, (4,), dict(units=3, bias_sharing="outputs")),
    (DACConv1D, (6, 4), dict(filters=5, kernel_size=3, padding="causal", **LAST)),
    (DACConv2D, (6, 7, 4), dict(filters=4, kernel_size=3, groups=2, bias_sharing="none", **LAST)),
    (DACConv3D, (4, 5, 4, 4), dict(filters=3, kernel_size=2, **LAST)),
]
table = pytest.mark.parametrize("cls, shape, options", KINDS)


def adapted(cls, shape, options, **lora):
    """A model of one layer, after a few steps with LoRA."""
    model = keras.Sequential([keras.Input(shape), cls(**options)])
    model.layers[0].enable_lora(2, **lora)
    model.compile(keras.optimizers.Adam(0.05), "mse", jit_compile=False)
    model.fit(example(shape, N=16), np.ones((16, *model.output_shape[1:])), epochs=3, verbose=0)
    return model


@table
def test_kernel_stays_and_the_factors_learn(cls, shape, options):
    layer = cls(**options)
    layer.build((None, *shape))
    x = example(shape)
    kernel, before = to_numpy(layer.kernel), to_numpy(layer(x))
    layer.enable_lora(2)
    np.testing.assert_array_equal(to_numpy(layer(x)), before)
    model = adapted(cls, shape, options, lora_alpha=6)
    layer = model.layers[0]
    start = to_numpy(layer._kernel)
    model.fit(x, np.ones((2, *model.output_shape[1:])), verbose=0)
    np.testing.assert_array_equal(to_numpy(layer._kernel), start)
    a, b = to_numpy(layer.lora_kernel_a), to_numpy(layer.lora_kernel_b)
    assert a.shape == (*kernel.shape[:-1], 2) and b.shape == (2, kernel.shape[-1]) and b.any()
    np.testing.assert_allclose(to_numpy(layer.kernel), start + 3 * a @ b, atol=1e-6)
    plain = cls(**options)
    plain.build((None, *shape))
    rest = [layer.output_bias] if layer.use_output_bias else []
    plain.set_weights([start + 3 * a @ b, *map(to_numpy, [layer.bias, *rest])])
    np.testing.assert_allclose(to_numpy(layer(x)), to_numpy(plain(x)), atol=1e-5)


def test_the_same_weights_are_trained_as_in_keras_dense():
    ours, theirs = DACDense(3, use_output_bias=True), layers.Dense(3)
    for layer in (ours, theirs):
        layer.build((None, 4))
        layer.enable_lora(2)
    names = [w.name for w in ours.trainable_weights if w is not ours.bias]
    assert [name.removeprefix("output_") for name in names] == [w.name for w in theirs.trainable_weights]
    sizes = {w.name: tuple(w.shape) for w in ours.weights}
    assert sizes["lora_kernel_a"] == (4, 2) and sizes["lora_kernel_b"] == (2, 3)
    assert [w.name for w in ours.non_trainable_weights] == ["kernel"]


@table
def test_files_hold_the_merged_kernel(cls, shape, options, tmp_path):
    model, x = adapted(cls, shape, options, lora_alpha=3), example(shape)
    y = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    layer = loaded.layers[0]
    assert layer.lora_enabled and (layer.lora_rank, layer.lora_alpha) == (2, 3)
    assert not to_numpy(layer.lora_kernel_b).any()
    plain = keras.Sequential([keras.Input(shape), cls(**options)])
    plain.load_weights(tmp_path / "model.weights.h5")
    for again in (loaded, plain):
        np.testing.assert_allclose(again.predict(x, verbose=0), y, atol=1e-5)


@table
def test_merging_keeps_the_outputs_and_trains_the_kernel_again(cls, shape, options):
    model, x = adapted(cls, shape, options), example(shape, N=16)
    y = model.predict(x, verbose=0)
    layer = model.layers[0]
    layer.merge_lora()
    names = ["kernel", "bias"] + ["output_bias"] * layer.use_output_bias
    assert [w.name for w in layer.trainable_weights] == names and not layer.lora_enabled
    assert layer.get_config()["lora_rank"] is None
    kernel = to_numpy(layer.kernel)
    model.compile("sgd", "mse", jit_compile=False)
    np.testing.assert_allclose(model.predict(x, verbose=0), y, atol=1e-5)
    model.fit(x, np.zeros_like(y), verbose=0)
    assert not np.array_equal(to_numpy(layer.kernel), kernel)


def test_rank_as_an_argument():
    layer = DACDense(3, lora_rank=2, lora_alpha=4)
    layer.build((None, 4))
    assert layer.lora_enabled and (layer.lora_rank, layer.lora_alpha) == (2, 4)
    again = DACDense.from_config(layer.get_config())
    assert (again.lora_rank, again.lora_alpha) == (2, 4)
    assert DACDense(3, lora_rank=2).lora_alpha == 2


def test_mixed_precision():
    layer = DACDense(3, lora_rank=2, dtype="mixed_bfloat16")
    y = layer(example((4,)))
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    assert layer.lora_kernel_a.dtype == "float32"


def built(**options):
    layer = DACDense(2, **options)
    layer.build((None, 3))
    return layer


REFUSED = [
    (lambda: DACDense(2).enable_lora(1), "must be built before enable_lora"),
    (lambda: built().enable_lora(0), "rank must be a positive integer. Received: rank=0"),
    (lambda: DACDense(2, lora_rank=0), "Received: lora_rank=0"),
    (lambda: DACDense(2, lora_rank=1, lora_alpha="2"), "Received: lora_alpha='2'"),
    (lambda: built(lora_rank=1).enable_lora(1), "merge_lora() ends it. Received: lora_rank=1"),
    (lambda: built(kernel_constraint="non_neg").enable_lora(1), "cannot be adapted by LoRA"),
    (lambda: built().merge_lora(), "must be adapted by enable_lora"),
]


@pytest.mark.parametrize("call, said", REFUSED)
def test_refuses(call, said):
    with pytest.raises(ValueError) as error:
        call()
    assert said in str(error.value)
