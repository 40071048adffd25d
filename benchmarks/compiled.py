"""What XLA makes of the definition: how many loops, and how many bytes beside arguments and results.

KERAS_BACKEND=jax python -m benchmarks.compiled [--json FILE]

For the dense layer of cases.py. Nothing is timed here: operation_jax.json has the times of the same program.
"""

import argparse
import json
from pathlib import Path

import jax

from benchmarks.cases import DENSE, arguments, candidates
from benchmarks.operation import provenance


def main():
    """Compile, count, print, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write what was found, with where it comes from, to FILE")
    options = parser.parse_args()
    (case,) = DENSE
    program = jax.jit(candidates(case)["reference"]).lower(*arguments(case)).compile()
    text = program.as_text()
    entry = text[text.index("ENTRY") :]
    record = provenance("benchmarks.compiled") | {
        "case": case.name,
        "expanded": 4 * case.terms,
        "temporaries": program.memory_analysis().temp_size_in_bytes,
        "fusions": entry.count(" fusion("),
        "program": text,
    }
    print({name: record[name] for name in ("expanded", "temporaries", "fusions")})
    if options.json:
        Path(options.json).write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
