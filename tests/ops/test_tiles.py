"""Tiles: sides that are powers of two and cover the channels, and enough warps where there is work for them."""

import json
import math
from pathlib import Path

import pytest

from dendnet.ops import tiles

TIMES = Path(__file__).parents[2] / "results" / "tiles_h100.json"


@pytest.mark.parametrize("channels, side", [(1, 16), (16, 16), (17, 32), (64, 64), (65, 64), (512, 64)])
def test_side_covers_the_channels_or_is_the_largest(channels, side):
    assert tiles.side(channels) == side


def test_tiles_are_no_higher_than_their_rows():
    assert tiles.of_outputs(128 * 32 * 32, 16) == (128, 16, 4)
    assert tiles.of_outputs(20, 64) == (32, 64, 4)
    assert tiles.of_inputs(128 * 8 * 8, 64) == (32, 64, 8)
    assert tiles.of_inputs(1, 16) == (16, 16, 2)


def test_weights_are_summed_in_shares_where_they_are_few():
    assert tiles.of_weights(9, 16, 16, 128 * 32 * 32) == (16, 16, 1, 455)
    assert tiles.of_weights(9, 512, 512, 128 * 7 * 7) == (16, 64, 1, 1)
    assert tiles.of_weights(1, 16, 32, 128 * 16 * 16) == (16, 32, 1, 512)
    assert tiles.of_weights(1, 16, 16, 10) == (16, 16, 1, 1)


@pytest.mark.parametrize("terms, unroll", [(3, 1), (10, 2), (512, 8), (12, 4), (1, 1)])
def test_a_step_divides_the_terms(terms, unroll):
    assert tiles.unroll(terms) == unroll


@pytest.mark.skipif(not TIMES.exists(), reason="results/ is not beside the tests")
def test_the_cuts_are_near_the_best_that_were_timed():
    over = []
    for row in json.loads(TIMES.read_text())["rows"]:
        n, m = row["n"], row["m"]
        taken = {
            "forward": (*tiles.of_outputs(10_000, m), 8),
            "dx": (*tiles.of_inputs(10_000, n), 8),
            "dw": (*tiles.of_weights(9, n, m, 10_000)[:3], tiles.WARPS),
        }
        for kernel, cut in taken.items():
            times = {tuple(key): time for *key, time in row[kernel]["cuts"]}
            over.append(math.log(times[cut] / min(times.values())))
    assert len(over) == 36 and math.exp(sum(over) / len(over)) < 1.25
