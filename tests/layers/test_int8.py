"""Weights in int8: the stated error, smaller files, the same outputs from a file, and no other mode."""

import keras
import numpy as np
import pytest
from every_layer import EVERY, LAST, example
from keras import layers, ops

from dendnet.layers import DACConv2D, DACDense

to_numpy = ops.convert_to_numpy
RELU = [row for row in EVERY if "dendrite_activation" not in row[2] and "activity_regularizer" not in row[2]]


def made(cls, shape, options, size):
    layer = cls(**size, **options)
    layer.build((None, *shape))
    draws = np.random.default_rng(0)
    layer.set_weights([draws.normal(size=w.shape) for w in layer.weights])
    return layer


def test_numbers_by_hand():
    layer = DACDense(1)
    layer.build((None, 2))
    layer.set_weights([np.array([[1.27], [-0.004]]), np.array([[-2.54], [1.0]])])
    layer.quantize("int8")
    assert {w.name: to_numpy(w).ravel().tolist() for w in layer.weights if w.dtype == "int8"} == {
        "kernel": [127, 0],
        "bias": [-127, 50],
    }
    np.testing.assert_allclose(to_numpy(layer.kernel), [[1.27], [0]], rtol=1e-6)
    np.testing.assert_allclose(to_numpy(layer.bias), [[-2.54], [1.0]], rtol=1e-6)


@pytest.mark.parametrize("cls, shape, options, size", RELU)
def test_outputs_stay_within_the_stated_error(cls, shape, options, size):
    layer, largest = made(cls, shape, options, size), made(cls, shape, options, size)
    x = example(shape, N=8)
    y, w, b = (to_numpy(a) for a in (layer(x), layer.kernel, layer.bias))
    per_output = tuple(range(w.ndim - 1))
    layer.quantize("int8")
    off = np.abs(to_numpy(layer(x)) - y)
    widest = np.broadcast_to(np.abs(w).max(per_output), w.shape)
    largest.set_weights([widest, b, *[np.zeros(w.shape[-1:])] * layer.use_output_bias])
    bound = to_numpy(largest(x)) / 254
    if layer.bias_sharing != "outputs":
        by_bias = np.abs(b).max(tuple(range(b.ndim - 1))) * np.abs(to_numpy(layer.kernel)).sum(per_output) / 254
        first = options.get("data_format") == "channels_first"
        bound += by_bias.reshape(-1, *[1] * (y.ndim - 2)) if first else by_bias
    assert (off <= bound + 1e-4).all()
    assert off.max() > 0


def model_of_two_kinds():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            DACConv2D(16, 3, **LAST, dendrites=2, use_output_bias=True),
            layers.Flatten(),
            DACDense(64),
            DACDense(16, bias_sharing="outputs"),
            layers.Dense(4),
        ]
    )


def test_files_shrink_and_give_the_same_outputs(tmp_path):
    model, x = model_of_two_kinds(), example((8, 8, 3), N=4)
    before = model.predict(x, verbose=0)
    model.save(tmp_path / "float.keras")
    model.quantize("int8")
    model.save(tmp_path / "int8.keras")
    model.save_weights(tmp_path / "int8.weights.h5")
    y = model.predict(x, verbose=0)
    assert 0 < np.abs(y - before).max() < 0.03 * np.abs(before).max()
    assert (tmp_path / "int8.keras").stat().st_size < (tmp_path / "float.keras").stat().st_size / 3
    loaded = keras.saving.load_model(tmp_path / "int8.keras")
    for a, b in zip(loaded.weights, model.weights, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(to_numpy(a), to_numpy(b))
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), y)
    again = keras.models.clone_model(model)
    again.load_weights(tmp_path / "int8.weights.h5")
    np.testing.assert_array_equal(again.predict(x, verbose=0), y)


def test_quantized_by_a_dtype_policy():
    for policy in ("int8_from_float32", "int8_from_mixed_bfloat16"):
        layer = DACDense(3, dtype=policy)
        y = layer(example((4,)))
        assert keras.backend.standardize_dtype(y.dtype) == layer.compute_dtype
        assert [w.dtype for w in layer.weights if "scale" not in w.name] == ["int8", "int8"]
        assert np.abs(to_numpy(ops.cast(layer.kernel, "float32"))).max() > 0.1
    keras.utils.set_random_seed(0)
    plain = DACDense(3)
    plain.build((None, 4))
    plain.dtype_policy = "int8_from_float32"
    assert plain.quantization_mode == "int8" and to_numpy(plain._kernel).dtype == "int8"


def test_what_is_quantized_is_trained_no_more_and_the_rest_is():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), DACDense(3, use_output_bias=True)])
    model.layers[1].quantize("int8")
    names = [w.name for w in model.trainable_weights]
    assert names == ["kernel", "bias", "output_bias"]
    before = [to_numpy(w) for w in model.weights]
    model.compile("sgd", "mse", jit_compile=False)
    model.fit(example((4,), N=8), np.ones((8, 3)), verbose=0)
    for w, old in zip(model.weights, before, strict=True):
        assert np.array_equal(to_numpy(w), old) == (not w.trainable), w.path


def test_low_rank_adaptation_of_an_int8_kernel(tmp_path):
    x = example((6,), N=16)
    model = keras.Sequential([keras.Input((6,)), DACDense(5, dtype="int8_from_float32")])
    layer = model.layers[0]
    layer.enable_lora(2)
    assert [w.name for w in model.trainable_weights] == ["lora_kernel_a", "lora_kernel_b"]
    model.compile("adam", "mse", jit_compile=False)
    model.fit(x, np.ones((16, 5)), epochs=3, verbose=0)
    y = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    layer.merge_lora()
    model.predict_function = None
    merged = model.predict(x, verbose=0)
    assert not model.trainable_weights and to_numpy(layer._kernel).dtype == "int8"
    for found in (merged, loaded.predict(x, verbose=0)):
        assert np.abs(found - y).max() < 0.02 * np.abs(y).max()


def dense():
    layer = DACDense(2)
    layer.build((None, 3))
    return layer


def with_nan():
    layer = dense()
    layer.bias.assign(np.full((3, 2), np.nan))
    return layer


MODES = [mode for mode in ("int4", "float8") if mode != "int4" or hasattr(keras.quantizers, "Int4QuantizationConfig")]
REFUSED = [
    *[(lambda mode=mode: dense().quantize(mode), f"nothing else. Received: mode={mode!r}") for mode in MODES],
    *[(lambda mode=mode: DACDense(2, dtype=f"{mode}_from_float32"), f"Received: mode={mode!r}") for mode in MODES],
    (lambda: keras.Sequential([keras.Input((3,)), dense()]).quantize("float8"), "Received: mode='float8'"),
    (lambda: dense().quantize("int7"), "int7"),
    (lambda: DACDense(2, dtype="int8_from_float32").enable_lora(2), "must be built"),
    (lambda: (layer := dense()).quantize("int8") or layer.quantize("int8"), "already quantized"),
    (lambda: with_nan().quantize("int8"), "Every weight must be finite. Received: bias="),
    (lambda: DACDense(2).quantize("int8"), "isn't yet built"),
]


@pytest.mark.parametrize("call, said", REFUSED)
def test_refuses(call, said):
    with pytest.raises(ValueError) as error:
        call()
    assert said in str(error.value)


def test_other_configurations_are_refused():
    kind = getattr(keras.quantizers, "Int8QuantizationConfig", None)
    if kind is None:
        pytest.skip("this Keras has no configurations of quantization")
    layer = dense()
    before = layer.get_weights()
    with pytest.raises(ValueError, match="no quantizer of one's own"):
        layer.quantize(config=kind(weight_quantizer=keras.quantizers.AbsMaxQuantizer(axis=1)))
    with pytest.raises(ValueError, match="Received: mode='int4'"):
        layer.quantize(config=keras.quantizers.Int4QuantizationConfig())
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    layer.quantize(config=kind())
    assert layer.quantization_mode == "int8"
