"""Where the time over a roofline's bound goes, for the layers of roofline.py whose gap its other records leave open.

KERAS_BACKEND=tensorflow OMP_NUM_THREADS=1 python -m benchmarks.gaps [--json FILE]

For a dense layer and a 1x1 convolution, the standard and the native form, on one thread and in the processor's seconds:
one call by itself; a call in a loop of 50 within one program, which is started once; and the same in the loop with 2
and 4 times as many inputs. What a call takes less in the loop is starting. A line through the times in the loop over
the number of terms splits them into what each term adds and what a call with no terms would take. All are [least,
median, most] of 25 rounds in which everything takes turns.
"""

import argparse
import json
import os
import time
from pathlib import Path

import tensorflow as tf

from benchmarks.cases import ALL, arguments, candidates, ready
from benchmarks.operation import provenance
from benchmarks.roofline import spread

ROUNDS, CALLS, TIMES = 25, 50, (1, 2, 4)
NAMES = ("dense 256 x 512 x 512", "ResNet-20, 1x1 16 to 32, stride 2")


def in_a_loop(function):
    """A program that calls the function CALLS times, each call after the one before."""

    def program(x, w, b):
        def call(i, last):
            return i + 1, function(x, w + 0 * last, b)[(0,) * len(x.shape)]

        return tf.while_loop(lambda i, last: i < CALLS, call, (0, tf.constant(0.0)))[1:]

    return ready(program)


def seconds(run, given):
    """The processor's seconds of a run."""
    start = time.process_time()
    run(*given)
    return time.process_time() - start


def measure(case):
    """Seconds of a call, by form: alone, and in a loop with TIMES as many inputs."""
    runs, given = {}, {}
    for form in ("standard", "native"):
        for times in TIMES:
            larger = case._replace(c_in=times * case.c_in)
            runs[form, times], given[form, times] = in_a_loop(candidates(larger)[form]), arguments(larger)
        alone = candidates(case)[form]
        runs[form, "alone"], given[form, "alone"] = ready(lambda *a, f=alone: [f(*a)]), arguments(case)
    found: dict = {key: [] for key in runs}
    for count in range(ROUNDS + 1):
        for key, run in runs.items():
            took = seconds(run, given[key]) / (1 if key[1] == "alone" else CALLS)
            if count:  # the first is a warm-up
                found[key].append(took)
    return {form: {str(key): spread(found[form, key]) for key in ("alone", *TIMES)} for form in ("standard", "native")}


def main():
    """Measure, print, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write what was measured, with where it comes from, to FILE")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        parser.error("set OMP_NUM_THREADS=1: the layers are measured by one thread")
    tf.config.threading.set_intra_op_parallelism_threads(1)
    record = provenance("benchmarks.gaps") | {"calls": CALLS, "times": TIMES}
    record["command"] = f"OMP_NUM_THREADS=1 {record['command']}"
    record["rows"] = []
    for case in ALL:
        if case.name in NAMES:
            record["rows"].append({"case": case.name, "terms": case.terms, "output": case.output} | measure(case))
            print(record["rows"][-1], flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
