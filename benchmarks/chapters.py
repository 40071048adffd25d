"""Trainings and timings that a chapter shows and does not repeat in full: run once, by the chapter's own code.

KERAS_BACKEND=tensorflow python -m benchmarks.chapters NAME [--json results/chapter_NAME.json]

The chapter's cells run, in order, up to the one that defines what is recorded; what a record holds is therefore what
the page shows. The chapter reads the record, repeats a part of it whenever it runs, and compares.
"""

import argparse
import contextlib
import json
import os
from pathlib import Path

import matplotlib
import nbformat
import numpy as np

from benchmarks.operation import provenance

BOOK = Path(__file__).resolve().parents[1] / "book"
DATA = {
    "geometry": "512 points on two spirals, made by the chapter (seed 0)",
    "unit": "the 1,797 digits that scikit-learn ships, split by the chapter (seed 0)",
    "universality": "broken lines of six pieces, drawn by the chapter (seeds 1 and 2)",
    "cost": "normal random numbers, float32",
}


def until(chapter, name):
    """What the chapter's cells define, up to the one that defines `name`."""
    page = {"__name__": chapter}
    cells = nbformat.read(BOOK / f"{chapter}.ipynb", as_version=4).cells
    with contextlib.chdir(BOOK):
        for cell in cells[1:]:
            if cell.cell_type == "code" and "%pip" not in cell.source:
                exec(compile(cell.source, f"{chapter}.ipynb", "exec"), page)
            if name in page:
                return page
    raise SystemExit(f"benchmarks.chapters: {chapter} defines no {name}")


def shortest(weights):
    """Arrays of float32 as nested lists of the shortest numbers that name them exactly."""
    return [np.vectorize(lambda v: float(str(v)), otypes=[float])(w.astype("float32")).tolist() for w in weights]


def geometry(page):
    """Every network of the spirals: its regions while it learns, its weights at the end; some starts nudged."""
    for depth, nudge in [(1, 0.0), (2, 0.0), (3, 0.0), (1, 1e-6)]:
        for kind in page["kinds"]:
            for row in page["grow"](kind, depth, page["seeds"], nudge):
                print(kind, depth, row["seed"], nudge, row["regions"], flush=True)
                yield row | {"weights": shortest(row["weights"])}


def unit(page):
    """The search for each network's learning rate, and its ten seeds on the test images."""
    best = {}
    for kind in page["kinds"]:
        found = {}
        for rate in page["rates"]:
            for seed in (100, 101):
                yield (row := page["run"](kind, seed, rate, "valid"))
                found.setdefault(rate, []).append(row["accuracy"])
        best[kind] = max(found, key=lambda rate: np.mean(found[rate]))
        print(kind, found, flush=True)
    for kind, rate in best.items():
        for seed in page["seeds"]:
            yield page["run"](kind, seed, rate, "test")


def universality(page):
    """The search for each kind's rate, with slow and fast biases; a hundred runs of each, with few units and with more.

    Then networks with random weights whose biases alone are trained.
    """

    def best(name, faster, units):
        found = [page["attempt"](name, "held out", rate, faster, 101, units) for rate in page["rates"]]
        yield from found
        return min(found, key=lambda row: np.log10(row["rmse"]).mean())["rate"]

    for name in page["kinds"]:
        for faster in page["faster_biases"]:
            rate = yield from best(name, faster, page["PIECES"])
            for units in (page["PIECES"], 4 * page["PIECES"]):
                yield (row := page["attempt"](name, "lines", rate, faster, 102, units))
                print(name, faster, rate, units, np.median(row["rmse"]), flush=True)
    for name in page["alone"]:
        rate = yield from best(name, 1, 32)
        for units in (8, 32):
            yield (row := page["attempt"](name, "lines", rate, 1, 102, units))
            print(name, rate, units, np.median(row["rmse"]), flush=True)


def cost(page):
    """A small residual network's time and memory, and a perceptron's, beside the standard ones."""
    for name, (pair, batch_size) in page["pairs"].items():
        yield {"network": name} | vars(page["measure"](pair[1], batch_size=batch_size, standard=pair[0], seconds=1))


RECORDED = {"geometry": (geometry, "grow"), "unit": (unit, "run"), "universality": (universality, "attempt")}
RECORDED["cost"] = cost, "pairs"


def main():
    """Run what the chapter names, print it, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapter", choices=RECORDED)
    parser.add_argument("--json", metavar="FILE", help="write what was found, with where it comes from, to FILE")
    options = parser.parse_args()
    matplotlib.use("Agg")
    measured, name = RECORDED[options.chapter]
    record = provenance("benchmarks.chapters") | {"data": DATA[options.chapter]}
    record |= {"seed": "each row's", "oneDNN": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "unset")}
    record["rows"] = list(measured(until(options.chapter, name)))
    if options.json:
        Path(options.json).write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
