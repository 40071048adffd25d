"""What a compiler makes of the definition: how many loops, and how many bytes beside arguments and results.

KERAS_BACKEND=jax python -m benchmarks.compiled [--json FILE]
KERAS_BACKEND=torch OMP_NUM_THREADS=1 python -m benchmarks.compiled [--json FILE]

For the dense layer of cases.py. On JAX, what XLA makes of the forward pass; its times are in operation_jax.json.

On torch, what torch.compile makes of the forward pass and of a step (forward and all gradients). These are timed here:
the standard layer, the definition with and without torch.compile and the native form take turns, on one thread and in
the processor's seconds, which go on only while the program runs; [least, median, most] of 25, as seconds and as ratios
of neighbours in time.
"""

import argparse
import json
import math
import os
import re
import time
from pathlib import Path

import keras
import numpy as np

from benchmarks.cases import DENSE, arguments, candidates, step
from benchmarks.operation import provenance

ROUNDS = 25


def by_xla(case):
    """What XLA's program has for the forward pass."""
    import jax

    program = jax.jit(candidates(case)["reference"]).lower(*arguments(case)).compile()
    text = program.as_text()
    return {
        "temporaries": program.memory_analysis().temp_size_in_bytes,
        "fusions": text[text.index("ENTRY") :].count(" fusion("),
        "program": text,
    }


def by_torch(case):
    """What torch.compile's programs have for the forward pass alone, and forward and backward in a step; all times."""
    import torch
    from torch._inductor.utils import run_and_get_code

    kept, given = candidates(case), arguments(case)
    functions = {name: kept[name] for name in ("standard", "reference", "native")}
    functions["compiled"] = torch.compile(functions["reference"])
    _, [forward] = run_and_get_code(functions["compiled"], *given)
    found = counted(forward) | {"forward": measure(functions, given)}
    torch.compiler.reset()
    functions = {name: step(function) for name, function in functions.items()}
    _, programs = run_and_get_code(functions["compiled"], *given)
    return found | {"step": measure(functions, given), "programs of a step": [counted(text) for text in programs]}


def counted(text):
    """Programs that inductor made, and the bytes that they take beside arguments and results."""
    (results,) = re.findall(r"^ +return \((buf.*|rein.*)\)$", text, re.MULTILINE)
    made = re.findall(r"(\w+) = empty_strided_cpu\(\(([\d, ]*)\), \([\d, ]*\), torch\.float32\)", text)
    kept = [math.prod(map(int, re.findall(r"\d+", shape))) for name, shape in made if name not in results]
    return {"temporaries": 4 * sum(kept), "fusions": text.count("= async_compile."), "program": text}


def measure(functions, given):
    """Processor's seconds of each function, and its ratios to the standard layer, in turns."""
    times: dict = {name: [] for name in functions}
    for count in range(ROUNDS + 1):
        for name, run in functions.items():
            start = time.process_time()
            run(*given)
            if count:  # the first is a warm-up
                times[name].append(time.process_time() - start)
    standard = np.array(times["standard"])
    return {name: {"seconds": spread(each), "ratio": spread(np.array(each) / standard)} for name, each in times.items()}


def spread(values):
    """Least, median and most, to four digits."""
    return [float(f"{each:.4g}") for each in np.quantile(values, [0, 0.5, 1])]


def main():
    """Compile, count, print, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write what was found, with where it comes from, to FILE")
    options = parser.parse_args()
    backend = keras.backend.backend()
    if backend == "torch" and os.environ.get("OMP_NUM_THREADS") != "1":
        parser.error("set OMP_NUM_THREADS=1: the programs are timed on one thread")
    (case,) = DENSE
    record = provenance("benchmarks.compiled") | {"case": case.name, "expanded": 4 * case.terms}
    if backend == "torch":
        record["command"] = f"OMP_NUM_THREADS=1 {record['command']}"
    record |= {"jax": by_xla, "torch": by_torch}[backend](case)
    print({name: value for name, value in record.items() if "program" not in name})
    if options.json:
        Path(options.json).write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
