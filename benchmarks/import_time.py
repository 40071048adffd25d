"""What `import dendnet` adds to `import keras`, in milliseconds.

python -m benchmarks.import_time [--runs 9]

Each run is a fresh process that imports Keras first, then dendnet; the least of several runs is the cost, and the
spread tells how noisy the machine is.
"""

import argparse
import subprocess
import sys

PROGRAM = """
import time
import keras
start = time.perf_counter()
import dendnet
print(1000 * (time.perf_counter() - start))
"""


def milliseconds(runs):
    """The time of each run, sorted."""
    return sorted(
        float(subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout)
        for _ in range(runs)
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    times = milliseconds(parser.parse_args().runs)
    print(f"import dendnet after keras: least {times[0]:.1f} ms, median {times[len(times) // 2]:.1f} ms, ", end="")
    print(f"most {times[-1]:.1f} ms over {len(times)} fresh processes")
