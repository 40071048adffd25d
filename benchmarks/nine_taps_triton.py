"""A 3x3 convolution's forward pass on a GPU that computes each activation once: checked, then timed.

KERAS_BACKEND=torch python -m benchmarks.nine_taps_triton [--json FILE]
KERAS_BACKEND=torch TRITON_INTERPRET=1 python -m benchmarks.nine_taps_triton        checks alone, on a CPU

The library's kernel (dendnet/ops/fused_torch.py) computes relu(x_i(p) + b_ij) anew for each of the nine outputs that
see pixel p. Here a thread owns a strip of WIDE neighbouring pixels for one output channel and walks down the image. For
each row of pixels and each input it makes the strip's activations once, in registers, and adds each to all the sums
that see it: in three rows of outputs, which are in flight at the same time, and up to three columns. Only the pixels
beside a strip are computed in two strips, so a pixel and pair takes (WIDE + 2) / WIDE activations in place of nine.

Stride 1, padding "same", taps that share their biases, float32. Whole numbers check it exactly against the definition,
at sizes on and off the multiples of strips and tiles. Then, where there is a GPU, for each 3x3 layer of tiles.py at
stride 1 every cut is timed, and the fastest takes turns with the library's kernel: [least, median, most] of 25 in
microseconds, and of the ratios of neighbours in time.
"""

import argparse
import itertools
import json
import os
from pathlib import Path

import numpy as np
import torch
import triton
import triton.language as tl

from benchmarks.operation import provenance

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
ROUNDS = 25
CUTS = [  # width of a strip, its height in rows or 0 for the image's, strips and outputs of a tile, warps
    (wide, tall, strips, columns, warps)
    for wide, (strips, columns, warps), tall in itertools.product(
        (2, 4, 8), ((16, 16, 2), (16, 16, 4), (8, 32, 2), (16, 32, 4), (8, 64, 4)), (0, 8, 4)
    )
]
CHECKED = [  # samples, height, width, inputs, outputs
    (2, 5, 8, 3, 16),
    (3, 8, 8, 4, 18),
    (1, 1, 1, 1, 1),
    (2, 7, 3, 2, 5),
    (1, 9, 17, 5, 33),
]


@triton.jit
def _nine_taps(
    x, w, b, y, count, height, width, n, m, tall, WIDE: tl.constexpr, STRIPS: tl.constexpr, COLUMNS: tl.constexpr
):
    strip = tl.program_id(0) * STRIPS + tl.arange(0, STRIPS)
    j = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    across, down = (width + WIDE - 1) // WIDE, (height + tall - 1) // tall
    left, top = strip % across * WIDE, strip // across % down * tall
    image = (strip // (across * down)).to(tl.int64) * height
    inside = strip < count
    zero = tl.zeros([STRIPS, COLUMNS], tl.float32)
    above, here, below = (zero,) * WIDE, (zero,) * WIDE, (zero,) * WIDE  # sums of three rows of outputs
    for step in range(tall + 2):
        row = top + step - 1  # of pixels
        seen = inside & (row >= 0) & (row < height)
        for i in range(n):
            b_i = tl.load(b + i * m + j, mask=j < m, other=0.0)
            a = ()
            for c in tl.static_range(WIDE + 2):
                column = left + c - 1
                at = x + ((image + row) * width + column) * n + i
                x_c = tl.load(at, mask=seen & (column >= 0) & (column < width), other=float("-inf"))
                active = x_c[:, None] + b_i[None, :]
                a += (tl.maximum(active, 0.0, propagate_nan=tl.PropagateNan.ALL),)
            for t in tl.static_range(3):
                at = w + (t * n + i) * m + j
                w_0 = tl.load(at, mask=j < m, other=0.0)[None, :]
                w_1 = tl.load(at + 3 * n * m, mask=j < m, other=0.0)[None, :]
                w_2 = tl.load(at + 6 * n * m, mask=j < m, other=0.0)[None, :]
                next_above, next_here, next_below = (), (), ()
                for k in tl.static_range(WIDE):
                    next_above += (above[k] + w_2 * a[k + t],)
                    next_here += (here[k] + w_1 * a[k + t],)
                    next_below += (below[k] + w_0 * a[k + t],)
                above, here, below = next_above, next_here, next_below
        done = inside & (step >= 2) & (row - 1 < height)  # the row of outputs above these pixels
        for k in tl.static_range(WIDE):
            at = y + ((image + row - 1) * width + left + k)[:, None] * m + j[None, :]
            tl.store(at, above[k], mask=(done & (left + k < width))[:, None] & (j < m)[None, :])
        above, here, below = here, below, (zero,) * WIDE


def nine_taps(x, w, b, wide=4, tall=0, strips=16, columns=16, warps=2):
    """y of a 3x3 convolution of channels-last images: stride 1, padding "same", one bias for each pair of channels."""
    samples, height, width, n = x.shape
    m = w.shape[-1]
    tall = tall or height
    count = samples * triton.cdiv(width, wide) * triton.cdiv(height, tall)
    y = x.new_empty((samples, height, width, m))
    _nine_taps[triton.cdiv(count, strips), triton.cdiv(m, columns)](
        x, w, b, y, count, height, width, n, m, tall, WIDE=wide, STRIPS=strips, COLUMNS=columns, num_warps=warps
    )
    return y


def definition(x, w, b):
    """The same by the formula, a tap at a time."""
    (_, height, width, _), m = x.shape, w.shape[-1]
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-np.inf)
    y = np.zeros((*x.shape[:-1], m), "float32")
    for s, t in np.ndindex(3, 3):
        seen = padded[:, s : s + height, t : t + width, :, None]
        y += (w[s, t] * np.maximum(seen + b, 0)).sum(axis=-2)
    return y


def check(device, sizes=CHECKED, widths=(1, 2, 4, 8)):
    """Equal numbers on whole ones, at every size and for strips of every width; and NaN, which a maximum may drop."""
    rng = np.random.default_rng(0)
    for (samples, height, width, n, m), wide, tall in itertools.product(sizes, widths, (0, 3)):
        shapes = (samples, height, width, n), (3, 3, n, m), (n, m)
        x, w, b = (rng.integers(-3, 4, shape).astype("float32") for shape in shapes)
        y = nine_taps(*(torch.tensor(a, device=device) for a in (x, w, b)), wide, tall)
        assert np.array_equal(y.cpu().numpy(), definition(x, w, b)), (shapes, wide, tall)
    x[0, 0, 0, 0] = np.nan
    y = nine_taps(*(torch.tensor(a, device=device) for a in (x, w, b)))
    assert np.array_equal(y.cpu().numpy(), definition(x, w, b), equal_nan=True), "NaN"


def spread(values):
    """Least, median and most, to four digits."""
    return [float(f"{each:.4g}") for each in np.quantile(values, [0, 0.5, 1])]


def microseconds(run, calls):
    """Of one call, on the average over some."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(calls):
        run()
    end.record()
    end.synchronize()
    return 1e3 * start.elapsed_time(end) / calls


def measure(case):
    """The fastest cut's times beside the library's, in turns."""
    from benchmarks.tiles import CASES, arguments
    from dendnet.ops import fused_torch

    x, w, b, _, geometry = arguments(case)
    found = {}
    for cut in CUTS:
        if cut[0] > CASES[case][0][2] or cut[3] > max(16, w.shape[-1]):
            continue
        microseconds(lambda: nine_taps(x, w, b, *cut), 1)  # noqa: B023  (compiles)
        found[cut] = min(microseconds(lambda: nine_taps(x, w, b, *cut), 5) for _ in range(3))  # noqa: B023
    best = min(found, key=found.get)
    runs = {"library": lambda: fused_torch.run(x, w, b, geometry), "nine taps": lambda: nine_taps(x, w, b, *best)}
    times: dict = {name: [] for name in runs}
    for count in range(ROUNDS + 1):
        for name, run in runs.items():
            took = microseconds(run, 20)
            if count:  # the first is a warm-up
                times[name].append(took)
    terms = x.numel() * 9 * w.shape[-1]
    row = {"case": case, "terms": terms, "cut": best, "cuts": [[*cut, round(took, 1)] for cut, took in found.items()]}
    row |= {name: spread(each) for name, each in times.items()}
    row["ratio"] = spread(np.array(times["nine taps"]) / times["library"])
    off = (nine_taps(x, w, b, *best) - fused_torch.run(x, w, b, geometry)).abs().max()
    row["largest difference"] = float(f"{float(off):.2g}")
    print({name: value for name, value in row.items() if name != "cuts"}, flush=True)
    return row


def main():
    """Check, time where there is a GPU, print, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write every time, with where it comes from, to FILE")
    options = parser.parse_args()
    if INTERPRETED and options.json:
        parser.error("an interpreter's times say nothing: run without TRITON_INTERPRET for a record")
    check("cpu" if INTERPRETED else "cuda")
    print("equal to the definition at every size checked", flush=True)
    if INTERPRETED:
        return
    from benchmarks.tiles import CASES, ONE

    cases = [case for case, (_, kernel, geometry) in CASES.items() if kernel[:2] == (3, 3) and geometry == ONE]
    record = provenance("benchmarks.nine_taps_triton") | {"rows": [measure(case) for case in cases]}
    if options.json:
        Path(options.json).write_text(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
