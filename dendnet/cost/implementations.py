"""What each implementation of the dendrite-activated operation executes and holds, beside what has to be done.

This is the one place that follows the code of dendnet/ops: change it with that. Counted are the terms and the
activations; what is done once for a weight, and blocks that a layer does not fill, are not.
"""

from math import prod

from dendnet.cost.dendrites import flops, space, terms
from dendnet.cost.operations import BIAS, NOTHING, Operations, Passes, activation
from dendnet.layers.dendritic_conv_transpose import DendriticConvTranspose
from dendnet.ops import blocked, shapes
from dendnet.ops.arguments import is_relu

NAMES = ("reference", "blocked", "native", "fused")


def is_standard(layer):
    """Whether outputs share their biases: it then runs as relu and the backend's own product, whatever is asked."""
    return layer.bias_sharing == "outputs"


def executed(name, layer, input_shape, output_shape):
    """The operations that an implementation executes, or None where it does not take the layer's activation."""
    necessary = flops(layer, input_shape, output_shape)
    if necessary is None or not (is_relu(layer.dendrite_activation) or name == "reference"):
        return None
    if is_standard(layer):
        return necessary
    of_all, pairs = terms(layer, input_shape, output_shape), everywhere(layer, input_shape)
    output_bias = BIAS * prod(output_shape) if layer.use_output_bias else NOTHING
    if name == "reference":
        # The activation at every pixel, seen or not. The gradient adds each term's share to its pixel, then sums; where
        # there are strides the shares lie between zeros.
        between = 1 if isinstance(layer, DendriticConvTranspose) else prod(getattr(layer, "strides", ()))
        filtered = activation(layer.dendrite_activation) + BIAS
        forward = Operations(1, 1) * of_all + filtered.forward * pairs
        step = Operations(3, 2 + between) * of_all + (filtered.step + Operations(0, 1)) * pairs
    elif name == "blocked":
        # relu(x + b) w for each term. The gradient for x masks once for a pixel and a bias; the one for w computes
        # x + b and two masks for each term.
        forward = Operations(1, 2, 1) * of_all
        step = forward + Operations(1, 1) * of_all + Operations(0, 1, 1) * pairs + Operations(1, 3, 2) * of_all
    elif name == "native" and bias_is_of_taps(layer):
        # Each activation once for all taps. Its gradient sums over the taps before the mask, which serves x and b.
        forward = Operations(1, 1) * of_all + Operations(0, 1, 1) * pairs
        step = forward + Operations(2, 2) * of_all + Operations(0, 3, 2) * pairs
    elif name == "native":
        # relu(x + b) w for each term. One pass for all gradients, which share x + b and its mask.
        forward = Operations(1, 2, 1) * of_all
        step = forward + Operations(2, 4, 2) * of_all
    else:
        # max(x, -b) w for each term. The gradients recompute x > -b for each term, x + b for w.
        forward = Operations(1, 1, 1) * of_all
        step = forward + Operations(1, 1, 1) * of_all + Operations(1, 3, 1) * of_all
    return Passes(forward, step) + output_bias


def bias_is_of_taps(layer):
    """Whether several taps share an activation; of a transposed convolution each tap is computed by itself."""
    return (
        not isinstance(layer, DendriticConvTranspose)
        and len(layer.bias.shape) == 2
        and prod(getattr(layer, "kernel_size", ())) > 1
    )


def everywhere(layer, input_shape):
    """Activations at every pixel, whether a tap sees it or not."""
    places = prod(input_shape) // input_shape[getattr(layer, "channel_axis", -1)]
    if isinstance(layer, DendriticConvTranspose) and not is_standard(layer):
        return places * prod(layer.kernel.shape)  # of each tap by itself
    return places * prod(layer.bias.shape)


def kept(name, layer, input_shape, output_shape):
    """Numbers that stay from the forward pass to the gradients, beside the layer's input."""
    repeated = 0 if layer.dendrites == 1 else prod(input_shape) * layer.dendrites
    if is_standard(layer):
        return repeated + prod(input_shape) * layer.dendrites  # what relu let through
    if name == "reference":
        # Each tap's product needs the window of activations that it weighed, and each activation its mask.
        return (
            repeated
            + everywhere(layer, input_shape)
            + (terms(layer, input_shape, output_shape) if space(layer, input_shape) else 0)
        )
    return repeated


def temporary(name, layer, input_shape, output_shape):
    """Numbers that are held only while the layer's gradients are computed, at the most."""
    if is_standard(layer):
        return 0
    if name == "reference":
        # Each term's share in the gradients for w and for relu(x + b), before they are summed, and the latter masked.
        return 3 * everywhere(layer, input_shape)
    if name == "blocked":
        # Of one piece of the batch: the input within its border, with samples last its gradient and the output's, and
        # its gradient once more as it is handed on. Left out: partial sums, and copies of the weights.
        samples = input_shape[0] if space(layer, input_shape) else prod(input_shape[:-1])
        inputs, outputs = prod(input_shape) * layer.dendrites, prod(output_shape)
        of_piece, _ = blocked.pieces(samples, (inputs + outputs) // samples)
        return (padded(layer, input_shape) + 2 * inputs + outputs) * of_piece // samples
    return 0


def padded(layer, input_shape):
    """Numbers of the input within its border."""
    size = space(layer, input_shape)
    if not size or isinstance(layer, DendriticConvTranspose):
        return prod(input_shape) * layer.dendrites
    _, borders = shapes.axes(size, layer.kernel_size, layer.geometry)
    around = prod(s + sum(border) for s, border in zip(size, borders, strict=True))
    return prod(input_shape) // prod(size) * around * layer.dendrites
