"""The blocked and the native form on sizes, settings and numbers that nobody chose: all within rounding."""

import keras
import numpy as np
import oracle
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from keras import ops

from dendnet.ops import available_implementations, dac_conv, dac_dense

FORMS = [
    pytest.param(name, marks=[pytest.mark.slow] if (name, keras.backend.backend()) == ("blocked", "tensorflow") else [])
    for name in ("blocked", "native")
    if name in available_implementations()
]
EACH = {"blocked": 15, "native": 15 if keras.backend.backend() == "jax" else 100}  # XLA compiles every new size anew


def profile(form, property):
    """The property over many examples of this form."""
    settings(
        max_examples=EACH[form],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )(property)()


numbers = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "decades": st.sampled_from([0, 3, 18]),  # magnitudes from 10^-decades to 10^decades
        "zeros": st.sampled_from([0.0, 0.5]),
        "on_knots": st.booleans(),
    }
)


def drawn(how, *shapes):
    """Float32 arrays with these magnitudes, signs and zeros; products stay clear of overflow and of subnormals."""
    rng = np.random.default_rng(how["seed"])
    for shape in shapes:
        a = rng.normal(size=shape) * 10.0 ** rng.uniform(-how["decades"], how["decades"], size=shape)
        yield np.where(rng.random(shape) < how["zeros"], 0.0, a).astype("float32")


def hold(f, gradients, x, w, b, dy, **geometry):
    """y within 1e-5 of sum |w| relu(x + b), each gradient within 1e-5 of the sum of its terms' magnitudes."""
    found = [ops.convert_to_numpy(f(x, w, b))]
    found += gradients(lambda *a: ops.sum(f(*a) * ops.convert_to_tensor(dy)), x, w, b)
    forward = oracle.conv if w.ndim > 2 else oracle.dense
    expected = forward(x, w, b, **geometry), *oracle.gradients(x, w, b, dy, **geometry)
    scales = forward(x, abs(w), b, **geometry), *oracle.gradients(x, abs(w), b, abs(dy), **geometry)
    for name, got, exact, scale in zip(("y", "dx", "dkernel", "dbias"), found, expected, scales, strict=True):
        assert got.shape == exact.shape
        assert (np.abs(got - exact) <= 1e-5 * scale + 1e-36).all(), name


@pytest.mark.parametrize("form", FORMS)
def test_dense(gradients, form):
    @given(N=st.integers(0, 40), n=st.integers(1, 40), m=st.integers(1, 40), how=numbers)
    @example(N=1, n=1, m=1, how={"seed": 0, "decades": 18, "zeros": 0.0, "on_knots": True})
    @example(N=33, n=17, m=16, how={"seed": 0, "decades": 0, "zeros": 0.5, "on_knots": True})
    def property(N, n, m, how):
        x, w, b, dy = drawn(how, (N, n), (n, m), (n, m), (N, m))
        if how["on_knots"]:
            b[:, 0] = -x[0] if N else 0.0
        hold(lambda *a: dac_dense(*a, implementation=form), gradients, x, w, b, dy)

    profile(form, property)


@st.composite
def convolutions(draw):
    """Sizes, a kernel and settings that leave at least one output."""
    rank = draw(st.integers(1, 3))
    k = tuple(draw(st.integers(1, 4)) for _ in range(rank))
    step = draw(st.sampled_from(["strides", "dilation_rate"]))
    by = tuple(draw(st.integers(1, 3)) for _ in range(rank))
    padding = draw(st.sampled_from(["valid", "same", "causal"] if rank == 1 else ["valid", "same"]))
    reach = [(taps - 1) * d + 1 for taps, d in zip(k, by if step == "dilation_rate" else (1,) * rank, strict=True)]
    least = reach if padding == "valid" else (1,) * rank
    size = tuple(draw(st.integers(s, s + (12 if rank == 1 else 10 if rank == 2 else 3))) for s in least)
    return size, k, {step: by, "padding": padding}


@pytest.mark.parametrize("form", FORMS)
def test_conv(gradients, form):
    @given(
        N=st.integers(1, 12), c_in=st.integers(1, 5), c_out=st.integers(1, 20), of=convolutions(), taps=st.booleans(),
        how=numbers,
    )  # fmt: skip
    def property(N, c_in, c_out, of, taps, how):
        size, k, geometry = of
        x, w = drawn(how, (N, *size, c_in), (*k, c_in, c_out))
        (b,) = drawn(how, (c_in, c_out) if taps else w.shape)
        if how["on_knots"]:
            b[..., 0, 0] = -x[0].ravel()[0]
        (dy,) = drawn(how, oracle.conv(x, w, b, **geometry).shape)

        def f(*arrays):
            return dac_conv(*arrays, **geometry, data_format="channels_last", implementation=form)

        hold(f, gradients, x, w, b, dy, **geometry)

    profile(form, property)
