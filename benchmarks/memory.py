"""What a training step holds beside its arguments and results, in bytes, from a process of its own.

python -m benchmarks.memory CASE ...    prints a JSON object: case, implementation, bytes

On TensorFlow and JAX it is what XLA's buffer assignment sets aside for temporaries, in the largest of the programs that
the step compiles; a step that XLA does not compile is left out. On torch the process runs the step, has Linux forget
the most memory that it ever held, runs it once more and asks again; elsewhere than on Linux, and on a GPU, it is left
out.
"""

import gc
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from dendnet.cost.measure import SEEN_AT_ONCE

PEAK_RESET = Path("/proc/self/clear_refs")


def temporaries(cases):
    """{case: {implementation: bytes}} for cases by name, measured in a child process."""
    child = [sys.executable, "-m", "benchmarks.memory", *(case.name for case in cases)]
    with tempfile.TemporaryDirectory() as dump:
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_dump_to={dump}"
        environment = os.environ | SEEN_AT_ONCE | {"XLA_FLAGS": flags, "BENCHMARK_DUMP": dump}
        done = subprocess.run(child, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"benchmarks.memory failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def assigned(run):
    """The temporaries of the largest program that XLA compiles while this runs; None where it compiles none."""
    dump = Path(os.environ["BENCHMARK_DUMP"])
    known = set(dump.glob("*buffer-assignment.txt"))
    run()
    programs = [path.read_text() for path in set(dump.glob("*buffer-assignment.txt")) - known]
    sizes = [sum(map(int, re.findall(r"size (\d+), preallocated-temp", text))) for text in programs]
    return max(sizes, default=None)


def held(run, results):
    """The most bytes above what the process had before, less those of the results; None where nothing tells."""
    import torch

    from dendnet.cost.peak import resident

    if not PEAK_RESET.exists() or torch.cuda.is_available():
        return None
    for _ in range(2):
        run()
    gc.collect()
    time.sleep(0.2)  # what another thread still frees
    before = resident("VmRSS")
    PEAK_RESET.write_text("5")
    run()
    return max(0, resident("VmHWM") - before - results)


def main(names):
    """Measure every implementation of every case named, but for the definition."""
    import keras

    from benchmarks.cases import ALL, arguments, candidates, ready, step

    found: dict = {}
    for case in (case for case in ALL if case.name in names):
        given, found[case.name] = arguments(case), {}
        results = 4 * (case.output + sum(math.prod(a.shape) for a in given))
        for name, function in candidates(case).items():
            if name == "reference":
                continue
            run = ready(step(function))
            if keras.backend.backend() == "torch":
                found[case.name][name] = held(lambda run=run, given=given: run(*given), results)
            else:
                found[case.name][name] = assigned(lambda run=run, given=given: run(*given))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
