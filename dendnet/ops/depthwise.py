"""Convolutions whose many groups see few channels each, a depthwise one above all: all groups at once.

Here an output has no more activations than the few channels that it sees, so the definition holds little more than the
outputs, and the backend's own depthwise convolution weighs them. All arrays are channels-last.
"""

from keras import ops

from dendnet.ops import shapes

FEW = 4  # channels of a group, each with an activation the size of the output


def suits(groups, rows):
    """Whether so many groups of so many channels are better computed here than one after the other."""
    return rows <= FEW and groups > rows


def connections(x, kernel, bias, activation, geometry):
    """y_j(p) = sum_t sum_r w_trj act(x_gr(p + t) + b_rj) where j is in group g, of channels g * rows + r."""
    *k, rows, c_out = map(int, kernel.shape)
    per_group = c_out * rows // int(x.shape[-1])
    size = [int(s) if isinstance(s, int) else s for s in ops.shape(x)[1:-1]]
    out, border = shapes.axes(size, k, geometry)
    weigh = _depthwise if len(bias.shape) == 2 and len(k) < 3 and len(set(geometry.strides)) == 1 else _by_tap
    y = 0.0
    for r in range(rows):
        seen = ops.repeat(x[..., r::rows], per_group, axis=-1)

        def active(b, seen=seen):
            return ops.pad(activation(seen + b), [(0, 0), *border, (0, 0)])

        y = y + weigh(active, kernel[..., r, :], bias[..., r, :], out, geometry)
    return y


def _depthwise(active, kernel, bias, out, geometry):
    return ops.depthwise_conv(
        active(bias),
        kernel[..., None],
        geometry.strides if len(geometry.strides) == 2 else geometry.strides[0],
        data_format="channels_last",
        dilation_rate=geometry.dilation_rate if len(geometry.strides) == 2 else geometry.dilation_rate[0],
    )


def _by_tap(active, kernel, bias, out, geometry):
    shared = active(bias) if len(bias.shape) == 1 else None
    y = 0.0
    for t in shapes.taps(kernel.shape[:-1]):
        a = active(bias[t]) if shared is None else shared
        y = y + kernel[t] * a[(slice(None), *shapes.window(t, out, geometry))]
    return y
