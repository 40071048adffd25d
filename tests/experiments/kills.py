"""Ends a training again and again, by signals at random moments, and compares what is recorded with one left alone.

    python tests/experiments/kills.py 100 run --data digits --model mlp --protocol smoke --set batch=16

Forks before anything is computed, so that imports are paid once; each child is a process of its own, ended wherever
it is: by SIGKILL; by SIGTERM or SIGINT; or by one of these and then SIGKILL while it saves. A run that ends before its
time makes room for another in a new folder.
"""

import collections
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from dendnet import data
from dendnet.experiments import __main__, devices, logs, read_records, records, sweeps, training

IMPORTED = data, devices, logs, sweeps, training
PATIENCE = 300  # seconds in which a signalled run has to end by itself


def start(words, place):
    """A child that trains, or goes on, in a folder."""
    child = os.fork()
    if child:
        return child
    status = 99  # of what is no end of the command line's
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background ignores
        log = os.open(f"{place}.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        os.dup2(log, 2)
        status = __main__.main([*words, "--minutes", "0", "--runs", str(place), "--results", f"{place}.jsonl"])
    finally:
        os._exit(status)


def ended(child, seconds):
    """The child's exit status, -N after the signal N; None where it runs on after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    return None


def end(child, moments):
    """End a child by a signal or two; the signals' names and its exit status."""
    first = moments.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
    os.kill(child, first)
    if first == signal.SIGKILL or moments.random() < 0.5:
        return first.name, ended(child, PATIENCE)
    status = ended(child, moments.uniform(0, 0.3))
    if status is not None:
        return first.name, status
    os.kill(child, signal.SIGKILL)
    return f"{first.name}, SIGKILL", ended(child, PATIENCE)


def same(record):
    """What of a record has to repeat."""
    return {name: value for name, value in record.items() if name not in records.VARYING}


def tracebacks(said):
    """Those in a text, but for Ctrl-C within a callback of Python's own, which Python tells of and then forgets."""
    parts = said.split("Traceback")
    return [part[:3000] for before, part in itertools.pairwise(parts) if "Exception ignored in" not in before[-300:]]


def main(kills, words, root):
    """End runs so many times; what came of it, for JSON."""
    root, moments = Path(root), random.Random(0)
    began = time.monotonic()
    assert ended(start(words, root / "alone"), 10 * PATIENCE) == 0, (root / "alone.log").read_text()
    longest, folder, ends = time.monotonic() - began, 0, collections.Counter()
    while sum(ends.values()) < kills:
        child = start(words, root / str(folder))
        status = ended(child, moments.uniform(0, longest))
        if status is None:
            ends[end(child, moments)] += 1
            continue
        assert status == 0, (root / f"{folder}.log").read_text()
        folder += 1
    assert ended(start(words, root / str(folder)), 10 * PATIENCE) == 0, (root / f"{folder}.log").read_text()
    said = "\n".join(log.read_text() for log in root.glob("*.log"))
    (alone,) = read_records(root / "alone.jsonl")
    found = [record for file in root.glob("[0-9]*.jsonl") for record in read_records(file)]
    return {
        "command": "python -m dendnet.experiments " + " ".join(words),
        "ends": sorted([names, status, count] for (names, status), count in ends.items()),
        "runs": len(found),
        "identical": sum(same(record) == same(alone) for record in found),
        "starts of one run, at most": max(len(record["times"]["starts"]) for record in found),
        "tracebacks": tracebacks(said),
        "checkpoints found damaged": said.count("is damaged"),
        **records.origin(),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(json.dumps(main(int(sys.argv[1]), sys.argv[2:], place), indent=1))
