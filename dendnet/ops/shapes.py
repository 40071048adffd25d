"""Sizes of a convolution along one axis, as Keras counts them. A size may be a number or a scalar tensor."""

from keras import ops


def span(k, dilation):
    """Pixels from the first tap of a kernel axis to its last."""
    return (k - 1) * dilation + 1


def output_size(size, k, stride, dilation, padding):
    """The output's size along one axis, or None where the input's is unknown."""
    if size is None:
        return None
    reach = size - span(k, dilation) if padding == "valid" else size - 1
    return reach // stride + 1


def border(size, k, stride, dilation, padding):
    """Silent pixels (before, after) one axis."""
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return span(k, dilation) - 1, 0
    covered = (output_size(size, k, stride, dilation, padding) - 1) * stride + span(k, dilation)
    total = max(covered - size, 0) if isinstance(size, int) else ops.maximum(covered - size, 0)
    return total // 2, total - total // 2
