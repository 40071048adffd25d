"""Trainings and timings that a chapter shows and does not repeat in full: run once, by the chapter's own code.

KERAS_BACKEND=tensorflow python -m benchmarks.chapters NAME [--json results/chapter_NAME.json]

A NAME is a chapter's, or a chapter's with a part behind an underscore.

The chapter's cells run, in order, up to the one that defines what is recorded; what a record holds is therefore what
the page shows. The chapter reads the record, repeats a part of it whenever it runs, and compares.
"""

import argparse
import contextlib
import json
import os
from pathlib import Path

import keras
import matplotlib
import nbformat
import numpy as np

from benchmarks.operation import provenance
from dendnet.cost import measure
from dendnet.experiments import RESULTS

BOOK = Path(__file__).resolve().parents[1] / "book"
DATA = {
    "geometry": "512 points on two spirals, made by the chapter (seed 0)",
    "unit": "the 1,797 digits that scikit-learn ships, split by the chapter (seed 0)",
    "unit_knots": "the 1,797 digits that scikit-learn ships, split by the chapter (seed 0)",
    "unit_relatives": "a curve and a surface, given by formulas in the chapter",
    "unit_surface": "a surface, given by a formula in the chapter",
    "unit_contests": "the two photographs that scikit-learn ships, split by the chapter into bands",
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
    """Every network of the spirals: what is measured while it learns, and with random biases and no training at all."""
    trained = [(kind, depth, 1) for depth in (1, 2, 3) for kind in page["kinds"]]
    for kind, depth, factor in [*trained, *(("dac", 2, factor) for factor in (3, 10, 30))]:
        for row in page["grow"](kind, depth, page["seeds"], factor):
            print(kind, depth, factor, row["seed"], row["film"][-1], flush=True)
            if factor == 1:
                untrained = {size: page["disturbed"](kind, depth, row["seed"], size) for size in (1e-4, 0.1)}
                row["noise"] = {str(size): page["measure"](model) for size, model in untrained.items()}
            # The networks that the chapter measures again keep their weights.
            yield row | {"weights": shortest(row["weights"]) if depth == 2 and factor == 1 else None}


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


def unit_relatives(page):
    """For each relative on each task the search for its rate, and eight seeds at the best one."""
    rates, seeds = page["search"]["rates"], page["search"]["seeds"]
    for task, (x, _, most) in page["tasks"].items():
        for kind in page["relatives"]:
            widths = page["largest"](kind, x.shape[1], most)
            rows = page["attempt"](kind, task, widths, [(rate, seed) for rate in rates for seed in seeds])
            found = {rate: np.mean([row["error"] for row in rows if row["rate"] == rate]) for rate in rates}
            print(task, kind, widths, found, flush=True)
            best = min(found, key=found.get)
            yield from rows + page["attempt"](kind, task, widths, [(best, seed) for seed in range(8)])


def unit_surface(page):
    """Of each relative its best recorded fit of the surface, made once more, with its values to draw."""
    recorded = json.loads((RESULTS / "chapter_unit_relatives.json").read_text())["rows"]
    for kind in page["relatives"]:
        mine = [row for row in recorded if (row["kind"], row["task"]) == (kind, "surface") and row["seed"] < 100]
        best = min(mine, key=lambda row: row["error"])
        (row,) = page["attempt"](kind, "surface", best["widths"], [(best["rate"], best["seed"])])
        print(kind, best["error"], row["error"], flush=True)
        yield row


def unit_contests(page):
    """For each network of either task the search for its settings, and eight seeds at the best."""
    settings = [(rate, factor) for rate in page["rates"] for factor in page["factors"]]
    for task, kind in page["contests"]:
        found = {}
        for rate, factor in settings:
            for seed in (100, 101):
                yield (row := page["contest"](task, kind, rate, factor, seed))
                found.setdefault((rate, factor), []).append(row["training"])
            keras.backend.clear_session()
        best = min(found, key=lambda pair: np.mean(found[pair]))
        print(task, kind, best, {pair: np.round(np.mean(each), 5) for pair, each in found.items()}, flush=True)
        for seed in range(8):
            yield (row := page["contest"](task, kind, *best, seed))
            print(row, flush=True)


def unit_knots(page):
    """The knots of the DAC network and the masks of both twins, at the learning rates that were chosen."""
    for kind in list(page["kinds"])[:2]:
        for seed in page["seeds"]:
            yield (row := page["observe"](kind, seed, page["best"][kind]))
            print(kind, seed, row["mixed"], row["dead"], flush=True)


def universality(page):
    """The search for each kind's rate, with slow and fast biases; a hundred runs of each, with few units and with more.

    One has as many dendrites as give it the numbers of the larger ReLU network. Then networks with random weights whose
    biases alone are trained.
    """

    def best(name, faster, units):
        found = [page["attempt"](name, "held out", rate, faster, 101, units) for rate in page["rates"]]
        yield from found
        return min(found, key=lambda row: np.log10(row["rmse"]).mean())["rate"]

    for name in page["kinds"]:
        for faster in page["faster_biases"]:
            rate = yield from best(name, faster, page["PIECES"])
            # Six times as many dendrites have as many numbers as a ReLU network of four times as many units.
            as_many = [6 * page["PIECES"]] if (name, faster) == ("DAC", 1) else []
            for units in (page["PIECES"], 4 * page["PIECES"], *as_many):
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
        yield {"network": name} | vars(measure(pair[1], batch_size=batch_size, standard=pair[0], seconds=1))


RECORDED = {"geometry": (geometry, "grow"), "unit": (unit, "run"), "universality": (universality, "attempt")}
RECORDED |= {"unit_relatives": (unit_relatives, "attempt"), "unit_knots": (unit_knots, "observe")}
RECORDED["unit_surface"] = unit_surface, "attempt"
RECORDED["unit_contests"] = unit_contests, "contest"
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
    record["rows"] = list(measured(until(options.chapter.partition("_")[0], name)))
    if options.json:
        Path(options.json).write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
