"""The fused kernels against the oracle: compiled where there is a GPU, interpreted on the CPU everywhere else."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import oracle
import pytest
from keras import ops

from dendnet.layers import DACConv2D
from dendnet.ops import available_implementations, dac_conv, dac_dense, fused

BACKEND = keras.backend.backend()
ON_GPU = fused.runs()
FUSED = {"implementation": "fused", "data_format": "channels_last"}
to_numpy = ops.convert_to_numpy
gpu_only = pytest.mark.skipif(not ON_GPU, reason="no GPU that the fused kernels run on")

# N, n, m: on and off the multiples of a tile and of a step, and down to one
DENSE = [(64, 16, 64), (65, 6, 70), (17, 33, 18), (1, 1, 1), (33, 2, 1)]

# size, k, c_in, c_out, settings; every second one has a bias for each weight
CONV = [
    ((5, 6), (3, 3), 3, 4, dict(padding="same")),
    ((6, 5), (3, 2), 2, 4, dict(padding="same", strides=2)),
    ((7, 5), (2, 3), 2, 3, dict(padding="same", strides=(3, 1))),
    ((6, 7), (3, 3), 2, 3, dict(dilation_rate=2)),
    ((5, 4), (3, 3), 2, 2, dict(padding="same", dilation_rate=(1, 2))),
    ((7, 7), (2, 2), 2, 3, dict(strides=3)),
    ((5, 5), (1, 1), 17, 18, dict(strides=2)),
    ((5, 5), (5, 5), 1, 2, dict(padding="same", strides=2)),
    ((8,), (3,), 2, 3, dict(padding="causal", dilation_rate=2)),
    ((4, 3, 5), (2, 3, 2), 2, 3, dict(padding="same", strides=2)),
]


@pytest.fixture(scope="module")
def module():
    """The kernels of this backend, as Triton's and Pallas's own interpreters run them where there is no GPU."""
    with pytest.MonkeyPatch.context() as patch:
        if BACKEND == "torch":
            pytest.importorskip("triton", minversion="3.4", reason="no Triton that takes the kernels")
            if not ON_GPU:
                patch.setenv("TRITON_INTERPRET", "1")  # read where a kernel is defined
                patch.delitem(sys.modules, "dendnet.ops.fused_torch", raising=False)
        elif BACKEND == "jax":
            pallas = pytest.importorskip("jax.experimental.pallas.triton", reason="no Pallas for GPUs here")
            if not hasattr(pallas, "CompilerParams"):
                pytest.skip("this JAX's Pallas is too old for the kernels")
        else:
            pytest.skip(f"no fused kernels on {BACKEND}")
        return importlib.import_module(f"dendnet.ops.fused_{BACKEND}")


@pytest.fixture
def kernels(module, monkeypatch):
    """The same, offered as if this machine had the GPU."""
    if not ON_GPU:
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(module, "INTERPRET", True, raising=False)
        monkeypatch.setattr(fused, "runs", lambda: True)
        monkeypatch.setattr(fused, "_on_gpu", lambda x: True)
    if BACKEND != "jax" or ON_GPU:
        yield module
    else:
        import jax

        jax.config.update("jax_disable_most_optimizations", True)  # compiling an interpreted kernel is what takes long
        yield module
        jax.config.update("jax_disable_most_optimizations", False)


@gpu_only
def test_they_are_found_also_where_keras_infers_shapes():
    """The first layer built asks, without gradients on torch; the answer is kept."""
    fused._found.cache_clear()
    assert DACConv2D(2, 3)(keras.Input((4, 4, 3))).shape == (None, 2, 2, 2)
    assert fused.runs()
    if BACKEND == "torch":
        import torch

        fused._found.cache_clear()
        with torch.no_grad():
            assert fused.runs()


def normal(rng, *shapes):
    return [rng.normal(size=s).astype("float32") for s in shapes]


def dense(x, w, b):
    return dac_dense(x, w, b, implementation="fused")


def hold(f, gradients, arrays, dy, expected, magnitude, tolerance=1e-5):
    """y and each gradient within the tolerance of the sum of its terms' magnitudes."""
    found = [to_numpy(f(*map(ops.convert_to_tensor, arrays)))]
    found += gradients(lambda *a: ops.sum(f(*a) * ops.convert_to_tensor(dy)), *arrays)
    for name, a, e, scale in zip(("y", "dx", "dkernel", "dbias"), found, expected, magnitude, strict=True):
        assert a.shape == e.shape
        assert (np.abs(a - e) <= tolerance * scale + 1e-30).all(), name


def exact(x, w, b, dy, **settings):
    """y and its gradients, and what they are held against: sums |w| (|x| + |b|), and of the gradients' terms."""
    forward = oracle.conv if settings or w.ndim > 2 else oracle.dense
    return (
        (forward(x, w, b, **settings), *oracle.gradients(x, w, b, dy, **settings)),
        (forward(*map(np.abs, (x, w, b)), **settings), *oracle.gradients(x, abs(w), b, abs(dy), **settings)),
    )


@pytest.mark.parametrize("N, n, m", DENSE)
def test_dense(kernels, rng, gradients, N, n, m):
    x, w, b, dy = normal(rng, (N, n), (n, m), (n, m), (N, m))
    hold(dense, gradients, (x, w, b), dy, *exact(x, w, b, dy))


@pytest.mark.parametrize("case", range(len(CONV)))
def test_conv(kernels, rng, gradients, case):
    size, k, c_in, c_out, settings = CONV[case]
    x, w = normal(rng, (2, *size, c_in), (*k, c_in, c_out))
    (b,) = normal(rng, w.shape if case % 2 else (c_in, c_out))
    (dy,) = normal(rng, oracle.conv(x, w, b, **settings).shape)
    hold(lambda *a: dac_conv(*a, **settings, **FUSED), gradients, (x, w, b), dy, *exact(x, w, b, dy, **settings))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("conv", [False, True])
def test_half_precision_is_rounded_once(kernels, rng, gradients, dtype, conv):
    """Results have the inputs' dtype, and differ from the float32 sums by their own rounding."""
    shapes = [(2, 4, 4, 6), (3, 3, 6, 5), (6, 5), (2, 4, 4, 5)] if conv else [(4, 60), (60, 5), (60, 5), (4, 5)]
    settings = dict(padding="same") if conv else {}
    # Triton's interpreter cuts a bfloat16 where the GPU rounds it.
    rounding = {"float16": 2**-11, "bfloat16": 2**-7 if BACKEND == "torch" and not ON_GPU else 2**-8}[dtype]
    x, w, b, dy = (to_numpy(ops.cast(ops.cast(a, dtype), "float32")) for a in normal(rng, *shapes))

    def f(*arrays):
        arrays = [ops.cast(a, dtype) for a in arrays]
        y = dac_conv(*arrays, **settings, **FUSED) if conv else dense(*arrays)
        assert keras.backend.standardize_dtype(y.dtype) == dtype
        return ops.cast(y, "float32")

    hold(f, gradients, (x, w, b), dy, *exact(x, w, b, dy, **settings), rounding)


def test_half_precision_reaches_the_kernels_uncast(kernels, monkeypatch):
    read = []
    monkeypatch.setattr(kernels, "run", lambda x, kernel, bias, geometry: read.append(x.dtype) or x @ kernel)
    half = ops.ones((4, 4), "float16")
    dense(half, half, half)
    assert [keras.backend.standardize_dtype(d) for d in read] == ["float16"]


def test_groups_channels_first_and_further_leading_axes(kernels, rng):
    x, w, b = normal(rng, (2, 4, 4, 6), (3, 3, 2, 3), (2, 3))
    y = to_numpy(dac_conv(x, w, b, padding="same", **FUSED))
    np.testing.assert_allclose(y, oracle.conv(x, w, b, padding="same"), atol=1e-4)
    first = dac_conv(np.moveaxis(x, -1, 1), w, b, padding="same", data_format="channels_first", implementation="fused")
    np.testing.assert_array_equal(np.moveaxis(to_numpy(first), 1, -1), y)
    x, w, b = normal(rng, (2, 3, 5), (5, 4), (5, 4))
    np.testing.assert_allclose(to_numpy(dense(x, w, b)).reshape(6, 4), oracle.dense(x.reshape(6, 5), w, b), atol=1e-5)


def test_no_samples(kernels, gradients):
    x, w, b = (np.ones(s, "float32") for s in [(0, 5), (5, 4), (5, 4)])
    assert tuple(dense(x, w, b).shape) == (0, 4)
    found = gradients(lambda *a: ops.sum(dense(*a)), x, w, b)
    assert [g.shape for g in found] == [(0, 5), (5, 4), (5, 4)] and not any(g.any() for g in found)
    x, w, b = (np.ones(s, "float32") for s in [(0, 4, 4, 2), (3, 3, 2, 1), (2, 1)])
    assert tuple(dac_conv(x, w, b, **FUSED).shape) == (0, 2, 2, 1)


def test_gradient_on_a_knot_is_zero(kernels, gradients):
    found = gradients(lambda *a: ops.sum(dense(*a)), [[1.0]], [[3.0]], [[-1.0]])
    assert [g.item() for g in found] == [0.0, 0.0, 0.0]


def test_infinities_and_nan_in_x_give_what_the_definition_gives(kernels):
    x = np.array([[np.nan], [np.inf], [-np.inf], [3e38], [1e-30]], "float32")
    w, b = np.array([[2.0, -1.0]], "float32"), np.array([[1.0, -4.0]], "float32")
    with np.errstate(invalid="ignore", over="ignore"):
        expected = to_numpy(dac_dense(x, w, b, implementation="reference"))
    np.testing.assert_allclose(to_numpy(dense(x, w, b)), expected, rtol=1e-5, atol=1e-6)


def test_silent_connections_have_gradients_of_exactly_zero(kernels, gradients):
    """A far bias costs rounding in the value, never in a gradient."""
    x, w, b = (np.full(s, v, "float32") for s, v in [((20, 3), 0.3), ((3, 2), 1.7), ((3, 2), -1000.1)])
    assert not any(g.any() for g in gradients(lambda *a: ops.sum(dense(*a)), x, w, b))


def test_border_is_silent_whatever_the_bias(kernels, rng, gradients):
    x, w = normal(rng, (2, 3, 3, 2), (3, 3, 2, 3))
    b = np.full((2, 3), 100.0, "float32")
    y = to_numpy(dac_conv(x, w, b, padding="same", **FUSED))
    np.testing.assert_allclose(y, oracle.conv(x, w, b, padding="same"), rtol=1e-4, atol=1e-2)
    found = gradients(lambda *a: ops.sum(dac_conv(*a, padding="same", **FUSED)), x, w, b)
    assert all(np.isfinite(g).all() for g in found)


def test_equal_inputs_give_equal_bits(kernels, rng, gradients):
    """No atomics: sums are taken in one order, those over several shares of the samples too."""
    arrays = normal(rng, (3, 10, 10, 2), (3, 3, 2, 3), (2, 3))
    once, again = (gradients(lambda *a: ops.sum(dac_conv(*a, **FUSED) ** 2), *arrays) for _ in range(2))
    assert all((a == b).all() for a, b in zip(once, again, strict=True))


def test_second_derivatives_are_those_of_the_definition(kernels, rng):
    x, w, b = (ops.convert_to_tensor(a) for a in normal(rng, (3, 4), (4, 2), (4, 2)))

    def cubed(x, implementation):
        return ops.sum(dac_dense(x, w, b, implementation=implementation) ** 3)

    def twice(implementation):
        if BACKEND == "jax":
            import jax

            return jax.grad(lambda x: ops.sum(jax.grad(cubed)(x, implementation) ** 2))(x)
        import torch

        at = x.detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(cubed(at, implementation), at, create_graph=True)
        return torch.autograd.grad((gradient**2).sum(), at)[0]

    np.testing.assert_allclose(*(to_numpy(twice(i)) for i in ("reference", "fused")), rtol=1e-3, atol=1e-3)


def test_per_example_gradients_and_forward_mode(kernels, rng):
    """JAX gives each sample its gradient by vmap, and refuses jvp; torch.func refuses with a sentence of its own."""
    x, w, b = (ops.convert_to_tensor(a) for a in normal(rng, (6, 20), (20, 18), (20, 18)))

    def squares(w, x, i):
        return ops.sum(dac_dense(x[None], w, b, implementation=i) ** 2)

    if BACKEND == "jax":
        import jax

        each = [to_numpy(jax.vmap(lambda x, i=i: jax.grad(squares)(w, x, i))(x)) for i in ("reference", "fused")]
        np.testing.assert_allclose(*each, rtol=1e-4, atol=1e-4)
        with pytest.raises(TypeError, match="forward-mode"):
            jax.jvp(lambda x: dense(x, w, b), (x,), (x,))
    else:
        import torch

        with pytest.raises(RuntimeError, match="setup_context"):
            torch.func.vmap(lambda x: torch.func.grad(squares)(w, x, "fused"))(x)


@gpu_only
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize(
    "pixels, c_in, c_out, stride", [(32, 16, 16, 1), (32, 16, 32, 2), (16, 32, 64, 2), (8, 64, 64, 1)]
)
def test_compiled_as_blocked_on_the_layers_of_a_resnet_20(rng, gradients, pixels, c_in, c_out, stride, dtype):
    arrays = normal(rng, (32, pixels, pixels, c_in), (3, 3, c_in, c_out), (c_in, c_out))
    settings = dict(strides=stride, padding="same", data_format="channels_last")

    def f(*arrays, implementation):
        y = dac_conv(*(ops.cast(a, dtype) for a in arrays), **settings, implementation=implementation)
        return ops.mean(ops.cast(y, "float32") ** 2)

    each = [gradients(lambda *a, i=i: f(*a, implementation=i), *arrays) for i in ("fused", "blocked")]
    tolerance = {"float32": 1e-5, "float16": 2**-9, "bfloat16": 2**-6}[dtype]
    for found, expected in zip(*each, strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


def test_auto_takes_fused_where_it_runs_and_another_form_elsewhere(monkeypatch):
    """For relu and many terms, in a dtype of the kernels; never for a tensor beside the GPU."""
    from dendnet.ops import implementations

    def taken(x, activation="relu"):
        return implementations._choose(
            "auto", x, ops.ones((64, 64)), keras.activations.get(activation), implementations.DENSE
        )

    many, few = ops.ones((2048, 64)), ops.ones((1, 64))
    monkeypatch.setattr(fused, "runs", lambda: False)
    elsewhere = "native" if "native" in available_implementations() else "blocked"
    assert taken(many) == elsewhere and "fused" not in available_implementations()
    monkeypatch.setattr(fused, "runs", lambda: True)
    monkeypatch.setattr(fused, "_on_gpu", lambda x: True)
    assert "fused" in available_implementations()
    assert [taken(many), taken(few), taken(many, "tanh")] == ["fused", "reference", "reference"]
    assert taken(ops.cast(many, "float16")) == "fused"
    if BACKEND != "jax":  # which has no float64 by default
        assert taken(ops.cast(many, "float64")) == elsewhere
    monkeypatch.setattr(fused, "_on_gpu", lambda x: False)
    assert taken(many) == elsewhere


@pytest.mark.parametrize("capability", [(6, 1), (7, 5), (9, 0)])
def test_a_gpu_that_is_too_old_or_fails_to_compile_is_passed_over(monkeypatch, capability):
    """The probe meets a GPU that is not there: too old by its number, or failing at its first kernel."""
    if ON_GPU:
        pytest.skip("the GPU here is real")
    if BACKEND == "torch":
        import torch

        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    elif BACKEND == "jax":
        import jax

        jax.clear_caches()
        device = type("Device", (), {"compute_capability": "{}.{}".format(*capability)})
        monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
        monkeypatch.setattr(jax, "devices", lambda: [device])
    assert fused._found.__wrapped__() is False


@pytest.mark.skipif(ON_GPU, reason="fused runs here")
def test_refused_where_it_does_not_run():
    with pytest.raises(ValueError, match=r"Received: implementation='fused'$"):
        dense(np.ones((2, 3)), np.ones((3, 2)), np.ones((3, 2)))


def test_refuses_other_dtypes_and_activations(kernels):
    x, w, b = np.ones((2, 3)), np.ones((3, 2)), np.ones((3, 2))
    with pytest.raises(ValueError, match=r"computes relu alone.*Received: activation"):
        dac_dense(x, w, b, activation="tanh", implementation="fused")
    if BACKEND == "torch":
        with pytest.raises(ValueError, match=r"dtype among .*Received: x.dtype='float64', implementation='fused'$"):
            dense(*(ops.cast(a, "float64") for a in (x, w, b)))


def test_the_benchmark_that_shares_an_activation_computes_the_definition():
    """benchmarks/nine_taps_triton.py by Triton's interpreter, at one of the sizes that it checks itself."""
    if BACKEND != "torch":
        pytest.skip("Triton's kernels are torch's")
    pytest.importorskip("triton", minversion="3.4", reason="no Triton that takes the kernels")
    program = "from benchmarks import nine_taps_triton as b; b.check('cpu', b.CHECKED[3:4], (2,))"
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], env=environment, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
