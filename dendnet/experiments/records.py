"""What is kept of a run, and where it comes from."""

import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
from pathlib import Path

import keras
import numpy as np

import dendnet
from dendnet import cost
from dendnet.experiments import storage

#: What was recorded, as the book shows it: beside the package in the repository, inside it where a wheel was installed.
RESULTS = Path(dendnet.__file__).parent / "results"
if not RESULTS.is_dir():
    RESULTS = Path(dendnet.__file__).parents[1] / "results"

VARYING = ("times", "command")  # all else repeats, bit for bit on a CPU


def now():
    """The time, to the second, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def record(run, dataset, training, place, command):
    """The results' line of a finished run."""
    measured = cost.model_cost(training.network)
    last = place["metrics"][-1]
    return {
        "id": run.id,
        "run": run.to_dict(),
        "measure": training.measure,
        "value": last[f"test_{training.measure}"],
        "metrics": place["metrics"],
        "examples": {"train": len(training.train.y), "test": len(training.test.y)},
        "network": {"name": training.network.name, "parameters": measured.parameters, "flops": measured.flops},
        "weights": training.digest(),
        "seed": run.seed,
        "data": {
            "name": run.data,
            "checksum": dataset.checksum,
            "reencoded": bool(dataset.reencoded),
            "source": "a local folder" if Path(dataset.source).is_absolute() else dataset.source,
        },
        **origin(),
        "command": command,
        "times": {"starts": place["starts"], "finished": now(), "seconds": place["seconds"]},
    }


def origin():
    """Commit, versions and device of this process."""
    backend = keras.backend.backend()
    return {
        "commit": commit(),
        "versions": {
            "dendnet": dendnet.__version__,
            "keras": keras.__version__,
            backend: importlib.import_module(backend).__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "device": device(),
    }


def commit():
    """The commit of the library: of its checkout, or of the address from which pip installed it."""
    here = Path(__file__).parent
    with contextlib.suppress(OSError):
        git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True)
        if not git.returncode:
            changed = subprocess.run(
                ["git", "status", "--porcelain", "--untracked-files=no", here.parent], capture_output=True, cwd=here
            )
            return git.stdout.strip() + ("+changes" if changed.stdout.strip() else "")
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        address = importlib.metadata.distribution("dendnet").read_text("direct_url.json")
        found = json.loads(address or "{}").get("vcs_info", {}).get("commit_id")
        if found:
            return found
    return "unknown"


def device():
    """What this runs on, in words."""
    match keras.backend.backend():
        case "jax":
            import jax

            if jax.default_backend() == "gpu":
                return jax.devices()[0].device_kind
        case "torch":
            import torch

            if torch.cuda.is_available():
                return torch.cuda.get_device_name()
        case "tensorflow":
            import tensorflow as tf

            for gpu in tf.config.list_physical_devices("GPU"):
                return tf.config.experimental.get_device_details(gpu)["device_name"]
    return f"{platform.machine()} CPU, {os.cpu_count()} cores"


def read(path):
    """The records of a results file; a line that a crash cut short is passed over.

    Reference:
        The chapter "Full experiments" of the book, section "What was recorded".
    """
    path = Path(path)
    found = []
    for number, line in enumerate(path.read_text().splitlines(keepends=True), 1):
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError as error:
            if line.endswith("\n"):
                raise ValueError(
                    f"Line {number} of {path} must be a record in JSON. Received: {line[:60]!r}"
                ) from error
    return found


def publish(record, path):
    """Append a record to a results file, unless its run is there already.

    Raises:
        Trouble: The file cannot be written. It then holds what it held before.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as file, storage.exclusive(file, path, wait=True):
            file.seek(0)
            content = file.read()
            whole = content[: content.rfind(b"\n") + 1]  # without a line that a crash cut short
            if any(json.loads(line)["id"] == record["id"] for line in whole.splitlines()):
                return
            file.truncate(len(whole))
            try:
                file.write(json.dumps(record).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(len(whole))
                raise
    except OSError as error:
        raise storage.Trouble(f"{path} could not be written ({error.strerror}); make room, and run it again") from error
