"""How the fused kernels cut their work: tiles that threads hold in registers, and enough of them to fill a GPU.

Chosen from times on an H100 with Triton 3.6 (benchmarks/tiles.py, results/tiles_h100.json): over ResNet-20's and
ResNet-18's layers and two dense ones, the cuts taken here need about a fifth more than each layer's best. Other GPUs
have not been timed.
"""

SIDE = 64  # of a tile along channels, at most
OUTPUTS = {16: (128, 4), 32: (64, 2), 64: (128, 4)}  # rows and warps of a tile of outputs, by its side
INPUTS = 32  # rows of a tile of input gradients; eight numbers for each thread
WEIGHTS = 16  # inputs of a tile of weights, which one warp sums
WARPS = 4096  # that sum weights, where there is work for them: 31 for each of an H100's multiprocessors
SHARES = 512  # of the rows, at most: what they gave is added afterwards


def of_outputs(rows, channels):
    """(rows, channels, warps) of a tile of outputs."""
    across = side(channels)
    down, warps = OUTPUTS[across]
    return min(down, covering(rows)), across, warps


def of_inputs(rows, channels):
    """(rows, channels, warps) of a tile of input gradients."""
    across = side(channels)
    return min(INPUTS, covering(rows)), across, across // 8


def of_weights(taps, n, m, rows):
    """(inputs, outputs, warps) of a tile of weights, and the number of shares that the rows are summed in."""
    i, j, warps = WEIGHTS, side(m), 1
    shares = WARPS // (taps * ceil(n, i) * ceil(m, j) * warps)
    return i, j, warps, max(1, min(shares, SHARES, ceil(rows, 64)))


def side(channels):
    """The power of two that covers the channels, between 16 and SIDE."""
    return min(SIDE, covering(channels))


def covering(extent):
    """The power of two that covers an extent, 16 at least."""
    return max(16, 1 << (extent - 1).bit_length())


def unroll(terms):
    """As many terms in one step as divide their number, so that none needs a mask."""
    return next(u for u in (8, 4, 2, 1) if terms % u == 0)


def ceil(extent, part):
    """How many parts cover the extent."""
    return -(-extent // part)
