"""Affine layers: their constants by hand, every map within the certificate, and what is refused."""

import exact
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from theory_settings import DTYPES, box, computed, few

from dendnet.theory import affine_layer


def test_a_constant_in_reach_is_met_and_others_are_left():
    met = affine_layer([[1.0], [1.0]], [5.0], radius=1.0)
    np.testing.assert_allclose(computed(met.layer, [[0.5, -0.25]]), [[5.25]])
    assert met.remainder == [0.0]
    left = affine_layer([[1.0], [1.0]], [-5.0], radius=1.0)
    np.testing.assert_allclose(computed(left.layer, [[0.5, -0.25]]), [[2.25]])  # the least constant: r sum w = 2
    assert left.remainder == [-7.0]


def test_signs_decide_which_constants_are_in_reach():
    w = np.array([[1.0, -1.0, 1.0, 0.0], [2.0, -2.0, -2.0, 0.0]])
    for c, left in ((100.0, [0, 97 + 6, 0, 100]), (-100.0, [-103, 0, 0, -100])):
        np.testing.assert_allclose(affine_layer(w, [c] * 4, 1.0).remainder, left)


def test_x_minus_ten_needs_two_dendrites():
    assert affine_layer([[1.0]], [-10.0], 1.0).remainder == [-11.0]
    two = affine_layer([[1.0]], [-10.0], 1.0, dendrites=2)
    np.testing.assert_allclose(computed(two.layer, [[-1.0], [0.5]]), [[-11.0], [-9.5]], rtol=1e-6)
    assert two.remainder == [0.0] and two.certificate.parameters == 4


def test_far_below_the_box_a_layer_is_constant():
    layer = affine_layer([[1.0, 2.0]], [0.0, 1.0], 1.0).layer
    np.testing.assert_array_equal(computed(layer, [[-100.0], [-1e6]]), np.zeros((2, 2)))


@few(30)
@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 5), m=st.integers(1, 4), dendrites=st.sampled_from([1, 2]),
    dtype=st.sampled_from(DTYPES), radius=st.sampled_from([1e-3, 0.7, 1.0, 300.0]),
    zeros=st.sampled_from([0.0, 0.5]), scale=st.sampled_from([0.1, 100.0]),
)  # fmt: skip
def test_every_map_is_met_within_the_certificate(seed, n, m, dendrites, dtype, radius, zeros, scale):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(n, m)) * (rng.random((n, m)) >= zeros)
    c = scale * rng.normal(size=m)
    layer, remainder, proof = affine_layer(w, c, radius, dendrites, dtype)
    x = box(rng, n, -radius, radius, dtype)
    off = exact.largest_error(computed(layer, x), exact.relu_network([(w, c - remainder)], x))
    # c - remainder is rounded here, to half a unit of its last place.
    assert off <= proof.error + np.spacing(np.abs(c - remainder).max())
    assert proof.error <= 40 * (n + 2) * np.finfo(dtype).eps * (radius * np.abs(w).sum() + np.abs(c).max())
    assert proof.parameters == layer.count_params() == 2 * dendrites * n * m
    if dendrites == 1:
        mixed = (w.max(axis=0) > 0) & (w.min(axis=0) < 0)
        assert not remainder[mixed].any()


@pytest.mark.parametrize(
    "change",
    [
        {"weights": [[np.nan]]},
        {"weights": [1.0]},
        {"offset": [np.inf]},
        {"offset": [1.0, 2.0]},
        {"radius": 0.0},
        {"radius": np.inf},
        {"dendrites": 3},
        {"dtype": "float16"},
        {"weights": [[1e300]], "dtype": "float32"},
    ],
)
def test_refused(change):
    with pytest.raises(ValueError, match="Received: "):
        affine_layer(**{"weights": [[1.0]], "offset": [0.0], "radius": 1.0} | change)
