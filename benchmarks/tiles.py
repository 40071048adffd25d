"""What dendnet/ops/tiles.py is chosen from: every cut of the fused Triton kernels, timed on this GPU.

KERAS_BACKEND=torch python -m benchmarks.tiles [--json FILE]

For ResNet-20's layers and ResNet-18's at 64 px, batch 128, and two dense layers: the forward pass, dx, and dw with db,
by tiles of every shape that leaves each thread 4 to 64 numbers. Prints what tiles.py takes now beside the best. To
compile all of them takes minutes. The record holds every time.
"""

import argparse
import itertools
import json
import math
from collections.abc import Callable
from functools import partial

import torch
import triton

from benchmarks.operation import provenance
from dendnet.ops import fused_torch, tiles
from dendnet.ops.shapes import DENSE, Geometry

ONE, TWO = (Geometry((stride, stride), "same", (1, 1)) for stride in (1, 2))
CASES = {  # shape of x, shape of the kernel, geometry
    "ResNet-20, 16 at 32 px": ((128, 32, 32, 16), (3, 3, 16, 16), ONE),
    "ResNet-20, 16 to 32, stride 2": ((128, 32, 32, 16), (3, 3, 16, 32), TWO),
    "ResNet-20, 32 at 16 px": ((128, 16, 16, 32), (3, 3, 32, 32), ONE),
    "ResNet-20, 32 to 64, stride 2": ((128, 16, 16, 32), (3, 3, 32, 64), TWO),
    "ResNet-20, 64 at 8 px": ((128, 8, 8, 64), (3, 3, 64, 64), ONE),
    "ResNet-20, 1x1 16 to 32, stride 2": ((128, 32, 32, 16), (1, 1, 16, 32), TWO),
    "ResNet-18, 64 at 16 px": ((128, 16, 16, 64), (3, 3, 64, 64), ONE),
    "ResNet-18, 128 at 8 px": ((128, 8, 8, 128), (3, 3, 128, 128), ONE),
    "ResNet-18, 256 at 4 px": ((128, 4, 4, 256), (3, 3, 256, 256), ONE),
    "ResNet-18, 512 at 2 px": ((128, 2, 2, 512), (3, 3, 512, 512), ONE),
    "dense 256 x 512 x 512": ((256, 512), (512, 512), DENSE),
    "dense 4096 x 1024 x 1024": ((4096, 1024), (1024, 1024), DENSE),
}
TILES = [  # rows or inputs, columns, warps
    (down, across, warps)
    for down, across, warps in itertools.product((16, 32, 64, 128), (16, 32, 64), (1, 2, 4, 8))
    if 256 <= down * across <= 8192 and 4 <= down * across / (32 * warps) <= 64
]
UNROLL = (4, 8)
WARPS = (1024, 2048, 4096, 8192)


def arguments(case):
    """x, kernel, bias, dy and geometry of normal random numbers."""
    x_shape, kernel_shape, geometry = CASES[case]
    torch.manual_seed(0)
    x, w, b = (torch.randn(shape, device="cuda") for shape in (x_shape, kernel_shape, kernel_shape[-2:]))
    return x, w, b, torch.randn_like(fused_torch.run(x, w, b, geometry)), geometry


def kernels(given) -> dict[str, Callable]:
    """The three kernels as functions of nothing."""
    x, w, b, dy, geometry = given
    return {
        "forward": lambda: fused_torch.run(x, w, b, geometry),
        "dx": lambda: fused_torch._dx(x, w, b, dy, geometry),
        "dw": lambda: fused_torch._dkernel_dbias(x, w, b, dy, geometry),
    }


def cuts(name, n, m):
    """Every cut of a kernel: what tiles.py's functions give, in the place of what they would."""
    if name == "dw":
        for (i, j, warps), most in itertools.product(TILES, WARPS):
            if i <= tiles.side(n) and j <= tiles.side(m):
                yield (i, j, warps, most), {"of_weights": partial(weights, i, j, warps, most)}
        return
    function = "of_outputs" if name == "forward" else "of_inputs"
    for tile, most in itertools.product(TILES, UNROLL):
        if tile[1] <= tiles.side(m if name == "forward" else n):
            unroll = partial(dividing, most)
            yield (*tile, most), {function: lambda rows, channels, tile=tile: tile, "unroll": unroll}


def weights(i, j, warps, most, taps, n, m, rows):
    """As tiles.of_weights, for one tile."""
    shares = most // (taps * tiles.ceil(n, i) * tiles.ceil(m, j) * warps)
    return i, j, warps, max(1, min(shares, tiles.SHARES, tiles.ceil(rows, 64)))


def dividing(most, terms):
    """As tiles.unroll, up to most."""
    return next(u for u in (most, 4, 2, 1) if terms % u == 0)


def microseconds(run):
    """Median of a kernel's times."""
    return round(1e3 * triton.testing.do_bench(run, warmup=3, rep=12, return_mode="median"), 1)


def measure(case):
    """For each kernel what tiles.py takes now, and every cut."""
    given = arguments(case)
    n, m = CASES[case][1][-2:]
    terms = given[3].numel() * math.prod(CASES[case][1][:-1])
    row: dict = {"case": case, "n": n, "m": m, "terms": terms}
    for name, run in kernels(given).items():
        now, found = microseconds(run), []
        for cut, replaced in cuts(name, n, m):
            kept = {function: getattr(tiles, function) for function in replaced}
            for function, other in replaced.items():
                setattr(tiles, function, other)
            found.append([*cut, microseconds(run)])
            for function, own in kept.items():
                setattr(tiles, function, own)
        row[name] = {"now": now, "cuts": found}
        *best, least = min(found, key=lambda cut: cut[-1])
        print(f"{case:34}{name:10}now {now:8.1f} us   best {least:8.1f} us {tuple(best)}", flush=True)
    return row


def main():
    """Time, print, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write every time, with where it comes from, to FILE")
    options = parser.parse_args()
    record = provenance("benchmarks.tiles") | {"rows": [measure(case) for case in CASES]}
    if options.json:
        with open(options.json, "w") as file:
            file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
