"""Would other test images have given another verdict? Finished runs, and a bootstrap over seeds and images.

KERAS_BACKEND=jax python -m benchmarks.images RESULTS --runs FOLDER --data-dir FOLDER [--json FILE]

RESULTS are records of image runs (results/*.jsonl) whose checkpoints lie in FOLDER, as the sweep left them. An interval
over seeds alone speaks of other seeds on these test images. Here, for the DAC network against each opponent, seeds and
test images are both drawn anew, with replacement: a pair of runs stays a pair, and an image is the same for all (the
pigeonhole bootstrap: Owen, Annals of Applied Statistics 1, 2007). With few seeds such intervals are too short in the
part that comes from seeds, so the record has that part, the images' and both.
"""

import argparse
import json
from pathlib import Path

import keras
import numpy as np

from benchmarks.operation import provenance
from dendnet import data
from dendnet.experiments import Run, read_records
from dendnet.experiments.training import Training

DRAWS = 10_000


def right(record, dataset, root):
    """For each test image, whether the trained network names its class."""
    run = Run.of(record["run"])
    training = Training(run, dataset, Path(root) / run.id)
    if training.resume()["epoch"] < run.protocol.epochs:
        raise SystemExit(f"benchmarks.images: {run.id} is not finished in {root}")
    parts = np.array_split(np.arange(len(training.test.y)), -(-len(training.test.y) // 512))
    scores = [training.model.predict_on_batch(training.unmoved(training.test.x[part])) for part in parts]
    found = np.concatenate(scores).argmax(axis=1) == np.ravel(training.test.y)
    if abs(found.mean() - record["value"]) > 1e-3:
        raise SystemExit(f"benchmarks.images: {run.id} has {found.mean():.4f}, recorded was {record['value']:.4f}")
    return found


def compared(ours, theirs, draws):
    """A comparison in points of accuracy: its mean, and intervals by what is drawn anew."""
    difference = 100 * (ours.astype("int8") - theirs)  # (seeds, images): -100, 0 or 100
    seeds, images = difference.shape
    of_seeds = draws.multinomial(seeds, np.full(seeds, 1 / seeds), DRAWS) / seeds
    of_images = draws.multinomial(images, np.full(images, 1 / images), DRAWS) / images
    by = {
        "seeds": of_seeds @ difference.mean(axis=1),
        "images": of_images @ difference.mean(axis=0),
        "both": np.sum(of_seeds * (of_images @ difference.T), axis=1),
    }
    ends = {name: np.quantile(values, [0.025, 0.975]).round(3).tolist() for name, values in by.items()}
    apart = float(np.mean(ours != theirs))
    return {
        "mean": round(float(difference.mean()), 3),
        "intervals": ends,
        "images on which a pair differs": round(apart, 4),
    }


def main():
    """Load every finished run, compare, print, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", help="file of records")
    parser.add_argument("--runs", required=True, help="folder of the runs")
    parser.add_argument("--data-dir", required=True, help="folder of the data sets")
    parser.add_argument("--json", metavar="FILE", help="write the rows, with where they come from, to FILE")
    options = parser.parse_args()
    found, loaded = {}, {}
    for each in read_records(options.results):
        run = each["run"]
        key = run["data"], run["image_size"]
        if key not in loaded:
            loaded[key] = data.load(run["data"], data_dir=options.data_dir, image_size=run["image_size"])
        found.setdefault(run["data"], {}).setdefault(run["unit"], {})[run["seed"]] = right(
            each, loaded[key], options.runs
        )
        keras.backend.clear_session()
    rows = []
    for name, units in found.items():
        for unit in sorted(set(units) - {"dac"}):
            seeds = sorted(set(units["dac"]) & set(units[unit]))
            ours, theirs = (np.stack([units[u][seed] for seed in seeds]) for u in ("dac", unit))
            rows.append({"data": name, "against": unit, "seeds": seeds})
            rows[-1] |= compared(ours, theirs, np.random.default_rng(0))
            print(json.dumps(rows[-1]), flush=True)
    if options.json:
        record = provenance("benchmarks.images") | {"data": sorted(found), "seed": "each row's; bootstrap 0"}
        Path(options.json).write_text(json.dumps(record | {"draws": DRAWS, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
