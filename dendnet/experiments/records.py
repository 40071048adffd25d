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
from dendnet.experiments import identity, storage

#: What was recorded, as the book shows it: beside the package in the repository, inside it where a wheel was installed.
RESULTS = Path(dendnet.__file__).parent / "results"
if not RESULTS.is_dir():
    RESULTS = Path(dendnet.__file__).parents[1] / "results"

VARYING = ("times", "command")  # all else repeats, bit for bit on a CPU


def now():
    """The time, to the second, in UTC."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def record(run, dataset, training, place, command, diverged=None):
    """The results' line of a finished run, or of one that diverged in an epoch: it has no value and no weights."""
    measured = cost.model_cost(training.network)
    ended = {"value": place["metrics"][-1][f"test_{training.measure}"]} if diverged is None else {"value": None}
    return {
        "id": run.id,
        "run": run.to_dict(),
        "measure": training.measure,
        **ended,
        **({} if diverged is None else {"diverged": diverged}),
        "metrics": place["metrics"],
        "examples": {"train": len(training.train.y), "test": len(training.test.y)},
        "network": {"name": training.network.name, "parameters": measured.parameters, "flops": measured.flops},
        "weights": training.digest() if diverged is None else None,
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
    return {"commit": commit(), "versions": versions(), "device": device()}


def versions():
    """Versions of this process, by name."""
    backend = keras.backend.backend()
    return {
        "dendnet": dendnet.__version__,
        "keras": keras.__version__,
        backend: importlib.import_module(backend).__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
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

    Raises:
        ValueError: Another line is no record, or the file cannot be read.

    Reference:
        The chapter "Full experiments" of the book, section "What was recorded".
    """
    return whole(Path(path).read_bytes(), path)[0]


def whole(content, path):
    """The records in the bytes of a results file, and these bytes without a last line that a crash cut short."""
    lines = content.split(b"\n")
    found: list[dict] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                return found, content[: -len(line)]
            raise _no_record(number, path, line) from error
        if not isinstance(record, dict) or not isinstance(record.get("id"), str):
            raise _no_record(number, path, line)
        found.append(record)
    return found, content


def _no_record(number, path, line):
    received = line[:60].decode(errors="replace")
    return ValueError(f"Line {number} of {path} must be a record in JSON. Received: {received!r}")


def by_run(records):
    """The records by :func:`dendnet.experiments.identity.settings`; what is no run of this version is left out."""
    found = {}
    for record in records:
        with contextlib.suppress(ValueError):
            found[identity.settings(identity.of_record(record))] = record
    return found


def publish(record, path):
    """Append a record to a results file, unless its run is there already.

    Raises:
        Trouble: The file cannot be written. It then holds what it held before.
        ValueError: The file holds what is no record.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a+b") as file, storage.exclusive(file, path, wait=True):
            file.seek(0)
            found, kept = whole(file.read(), path)
            if identity.settings(identity.of_record(record)) in by_run(found):
                return
            # An editor, or a crash between the two, leaves the last record without its newline.
            newline = b"\n" if kept and not kept.endswith(b"\n") else b""
            file.truncate(len(kept))
            try:
                file.write(newline + json.dumps(record).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(len(kept))
                raise
    except OSError as error:
        raise storage.trouble(path, "written", error) from error
