"""Convolutions of every rank, stride, dilation and border, small enough for the oracle's loops."""

# size, k, c_in, c_out, groups, settings
CASES = [
    ((5, 6), (3, 3), 2, 4, 1, {}),
    ((5, 6), (3, 3), 2, 4, 1, dict(padding="same")),
    ((5, 6), (3, 2), 2, 4, 1, dict(padding="same", strides=2)),
    ((7, 4), (2, 3), 2, 4, 1, dict(padding="same", strides=(3, 1))),
    ((7, 8), (3, 3), 2, 3, 1, dict(padding="valid", dilation_rate=2)),
    ((7, 8), (3, 2), 2, 3, 1, dict(padding="same", dilation_rate=(2, 3))),
    ((4, 4), (1, 1), 3, 2, 1, dict(strides=2)),
    ((5, 5), (3, 3), 4, 6, 2, dict(padding="same")),
    ((2, 2), (3, 3), 1, 1, 1, dict(padding="same")),
    ((7,), (3,), 2, 3, 1, dict(padding="causal", dilation_rate=2)),
    ((7,), (4,), 2, 3, 1, dict(padding="causal", strides=2)),
    ((7,), (4,), 2, 3, 1, dict(padding="same", strides=2)),
    ((4, 3, 5), (2, 3, 2), 2, 3, 1, dict(padding="same", strides=2)),
]


def arrays(rng, size, k, c_in, c_out, groups, sharing, N=2):
    rows = c_in // groups
    bias = {"taps": (rows, c_out), "none": (*k, rows, c_out), "outputs": (c_in,)}[sharing]
    shapes = [(N, *size, c_in), (*k, rows, c_out), bias]
    return [rng.normal(size=s).astype("float32") for s in shapes]
