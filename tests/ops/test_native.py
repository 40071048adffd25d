"""The native form alone: its threads, sizes that are not known, XLA around it, and machines without a compiler."""

import json
import os
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from keras import ops

from dendnet.layers import DACConv1D, DACConv2D, DACDense
from dendnet.ops import available_implementations, dac_conv, dac_dense, native

pytestmark = pytest.mark.skipif("native" not in available_implementations(), reason="no C++ compiler here")
BACKEND = keras.backend.backend()
LAST = {"data_format": "channels_last"}

# x, kernel and bias of so many terms that several threads share them: by outputs, by samples, by inputs, and both
MANY = [
    ((3, 700), (700, 900), (700, 900)),
    ((3000, 5), (5, 70), (5, 70)),
    ((200, 64), (64, 130), (64, 130)),
    ((1, 12, 12, 48), (3, 3, 48, 24), (48, 24)),
    ((9, 16, 16, 3), (3, 3, 3, 33), (3, 33)),
    ((30, 3, 3, 16), (3, 3, 16, 30), (16, 30)),
    ((9, 16, 16, 3), (3, 3, 3, 33), (3, 3, 3, 33)),
    ((2, 2000, 4), (5, 4, 18), (4, 18)),
]


@pytest.mark.parametrize("shapes", MANY)
def test_threads_share_the_work(rng, gradients, shapes):
    arrays = [rng.normal(size=s).astype("float32") for s in shapes]

    def value(*arrays, implementation):
        if arrays[1].ndim == 2:
            return ops.mean(dac_dense(*arrays, implementation=implementation) ** 2)
        return ops.mean(dac_conv(*arrays, padding="same", **LAST, implementation=implementation) ** 2)

    each = [gradients(lambda *a, i=i: value(*a, implementation=i), *arrays) for i in ("native", "reference")]
    for found, expected in zip(*each, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5 * np.abs(expected).max())


@pytest.mark.slow_on_tensorflow
def test_as_many_threads_as_are_asked_for():
    """One thread, or seven on any machine: the same numbers within rounding, and exactly the same in each run."""
    program = (
        "import json, numpy as np\nfrom dendnet.ops import dac_conv\nfrom keras import ops\n"
        "x, w, b = (np.random.default_rng(0).normal(size=s).astype('float32')"
        " for s in ((9, 16, 16, 40), (3, 3, 40, 30), (40, 30)))\n"
        "f = lambda: ops.convert_to_numpy(dac_conv(x, w, b, implementation='native', data_format='channels_last'))\n"
        "y = f()\nassert (f() == y).all()\nprint(json.dumps(y[:, 3, 3, 7].tolist()))"
    )
    found = []
    for threads in ("1", "7"):
        environment = os.environ | {"OMP_NUM_THREADS": threads, "TF_CPP_MIN_LOG_LEVEL": "3"}
        run = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        found.append(json.loads(run.stdout.splitlines()[-1]))
    np.testing.assert_allclose(*found, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
def test_other_types(rng, dtype):
    x, w, b = (ops.convert_to_tensor(rng.normal(size=s).astype(dtype)) for s in ((4, 8, 8, 3), (3, 3, 3, 20), (3, 20)))
    if keras.backend.standardize_dtype(x.dtype) != dtype:
        pytest.skip("JAX has no float64 unless it is asked for")
    y, expected = (
        ops.convert_to_numpy(dac_conv(*(ops.cast(a, t) for a in (x, w, b)), **LAST, implementation=i))
        for t, i in ((dtype, "native"), ("float64" if dtype == "float64" else "float32", "reference"))
    )
    assert y.dtype == dtype
    np.testing.assert_allclose(y, expected, rtol=1e-13 if dtype == "float64" else 2**-10, atol=1e-12)


def test_layers_of_any_length_share_one_program():
    """On TensorFlow: batches and sequences of unknown length, each length right, and nothing traced again."""
    if BACKEND != "tensorflow":
        pytest.skip("sizes are known elsewhere")
    import tensorflow as tf

    layer = DACConv1D(5, 3, padding="causal", implementation="native")
    dense = DACDense(4, implementation="native")
    dense(layer(tf.zeros((1, 1, 2))))  # makes the weights
    traced = []

    @tf.function(input_signature=[tf.TensorSpec((None, None, 2))])
    def step(x):
        traced.append(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = dense(layer(x))
        return y, tape.gradient(y, x)

    for length in (7, 1, 40, 3):
        x = tf.random.stateless_normal((length % 5, length, 2), (0, length))
        y, dx = step(x)
        layer.implementation = dense.implementation = "reference"
        np.testing.assert_allclose(y, dense(layer(x)), rtol=1e-4, atol=1e-5)
        layer.implementation = dense.implementation = "native"
        assert dx.shape == x.shape
    assert len(traced) == 1 and y.shape[-1] == 4


def test_in_a_program_of_xla_another_form_runs():
    """jit_compile=True of the user's own: TensorFlow's XLA knows no native operator, so that "auto" takes another."""
    if BACKEND != "tensorflow":
        pytest.skip("TensorFlow's XLA")
    import tensorflow as tf

    layer = DACDense(64)
    x = tf.random.normal((256, 64))
    plain, compiled = layer(x), tf.function(layer, jit_compile=True)(x)
    np.testing.assert_allclose(plain, compiled, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match=r"outside of what XLA compiles. Received: implementation='native'"):
        tf.function(lambda x: DACDense(64, implementation="native")(x), jit_compile=True)(x)
    assert not DACConv2D(2, 3).supports_jit  # of itself, Keras does not compile a model around it
    assert DACConv2D(2, 3, implementation="blocked").supports_jit


@pytest.fixture
def asked_anew():
    for cached in (native._found, native.path):
        cached.cache_clear()
    yield
    for cached in (native._found, native.path):
        cached.cache_clear()


def test_without_a_compiler_it_says_so_once(asked_anew, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.warns(UserWarning, match=r"runs slower here.* Received: no C\+\+ compiler was found"):
        assert not native.runs()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "native" not in available_implementations()
        y = dac_dense(np.ones((300, 30)), np.ones((30, 20)), np.ones((30, 20)))
        with pytest.raises(ValueError, match="Received: implementation='native'"):
            dac_dense(np.ones((2, 3)), np.ones((3, 2)), np.ones((3, 2)), implementation="native")
    assert (ops.convert_to_numpy(y) == 60).all()


def test_a_compiler_that_fails_is_named(asked_anew, monkeypatch, tmp_path):
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\ncase $* in *-E*) exit 0;; esac\necho 'cannot do it' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CXX", str(broken))
    with pytest.warns(UserWarning, match="cannot do it"):
        assert not native.runs()


def test_wrong_numbers_are_not_used(asked_anew, monkeypatch):
    """A library that computes something else, by a compiler's fault, is not taken."""
    monkeypatch.setattr(native, "call", lambda *_: None)
    with pytest.warns(UserWarning, match="gives wrong numbers"):
        assert not native.runs()


def test_a_folder_that_cannot_be_written_is_done_without(asked_anew, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "file"))
    assert str(native._folder()) == native._own_folder().name and native._folder().is_dir()
