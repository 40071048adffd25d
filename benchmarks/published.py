"""A ResNet-20 that others published, trained by torch without Keras: is our standard one as good?

KERAS_BACKEND=torch python -m benchmarks.published --data-dir FOLDER [--seeds 5] [--json FILE]

The network is pytorchcv's pre-activated ResNet-20 (pip install pytorchcv), with its own first weights; layers,
gradients and optimizer are torch's, the augmentation is written once more. Of dendnet it takes the data and the
settings: those of the standard network in plans/cifar10_short.toml with their rate by step, penalties on kernels alone.
Each seed is written to FILE when it ends, and not trained again.
"""

import argparse
import importlib.metadata
import json
import time
from pathlib import Path

import torch
from torch.nn import functional

from benchmarks.operation import provenance
from dendnet import data
from dendnet.experiments import checks, plans, storage
from dendnet.experiments.descent import schedule

PLAN = "plans/cifar10_short.toml"
REACH = 4  # pixels by which an image is moved at most


def network():
    """The published network, with first weights of its own."""
    try:
        from pytorchcv.models.preresnet_cifar import preresnet20_cifar10
    except ModuleNotFoundError as error:
        raise SystemExit("benchmarks.published needs pytorchcv: pip install pytorchcv") from error
    return preresnet20_cifar10(num_classes=10).to(memory_format=torch.channels_last)


def tensors(split, mean, deviation):
    """Normalized images, channels second, and their classes."""
    x = (torch.tensor(split.x, dtype=torch.float32) - mean) / deviation
    return x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last), torch.tensor(split.y).long()


def moved(x, black):
    """Every image moved within a black frame, and half of them mirrored."""
    n, _, height, width = x.shape
    padded = black.expand(n, 3, height + 2 * REACH, width + 2 * REACH).clone()
    padded[:, :, REACH : REACH + height, REACH : REACH + width] = x
    down, right = torch.randint(0, 2 * REACH + 1, (2, n, 1))
    columns = torch.arange(width).expand(n, -1)
    columns = torch.where(torch.rand(n, 1) < 0.5, columns, columns.flip(1)) + right
    rows = torch.arange(height) + down
    found = padded.permute(0, 2, 3, 1)[torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]
    return found.permute(0, 3, 1, 2)


def trained(protocol, train, test, black, seed):
    """Accuracy on the test images after each epoch, and the seconds that the epochs took."""
    torch.manual_seed(seed)
    model, (x, y) = network(), train
    penalized = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    groups = [{"params": penalized, "weight_decay": protocol.weight_decay}, {"params": others}]
    sgd = torch.optim.SGD(groups, protocol.learning_rate, protocol.momentum, nesterov=True)
    steps = len(y) // protocol.batch
    rate = schedule(protocol, steps * protocol.epochs)
    climber = torch.optim.lr_scheduler.LambdaLR(sgd, lambda step: float(rate(step)) / protocol.learning_rate)
    accuracies, seconds = [], []
    for epoch in range(protocol.epochs):
        began = time.monotonic()
        model.train()
        order = torch.randperm(len(y))
        for step in range(steps):
            chosen = order[step * protocol.batch : (step + 1) * protocol.batch]
            sgd.zero_grad()
            functional.cross_entropy(model(moved(x[chosen], black)), y[chosen]).backward()
            sgd.step()
            climber.step()
        model.eval()
        with torch.no_grad():
            right = sum(
                int((model(images).argmax(1) == classes).sum())
                for images, classes in zip(*(part.split(500) for part in test), strict=True)
            )
        accuracies.append(right / len(test[1]))
        seconds.append(round(time.monotonic() - began, 1))
        print(f"seed {seed}, epoch {epoch + 1}: {accuracies[-1]:.4f}, {seconds[-1]} s", flush=True)
    return accuracies, seconds


def write(record, path):
    """The record into its file, if there is one."""
    if path:
        storage.write(Path(path), json.dumps(record).encode() + b"\n")


def main():
    """Train the seeds that FILE has not, and write it after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="folder of the unpacked archive; otherwise it is downloaded once")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write what came out, with where it comes from, to FILE")
    options = parser.parse_args()
    checks.integer("seeds", options.seeds, least=1)
    run = next(run for run in plans.read(PLAN) if run.unit == "standard")
    dataset = data.load(run.data, options.data_dir)
    pixels = torch.tensor(dataset.train.x, dtype=torch.float32)
    mean, deviation = pixels.mean((0, 1, 2)), pixels.std((0, 1, 2))
    train, test = (tensors(split, mean, deviation) for split in (dataset.train, dataset.test))
    black = (-mean / deviation)[None, :, None, None]

    record = provenance("benchmarks.published") | {
        "command": f"KERAS_BACKEND=torch python -m benchmarks.published --data-dir FOLDER --seeds {options.seeds}",
        "seed": "each row's",
        "data": {"name": run.data, "checksum": dataset.checksum, "reencoded": bool(dataset.reencoded)},
        "plan": PLAN,
        "parameters": sum(p.numel() for p in network().parameters()),
        "rows": [],
    }
    record["versions"]["pytorchcv"] = importlib.metadata.version("pytorchcv")
    if options.json and Path(options.json).exists():
        before = json.loads(Path(options.json).read_text())
        for name in ("commit", "versions", "data"):
            if before[name] != record[name]:
                raise SystemExit(
                    f"{options.json} has seeds of {name} {before[name]}, not {record[name]}: take another file"
                )
        record["rows"] = before["rows"]
    write(record, options.json)  # a path that takes no file is found out now
    for seed in range(len(record["rows"]), options.seeds):
        accuracies, seconds = trained(run.protocol, train, test, black, seed)
        record["rows"].append({"seed": seed, "value": accuracies[-1], "accuracies": accuracies, "seconds": seconds})
        write(record, options.json)


if __name__ == "__main__":
    main()
