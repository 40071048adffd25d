"""How the biases' share in what a step changes goes along a training, layer by layer.

KERAS_BACKEND=jax python -m benchmarks.shares PLAN [PLAN ...] --data-dir FOLDER [--seeds 2] [--json FILE]

The plans' DAC runs of the first seeds are trained as the plans say; before the first epoch, after it, and whenever the
number of epochs has doubled, and at the end, the share in the trace of the tangent kernel is measured on the examples
that benchmarks.dendrites takes.
"""

import argparse
import json
import tempfile
from pathlib import Path

import keras

from benchmarks.dendrites import shares
from benchmarks.operation import provenance
from dendnet import data
from dendnet.experiments import read_plan
from dendnet.experiments.training import Training
from dendnet.experiments.watch import Watch


def along(run, dataset):
    """The shares by epoch of one training."""
    epochs = run.protocol.epochs
    wanted = {0, epochs, *(2**k for k in range(epochs.bit_length()))}
    with tempfile.TemporaryDirectory() as folder:
        training = Training(run, dataset, Path(folder))
        place = training.resume()
        found = {0: shares(training)}
        watch = Watch(training, place, 60.0, None)
        while place["epoch"] < epochs:
            watch.stop(place["step"])
            training.epoch(place, watch)
            if place["epoch"] in wanted:
                found[place["epoch"]] = shares(training)
    return {"id": run.id, "data": run.data, "seed": run.seed, "shares": found}


def main():
    """Train the first seeds of each plan, print a line for each, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("plans", nargs="+", help="TOML files")
    parser.add_argument("--data-dir", required=True, help="folder of the data sets")
    parser.add_argument("--seeds", type=int, default=2, help="how many seeds of each (2)")
    parser.add_argument("--json", metavar="FILE", help="write the rows, with where they come from, to FILE")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds must be 1 or more: {options.seeds} came")
    record, rows = provenance("benchmarks.shares"), []
    for run in (run for plan in options.plans for run in read_plan(plan)):
        if run.unit != "dac" or run.seed >= options.seeds:
            continue
        sized = {} if run.image_size is None else {"image_size": run.image_size}
        rows.append(along(run, data.load(run.data, data_dir=options.data_dir, **sized)))
        print(json.dumps(rows[-1]), flush=True)
        keras.backend.clear_session()
    if options.json:
        record |= {"data": sorted({row["data"] for row in rows}), "seed": sorted({row["seed"] for row in rows})}
        Path(options.json).write_text(json.dumps(record | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
