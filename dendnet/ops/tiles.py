"""How the fused kernels cut their work: tiles that threads hold in registers, and enough of them to fill a GPU.

Chosen by counting the instructions that Triton 3.9 compiles for a T4, an A100 and an H100; not timed on any GPU yet.
A side that stays below the number of threads lets each load its own rows and columns; otherwise Triton sends them
through shared memory, which costs little within one warp and a barrier beyond.
"""

ROWS = 64  # of a tile, where there are rows enough
SIDE = 64  # of a tile along channels, at most
WARPS = 1024  # in all, where there is work enough: 25 for each of a T4's multiprocessors, 8 for each of an H100's


def of_rows(rows, channels):
    """(rows, channels, warps) of a tile of outputs or of input gradients: fewer rows where there are few in all."""
    across, down = side(channels), ROWS
    warps = 1 if across == 16 else 4
    while down > 16 and ceil(rows, down) * ceil(channels, across) * warps < WARPS:
        down //= 2
    return down, across, warps


def of_weights(taps, n, m, rows):
    """(inputs, outputs, warps) of a tile of weights, and the number of shares that the rows are summed in."""
    i, j = side(n), side(m)
    warps = max(1, i * j // 1024)
    shares = WARPS // (taps * ceil(n, i) * ceil(m, j) * warps)
    return i, j, warps, max(1, min(shares, ceil(rows, ROWS)))


def side(channels):
    """The power of two that covers the channels, between 16 and SIDE."""
    return min(SIDE, max(16, 1 << (channels - 1).bit_length()))


def unroll(terms):
    """As many terms in one step as divide their number, so that none needs a mask."""
    return next(u for u in (4, 2, 1) if terms % u == 0)


def ceil(extent, part):
    """How many parts cover the extent."""
    return -(-extent // part)
