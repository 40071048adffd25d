"""The piece and the unrolling of the blocked form, varied: what would suit a device whose kernels are not ours.

python -m benchmarks.pieces [--seconds 2] [--json FILE]

For layers of ResNet-20 and a dense one, the blocked form with each PIECE and BLOCK takes turns with the standard layer,
and with the fused kernels where they run; ratios as in benchmarks/operation.py. On one GPU it takes some five minutes,
most of them XLA's.
"""

import argparse
import json

import keras
import numpy as np

from benchmarks.cases import QUICK, arguments, candidates, step
from benchmarks.operation import provenance, ratios
from dendnet.ops import blocked

PIECES = (2**19, 2**22, 2**25)  # numbers of input and output in one piece of the batch
BLOCKS = (4, 16, 64)  # terms unrolled in one step


def forget_programs():
    """Both backends keep a program by its sizes alone, which do not change here."""
    match keras.backend.backend():
        case "jax":
            import jax

            jax.clear_caches()
        case "tensorflow":
            from dendnet.ops import blocked_tensorflow

            blocked_tensorflow._program.cache_clear()


def measure(case, piece, block, seconds):
    """The ratios of a step with these two, and of the fused kernels beside it."""
    forget_programs()
    before = blocked.PIECE, blocked.BLOCK
    blocked.PIECE, blocked.BLOCK = piece, block
    try:
        found = {name: step(f) for name, f in candidates(case).items() if name in ("standard", "blocked", "fused")}
        return {"case": case.name, "piece": piece, "block": block, "step": ratios(found, arguments(case), 25, seconds)}
    finally:
        blocked.PIECE, blocked.BLOCK = before


def main():
    """Measure, print the table, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to measure each")
    parser.add_argument("--json", metavar="FILE", help="write the ratios, with where they come from, to FILE")
    options = parser.parse_args()
    record = provenance("benchmarks.pieces") | {"rows": []}
    for case in QUICK:
        for piece, block in [(piece, block) for piece in PIECES for block in BLOCKS]:
            row = measure(case, piece, block, options.seconds)
            record["rows"].append(row)
            shown = ", ".join(f"{name} {np.median(found):.2f}" for name, found in row["step"].items())
            print(f"{case.name:36}piece {piece:9} block {block:3}: {shown}", flush=True)
    if options.json:
        with open(options.json, "w") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
