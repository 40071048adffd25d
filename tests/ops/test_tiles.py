"""Tiles: sides that are powers of two and cover the channels, and enough warps where there is work for them."""

import pytest

from dendnet.ops import tiles


@pytest.mark.parametrize("channels, side", [(1, 16), (16, 16), (17, 32), (64, 64), (65, 64), (512, 64)])
def test_side_covers_the_channels_or_is_the_largest(channels, side):
    assert tiles.side(channels) == side


def test_few_rows_give_low_tiles():
    assert tiles.of_rows(128 * 32 * 32, 16) == (64, 16, 1)
    assert tiles.of_rows(128 * 8 * 8, 64) == (32, 64, 4)
    assert tiles.of_rows(1, 64) == (16, 64, 4)


def test_weights_are_summed_in_shares_where_they_are_few():
    assert tiles.of_weights(9, 16, 16, 128 * 32 * 32) == (16, 16, 1, 113)
    assert tiles.of_weights(9, 512, 512, 128 * 7 * 7) == (64, 64, 4, 1)
    assert tiles.of_weights(1, 16, 16, 10) == (16, 16, 1, 1)


@pytest.mark.parametrize("terms, unroll", [(3, 1), (10, 2), (512, 4), (1, 1)])
def test_a_step_divides_the_terms(terms, unroll):
    assert tiles.unroll(terms) == unroll
