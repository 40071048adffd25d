"""model.export and nothing else, then a fresh process without dendnet at two batch sizes."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from every_layer import BLOCKED, LAST, example
from keras import layers

from dendnet.layers import DACConv1D, DACConv2D, DACConv3D, DACDense, set_implementation
from dendnet.ops import plain

HERE = keras.backend.backend()
FAST = BLOCKED[0] if BLOCKED else {}  # what an exporter has to be kept from

MODELS = {
    "steps": lambda: [
        keras.Input((6, 20)),
        DACConv1D(5, 3, padding="causal", dilation_rate=2, **FAST, **LAST),
        DACDense(4, dendrites=2, use_output_bias=True, **FAST),
        layers.GlobalAveragePooling1D(),
        DACDense(3),
    ],
    "images": lambda: [
        keras.Input((8, 7, 4)),
        DACConv2D(6, 3, padding="same", strides=2, groups=2, **FAST, **LAST),
        layers.BatchNormalization(),
        DACConv2D(5, 2, dilation_rate=2, bias_sharing="none", dendrite_activation="silu", **LAST),
        DACConv2D(4, 2, padding="same", bias_sharing="outputs", use_output_bias=True, **LAST),
        layers.GlobalAveragePooling2D(),
        DACDense(3, **FAST),
    ],
    "volumes": lambda: [
        keras.Input((17, 4, 5, 6)),
        DACConv3D(4, 3, padding="same", strides=2, use_output_bias=True, data_format="channels_first", **FAST),
    ],
}

# Each program loads one file and leaves run(x), its outputs for a batch x.
ENGINES = {
    "tf_saved_model": """
import tensorflow as tf
model = tf.saved_model.load(path)
run = model.serve
""",
    "onnx": """
import onnxruntime
session = onnxruntime.InferenceSession(path)
run = lambda x: session.run(None, {session.get_inputs()[0].name: x})[0]
""",
    "litert": """
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(path)
(given,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
def run(x):
    interpreter.resize_tensor_input(given["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(given["index"], x)
    interpreter.invoke()
    return interpreter.get_tensor(result["index"])
""",
    "torch": """
import torch
program = torch.export.load(path).module()
run = lambda x: program(torch.tensor(x)).detach()
""",
}
SUFFIX = {"tf_saved_model": "", "onnx": ".onnx", "litert": ".tflite", "torch": ".pt2"}
NEEDS = {
    ("tensorflow", "tf_saved_model"): [],
    ("tensorflow", "onnx"): ["tf2onnx", "onnxruntime"],
    ("tensorflow", "litert"): ["ai_edge_litert"],
    ("jax", "tf_saved_model"): ["tensorflow"],
    ("jax", "onnx"): ["jax2onnx", "onnxruntime"],
    ("torch", "onnx"): ["onnxscript", "onnxruntime"],
    ("torch", "torch"): [],
}
COMPARE = """
import sys
import numpy as np
path = sys.argv[1]
{engine}
run_of = np.load(sys.argv[2])
for batch in (1, 5):
    y = run_of["y"][:batch]
    error = np.abs(np.asarray(run(run_of["x"][:batch])) - y).max() / np.abs(y).max()
    assert error < 1e-5, (batch, error)
assert "dendnet" not in sys.modules
print("the same")
"""


@pytest.mark.parametrize(
    "model", ["images", *(pytest.param(m, marks=pytest.mark.slow_on_tensorflow) for m in ("steps", "volumes"))]
)
@pytest.mark.parametrize("format", [format for backend, format in NEEDS if backend == HERE])
@pytest.mark.filterwarnings("ignore")
def test_exported_model_runs_without_dendnet(format, model, tmp_path):
    for package in NEEDS[HERE, format]:
        pytest.importorskip(package)
    built = keras.Sequential(MODELS[model]())
    draws = np.random.default_rng(1)
    built.set_weights([np.abs(draws.normal(size=w.shape)) for w in built.weights])  # variances too
    x = example(built.input_shape[1:], N=5)
    np.savez(tmp_path / "run.npz", x=x, y=keras.ops.convert_to_numpy(built(x, training=False)))
    path = str(tmp_path / f"exported{SUFFIX[format]}")
    any_batch = {}
    if format == "torch":
        import torch

        any_batch = {"dynamic_shapes": ({0: torch.export.Dim("batch", min=1, max=64)},)}
    built.export(path, format=format, verbose=False, **any_batch)
    command = [sys.executable, "-c", COMPARE.format(engine=ENGINES[format]), path, str(tmp_path / "run.npz")]
    run = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True)
    assert run.stdout.strip().endswith("the same"), run.stderr


@pytest.fixture
def plain_calls(monkeypatch):
    """How often the plain graph was asked for."""
    calls = []
    wrapped = plain.connections
    monkeypatch.setattr(plain, "connections", lambda *args: calls.append(args) or wrapped(*args))
    return calls


def test_a_running_model_is_set_to_the_plain_graph_and_back(plain_calls):
    inner = keras.Sequential([keras.Input((4,)), DACDense(5, name="inner")])
    model = keras.Sequential([keras.Input((4,)), inner, layers.Dense(4), DACDense(3, name="outer")])
    model.compile("sgd", "mse")
    x = example((4,))
    before = model.predict(x, verbose=0)
    assert not plain_calls
    assert set_implementation(model, "plain") == ["inner", "outer"]
    np.testing.assert_allclose(model.predict(x, verbose=0), before, rtol=1e-5, atol=1e-6)
    assert len(plain_calls) >= 2
    copy = keras.Sequential.from_config(model.get_config())
    assert copy.layers[-1].implementation == "plain"
    set_implementation(model, "auto")
    plain_calls.clear()
    model.predict(x, verbose=0)
    model.fit(x, example((3,)), verbose=0)
    assert not plain_calls


def test_what_cannot_be_set_is_refused():
    with pytest.raises(ValueError, match="Received: implementation='static'"):
        set_implementation(DACDense(3), "static")
    with pytest.raises(ValueError, match=r"Received: model='model\.keras'"):
        set_implementation("model.keras", "plain")


QUANTIZED = {
    "dense": lambda: [keras.Input((64,)), DACDense(64, **FAST), DACDense(64)],
    "images": lambda: [
        keras.Input((8, 8, 16)),
        DACConv2D(64, 3, padding="same", **FAST, **LAST),
        layers.GlobalAveragePooling2D(),
        DACDense(10),
    ],
}


@pytest.mark.skipif(HERE != "tensorflow", reason="LiteRT's converter takes TensorFlow's models")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", QUANTIZED)
def test_litert_quantizes_kernels_and_biases(name, tmp_path):
    import tensorflow as tf

    model = keras.Sequential(QUANTIZED[name]())
    draws = np.random.default_rng(1)
    model.set_weights([0.2 * draws.normal(size=w.shape) for w in model.weights])
    x = example(model.input_shape[1:], N=32)
    model.export(tmp_path / "model", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "model"))
    as_float = converter.convert()
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in x)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    as_int8 = converter.convert()
    assert len(as_int8) < 0.55 * len(as_float)

    interpreter = tf.lite.Interpreter(model_content=as_int8)
    interpreter.allocate_tensors()
    y = np.asarray(model(x))
    for sample, expected in zip(x[:8], y, strict=False):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample[None])
        interpreter.invoke()
        given = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        assert np.abs(given - expected).max() < 0.04 * np.abs(y).max()


@pytest.mark.skipif(HERE not in ("jax", "torch"), reason="LiteRT's test is TensorFlow's")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", QUANTIZED)
def test_onnx_quantizes_kernels_and_biases(name, tmp_path):
    quantization = pytest.importorskip("onnxruntime.quantization")
    pytest.importorskip("jax2onnx" if HERE == "jax" else "onnxscript")
    import onnxruntime
    from onnxruntime.quantization.shape_inference import quant_pre_process

    model = keras.Sequential(QUANTIZED[name]())
    draws = np.random.default_rng(1)
    model.set_weights([0.2 * draws.normal(size=w.shape) for w in model.weights])
    x = example(model.input_shape[1:], N=32)
    y = keras.ops.convert_to_numpy(model(x))
    model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
    quant_pre_process(str(tmp_path / "model.onnx"), str(tmp_path / "float.onnx"))
    session = onnxruntime.InferenceSession(tmp_path / "float.onnx")
    given = session.get_inputs()[0].name

    class Samples(quantization.CalibrationDataReader):
        samples = iter(x)

        def get_next(self):
            sample = next(self.samples, None)
            return sample if sample is None else {given: sample[None]}

    quantization.quantize_static(tmp_path / "float.onnx", tmp_path / "int8.onnx", Samples())
    assert (tmp_path / "int8.onnx").stat().st_size < 0.6 * (tmp_path / "float.onnx").stat().st_size
    session = onnxruntime.InferenceSession(tmp_path / "int8.onnx")
    for sample, expected in zip(x[:8], y, strict=False):
        assert np.abs(session.run(None, {given: sample[None]})[0] - expected).max() < 0.04 * np.abs(y).max()


def test_only_an_exporter_gets_the_plain_graph(monkeypatch):
    """Training and prediction, compiled or not, keep their fast form."""
    monkeypatch.setattr(plain, "connections", lambda *_: pytest.fail("nothing is being exported"))
    model = keras.Sequential([keras.Input((4,)), DACDense(3)])
    model.compile("sgd", "mse")
    model.fit(example((4,)), example((3,)), verbose=0)
    model.predict(example((4,)), verbose=0)


def test_what_keras_cannot_export_says_so(tmp_path):
    model = keras.Sequential([keras.Input((4,)), DACDense(3)])
    if HERE == "jax":
        pytest.importorskip("tensorflow")
        with pytest.raises(ValueError, match="LiteRT export"):
            model.export(tmp_path / "model.tflite", format="litert")
    if HERE == "torch" and not importlib.util.find_spec("litert_torch"):
        with pytest.raises(ImportError, match="litert-torch"):
            model.export(tmp_path / "model.tflite", format="litert")


def test_a_border_that_depends_on_an_unknown_size(tmp_path):
    """TensorFlow computes it in the graph; elsewhere the layer refuses rather than export one size's border."""
    model = keras.Sequential([keras.Input((None, None, 2)), DACConv2D(3, 3, 2, "same", **LAST)])
    model(example((5, 6, 2)))
    if HERE == "tensorflow":
        model.export(tmp_path / "model", verbose=False)
    else:
        pytest.importorskip("onnxruntime")
        with pytest.raises(ValueError) as error:
            model.export(tmp_path / "model.onnx", format="onnx", verbose=False)
        assert "Received: size=(None, None)" in str(error.value)
