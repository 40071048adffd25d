"""The exact subdivision of the plane: microseconds a cell, and how they grow with the cells.

python -m benchmarks.regions [--json FILE]

Networks of the unit over [-1, 1]^2, whose knots are values that their signals take on random points, and so lie on the
data's own scale. Each network is subdivided several times; the least time counts. Growth is the slope of a line
through log time over log cells: 1 is linear, and n log n is a little more, log(n log n) over log n on the same cells.
"Maps and regions" is what comes on top where the affine maps, areas and merged linear regions are asked for.
"""

import argparse
import json
import time
from dataclasses import replace

import keras
import numpy as np

from benchmarks.operation import provenance
from dendnet.geometry import linear_regions
from dendnet.layers import DACDense

SHAPES = [(4, 1), (8, 1), (16, 1), (8, 2), (16, 2), (8, 3), (12, 3), (16, 3)]  # width and depth
ROUNDS = 5


def network(width, depth, seed=0):
    """A chain of DACDense whose knots are drawn from its signals' values on 4096 random points."""
    rng, layers = np.random.default_rng(seed), []
    x = rng.uniform(-1, 1, (4096, 2)).astype("float32")
    for m in [width] * depth + [1]:
        layer = DACDense(m, kernel_initializer=keras.initializers.GlorotUniform(int(rng.integers(2**31))))
        layer.build(x.shape)
        layer.bias.assign(-np.stack([rng.choice(each, m) for each in x.T]))
        x = keras.ops.convert_to_numpy(layer(x))
        layers.append(layer)
    return keras.Sequential([keras.Input((2,)), *layers])


def seconds(run):
    """The least time of several runs, and what the last gave."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return min(times), result


def merged(regions):
    """What is computed on request, anew."""
    again = replace(regions)
    return again.areas, again.linear


def measure(width, depth):
    """One network's row."""
    model = network(width, depth)
    time_cells, regions = seconds(lambda: linear_regions(model, limit=2_000_000))
    time_merged, _ = seconds(lambda: merged(regions))
    return {
        "width": width,
        "depth": depth,
        "cells": len(regions),
        "linear regions": regions.count,
        "seconds": round(time_cells, 4),
        "us a cell": round(1e6 * time_cells / len(regions), 2),
        "maps and regions, us a cell": round(1e6 * time_merged / len(regions), 2),
        "area missing": float(abs(regions.areas.sum() - 4)),
    }


def growth(rows):
    """The slopes of log time and of log(n log n) over log n, from a thousand cells on."""
    rows = [row for row in rows if row["cells"] >= 1000]
    n = np.array([row["cells"] for row in rows])
    times = [row["seconds"] for row in rows]
    slopes = (np.polyfit(np.log(n), np.log(y), 1)[0] for y in (times, n * np.log(n)))
    return dict(zip(("slope of log time", "slope of log(n log n)"), (round(float(s), 3) for s in slopes), strict=True))


def main():
    """Measure, print the table, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the rows, with where they come from, to FILE")
    options = parser.parse_args()
    record = provenance("benchmarks.regions") | {
        "data": "the box [-1, 1]^2; knots at the signals of random points in it"
    }
    rows = []
    print(f"{'width x depth':15}{'cells':>9}{'regions':>9}{'seconds':>9}{'us a cell':>11}{'on request':>12}")
    for width, depth in SHAPES:
        rows.append(row := measure(width, depth))
        print(
            f"{width:7} x {depth:<5}{row['cells']:9}{row['linear regions']:9}{row['seconds']:9.3f}"
            f"{row['us a cell']:11.1f}{row['maps and regions, us a cell']:12.1f}",
            flush=True,
        )
    record |= {"rows": rows, "growth": growth(rows)}
    print(record["growth"])
    if options.json:
        with open(options.json, "w") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
