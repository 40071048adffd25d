"""The certified approximator: never above its bound, which never is above epsilon; wrong moduli and sizes refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_settings import DTYPES, computed, few

from dendnet.theory import approximate
from dendnet.theory.approximation import parameters
from dendnet.theory.hats import points


def cones(rng, d):
    """A random function of Lipschitz constant 1: the lowest of three cones, three upside down, and a slope."""
    tips, heights = rng.uniform(-0.3, 1.3, (6, d)), rng.uniform(0, 1, 6)
    direction = rng.normal(size=d)

    def f(x):
        cone = np.linalg.norm(x[:, None] - tips, axis=-1)
        low, high = (heights[:3] + cone[:, :3]).min(axis=1), (heights[3:] - cone[:, 3:]).max(axis=1)
        return np.minimum(low, np.maximum(high, x @ direction / np.linalg.norm(direction)))

    return f


def error(f, network, d, rng, dtype, a_side):
    """The largest error on a fine grid and at as many random points."""
    fine = points(d, a_side - 1) / (a_side - 1)
    x = np.concatenate([fine, rng.uniform(size=fine.shape)]).astype(dtype)
    y = network.predict(x, batch_size=512, verbose=0)[:, 0]
    return np.abs(y.astype("float64") - f(x.astype("float64"))).max()


def hold(seed, d, epsilon, dtype, a_side):
    rng = np.random.default_rng(seed)
    f = cones(rng, d)
    made = approximate(f, d, epsilon, lipschitz=1.0, dtype=dtype)
    proof = made.certificate
    assert error(f, made.network, d, rng, dtype, a_side) <= proof.error <= epsilon
    assert np.sqrt(d) / (2 * made.cells) <= proof.bound < 1.001 * np.sqrt(d) / (2 * made.cells)
    assert proof.parameters == made.network.count_params() <= parameters(d, made.cells)
    assert (proof.low, proof.high) == (0, 1)


seeds, dtypes = st.integers(0, 2**32 - 1), st.sampled_from(DTYPES)


@few(12)
@given(seed=seeds, epsilon=st.sampled_from([0.5, 0.1, 0.03, 0.01]), dtype=dtypes)
def test_one_dimension(seed, epsilon, dtype):
    hold(seed, 1, epsilon, dtype, a_side=2001)


@few(5)
@given(seed=seeds, epsilon=st.sampled_from([0.4, 0.1, 0.05]), dtype=dtypes)
def test_two_dimensions(seed, epsilon, dtype):
    hold(seed, 2, epsilon, dtype, a_side=50)


@few(3)
@given(seed=seeds, epsilon=st.sampled_from([0.5, 0.2]), dtype=dtypes)
def test_three_dimensions(seed, epsilon, dtype):
    hold(seed, 3, epsilon, dtype, a_side=14)


@pytest.mark.slow
@few(25)
@given(seed=seeds, to=st.sampled_from([(1, 0.01), (2, 0.05), (3, 0.2), (4, 0.5)]), dtype=dtypes)
def test_every_dimension_on_finer_grids(seed, to, dtype):
    hold(seed, *to, dtype, a_side={1: 20001, 2: 150, 3: 28, 4: 12}[to[0]])


def test_the_bound_is_sharp():
    """In one dimension a tent whose tip is in the middle of a cell errs by L / (2N), the bound itself."""
    f = lambda x: np.abs(x[:, 0] - 0.125)  # noqa: E731
    made = approximate(f, 1, 0.13, lipschitz=1.0)
    assert made.cells == 4
    assert np.abs(computed(made.network, [[0.125]]) - 0.125) < 1e-6 and made.certificate.bound == pytest.approx(0.125)


def test_what_is_linear_on_the_simplices_is_met_but_for_rounding():
    f = lambda x: 2 * x[:, 0] - 3 * x[:, 1] + 0.5  # noqa: E731
    made = approximate(f, 2, 1.0, lipschitz=4.0)
    assert error(f, made.network, 2, np.random.default_rng(0), "float32", 40) <= made.certificate.rounding


def test_a_modulus_of_continuity():
    """sqrt has the modulus sqrt; its bound is at a whole diagonal of a cell, for a modulus need not be concave."""
    made = approximate(lambda x: np.sqrt(x[:, 0]), 1, 0.1, modulus=np.sqrt)
    assert 0.0990 < made.certificate.bound < made.certificate.error <= 0.1 and made.cells == 101
    assert error(lambda x: np.sqrt(x[:, 0]), made.network, 1, np.random.default_rng(0), "float32", 5001) <= 0.1


def test_a_constant_needs_one_cell():
    made = approximate(lambda x: np.full(len(x), 3.0), 2, 1e-3, lipschitz=0)
    assert made.cells == 1 and made.certificate.bound == 0
    np.testing.assert_allclose(computed(made.network, [[0.3, 0.9]]), 3, rtol=1e-5)


def test_parameters_are_counted():
    for d, cells in ((2, 3), (3, 2), (4, 2)):
        made = approximate(lambda x: x.sum(axis=1), d, d / (2 * cells) + 0.05, lipschitz=np.sqrt(d))
        assert made.cells == cells and made.certificate.parameters == parameters(d, cells)
    assert parameters(2, 8) == 12 + 81 * 23 + 6 and parameters(3, 5) == 30 + 216 * 35 + 6


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_wrong_constant_is_caught_where_it_shows(d):
    steep = lambda x: 1.2 * np.linalg.norm(x - 0.5, axis=1)  # noqa: E731
    approximate(steep, d, 0.5, lipschitz=1.2)
    with pytest.raises(ValueError, match=r"f changes by .* Lipschitz constant allows. Received: x="):
        approximate(steep, d, 0.2, lipschitz=1.0)


def test_a_wrong_constant_is_caught_at_points_far_apart():
    """Steeper only along (2, 1): no two neighbours on the grid show it."""
    along = np.array([2, 1]) / np.sqrt(5)
    with pytest.raises(ValueError, match="f changes by"):
        approximate(lambda x: x @ along, 2, 0.2, lipschitz=0.99)


def test_sizes_that_do_not_fit_are_refused_with_their_size():
    with pytest.raises(ValueError, match=r"500,001 cells a side make 1,000,004 parameters, 0.00373 GiB"):
        approximate(lambda x: x[:, 0], 1, 1e-6, lipschitz=1.0, memory=2**20)
    with pytest.raises(ValueError, match=r"GiB in float32"):
        approximate(lambda x: x[:, 0], 6, 0.01, lipschitz=1.0)


def test_what_rounding_cannot_reach_is_refused():
    with pytest.raises(ValueError, match="rounding in float32"):
        approximate(lambda x: 1000 + x[:, 0], 2, 1e-2, lipschitz=1.0)
    if "float64" in DTYPES:
        assert approximate(lambda x: 1000 + x[:, 0], 2, 0.1, lipschitz=1.0, dtype="float64").certificate.error <= 0.1


@pytest.mark.parametrize(
    "epsilon, most",
    [(1e-3, 512), (5e-4, 1024), (3e-4, 2048), (2.5e-4, 2048), (2e-4, 4096), (1.5e-4, 4096), (1e-4, 8192)],
)
def test_rounding_moves_the_search_on_but_not_past_a_power_of_two(epsilon, most):
    """What rounding adds does not grow evenly: subtracting it from epsilon passed these grids, or gave up before."""
    f = lambda x: np.abs(x[:, 0] - 0.5)  # noqa: E731
    made = approximate(f, 1, epsilon, lipschitz=1.0, dtype="float32")
    assert made.cells <= most and made.certificate.error <= epsilon


def first(x):
    return x[:, 0]


@pytest.mark.parametrize(
    "change",
    [
        {"f": 3},
        {"f": lambda x: x},
        {"f": lambda x: x[:, 0] / 0},
        {"dim": 0},
        {"epsilon": 0.0},
        {"epsilon": -1.0},
        {"epsilon": np.nan},
        {"lipschitz": -1.0},
        {"lipschitz": np.inf},
        {"lipschitz": None},
        {"modulus": np.sqrt},
        {"lipschitz": None, "modulus": 1.0},
        {"lipschitz": None, "modulus": lambda t: np.nan},
        {"lipschitz": None, "modulus": lambda t: 0.5 + t},
        {"dtype": "bfloat16"},
        {"memory": 0},
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_refused(change):
    with pytest.raises(ValueError, match="Received: "):
        approximate(**{"f": first, "dim": 1, "epsilon": 0.1, "lipschitz": 1.0} | change)
