"""The layers of hats against the formula of a hat, and Kuhn's triangulation against its definition."""

import itertools

import numpy as np
import oracle
import pytest

from dendnet.theory.hats import hats, points


def by_layers(x, d, cells):
    """Every hat at x by the layers, with the definition of the operation in float64."""
    made = hats(d, cells)
    for layer in made.axons:
        x = oracle.dense(np.repeat(x, layer.dendrites, axis=-1), layer.kernel, layer.bias)
        x = x if layer.output_bias is None else x + layer.output_bias
    x = x.reshape(-1, made.channels)
    for layer in made.rounds:
        x = oracle.dense(x, layer.kernel, layer.bias)
    return oracle.relu(1 + x).reshape(-1, (cells + 1) ** d)


@pytest.mark.parametrize("d, dendrites", [(2, 3), (3, 5), (4, 6), (5, 8)])
def test_no_dendrite_is_idle(d, dendrites):
    """An axon for each slope, and one more for each that bends: every row of the layer of edges has weights."""
    copies, edges = hats(d, 2).axons
    assert edges.dendrites == 1 and edges.inputs == dendrites and edges.kernel.any(axis=1).all()
    assert copies.kernel.any(axis=0).all()
    assert hats(d, 2).channels == {2: 3, 3: 3, 4: 6, 5: 6}[d]


def by_formula(x, d, cells):
    """relu(1 - max(0, y) - max(0, -y))."""
    y = cells * x[:, None] - points(d, cells)
    return oracle.relu(1 - np.maximum(y.max(axis=-1), 0) - np.maximum((-y).max(axis=-1), 0))


@pytest.mark.parametrize("d, cells", [(2, 1), (2, 4), (3, 1), (3, 3), (4, 2), (5, 1), (6, 1)])
def test_hats(d, cells):
    x = np.random.default_rng(0).uniform(size=(6, d))
    x = np.concatenate([x, points(d, 1)[:: 2 ** max(d - 3, 0)]])  # corners too
    np.testing.assert_allclose(by_layers(x, d, cells), by_formula(x, d, cells), atol=1e-12)


@pytest.mark.parametrize("d, cells", [(1, 3), (2, 3), (3, 2), (4, 2)])
def test_hats_are_the_barycentric_coordinates_of_kuhns_simplices(d, cells):
    """In the simplex of a cell z and an order, x = z + sum of e_i in that order: so its definition says."""
    rng = np.random.default_rng(1)
    strides = (cells + 1) ** np.arange(d)[::-1]
    for x in rng.uniform(size=(20, d)):
        cell = np.minimum((cells * x).astype(int), cells - 1)
        parts = cells * x - cell
        order = np.argsort(-parts)
        corners = cell + np.concatenate([np.zeros((1, d), int), np.cumsum(np.eye(d, dtype=int)[order], axis=0)])
        weights = -np.diff([1, *parts[order], 0])
        expected = np.zeros((cells + 1) ** d)
        expected[corners @ strides] = weights
        np.testing.assert_allclose(by_formula(x[None], d, cells)[0], expected, atol=1e-12)


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_no_more_than_3_to_the_d_arguments_are_above_minus_a_half(d):
    fine = np.array(list(itertools.islice(itertools.product(np.linspace(0, 1, 13), repeat=d), 3000)))
    y = 4 * fine[:, None] - points(d, 4)
    argument = 1 - np.maximum(y.max(axis=-1), 0) - np.maximum((-y).max(axis=-1), 0)
    assert (argument > -0.5).sum(axis=1).max() <= 3**d
