"""Does a trained network use the biases that it has? Finished DAC runs, looked at once more.

KERAS_BACKEND=jax python -m benchmarks.dendrites RESULTS --runs FOLDER --data-dir FOLDER [--json FILE]

RESULTS are records of runs (results/*.jsonl) whose checkpoints lie in FOLDER, as the sweep left them. Of each DAC run:
the test measure as it was recorded; the same with the biases of an input tied (each input's biases, at each tap, are
replaced by their mean over the outputs) and shuffled (permuted among the outputs: as far apart as before, at other
connections), and where the network has batch normalization both once more with its averages taken anew; and the
biases' share in the trace of the tangent kernel, by layer, at the start and at the end.
"""

import argparse
import json
from pathlib import Path

import keras
import numpy as np
from keras import ops

from benchmarks.operation import provenance
from dendnet import data
from dendnet.experiments import Run, read_records
from dendnet.experiments.training import Training
from dendnet.layers.dendritic import DendriticLayer
from dendnet.theory import bias_share

BATCHES = 64  # of 128 for the averages, of which the last ten weigh most: their momentum is 0.9
EXAMPLES = 16  # of the share: one backward pass for each output of each


def shares(training):
    """The biases' share by layer, on examples of the training set as the network sees them in training."""
    x = training.train.x[:: len(training.train.x) // EXAMPLES][:EXAMPLES]
    return [round(each.share, 4) for each in bias_share(training.model, training.unmoved(x), training=True)]


def averages_anew(training):
    """Take batch normalization's averages with the biases that there are now; no weight moves."""
    for x in np.split(training.train.x[: 128 * BATCHES], BATCHES):
        training.model(training.unmoved(x), training=True)


def looked_at(record, dataset, root):
    """One row."""
    run = Run.of(record["run"])
    training = Training(run, dataset, Path(root) / run.id)
    layers = [layer for layer in training.network._flatten_layers() if isinstance(layer, DendriticLayer)]
    row = {"id": run.id, "data": run.data, "seed": run.seed, "share at the start": shares(training)}
    place = training.resume()
    if place["epoch"] < run.protocol.epochs:
        raise SystemExit(f"benchmarks.dendrites: {run.id} is not finished in {root}")
    measure = f"test_{training.measure}"
    draws, trained = np.random.default_rng(run.seed), [ops.convert_to_numpy(layer._bias) for layer in layers]
    row |= {"share at the end": shares(training), "as trained": training.tested()[measure]}
    if abs(row["as trained"] - record["value"]) > 1e-3:
        raise SystemExit(f"benchmarks.dendrites: {run.id} gives {row['as trained']}, recorded was {record['value']}")
    normalizes = any(isinstance(each, keras.layers.BatchNormalization) for each in training.network._flatten_layers())
    for name, change in (
        ("tied", lambda bias: np.broadcast_to(bias.mean(-1, keepdims=True), bias.shape)),
        ("shuffled", lambda bias: draws.permuted(bias, axis=-1)),
    ):
        training.resume()
        for layer, bias in zip(layers, trained, strict=True):
            layer._bias.assign(change(bias))
        row[name] = training.tested()[measure]
        if normalizes:
            averages_anew(training)
            row[f"{name}, averages anew"] = training.tested()[measure]
    return row


def main():
    """Look at every finished DAC run, print a line for each, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", help="files of records")
    parser.add_argument("--runs", required=True, nargs="+", help="folders of the runs, one for each file")
    parser.add_argument("--data-dir", required=True, help="folder of the data sets")
    parser.add_argument("--json", metavar="FILE", help="write the rows, with where they come from, to FILE")
    options = parser.parse_args()
    if len(options.results) != len(options.runs):
        parser.error(
            f"one folder of runs for each file: {len(options.results)} files and {len(options.runs)} folders came"
        )
    record, rows, loaded = provenance("benchmarks.dendrites"), [], {}
    for file, root in zip(options.results, options.runs, strict=True):
        for each in read_records(file):
            run = each["run"]
            if run["unit"] != "dac":
                continue
            key = run["data"], run["image_size"]
            sized = {} if run["image_size"] is None else {"image_size": run["image_size"]}
            if key not in loaded:
                loaded[key] = data.load(run["data"], data_dir=options.data_dir, **sized)
            rows.append(looked_at(each, loaded[key], root))
            print(json.dumps(rows[-1]), flush=True)
            keras.backend.clear_session()
    if options.json:
        record |= {"data": sorted({row["data"] for row in rows}), "seed": sorted({row["seed"] for row in rows})}
        Path(options.json).write_text(json.dumps(record | {"rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
