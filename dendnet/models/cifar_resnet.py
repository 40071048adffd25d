"""The small residual networks for CIFAR."""

import keras

from dendnet.models.filtered import Filtered
from dendnet.ops.arguments import positive


def cifar_resnet(depth=20, unit="dac", classes=10, input_shape=(32, 32, 3), width=16, seed=None, **dac_options):
    """Residual network for small images: three stages of (depth - 2) / 6 blocks each, with pre-activated blocks.

    A plain 3x3 convolution, the blocks (``width`` channels, then twice and four times as many, each stage at half the
    resolution of the one before), batch normalization, relu, the mean over the image, and a dense layer to logits.
    Every convolution inside a block filters its normalized input: by relu in the standard network, by a dendrite for
    each pair of channels in the DAC one. The projections of the shortcuts (1x1 convolutions, option B) filter too.
    Nothing else differs. Twins, the networks of one seed, start with the same kernels and give the same outputs.

    Args:
        depth: 6 n + 2 for n blocks a stage: 20, 32, 44, 56 and 110 are those of the literature, 8 and 14 smaller ones.
        unit: ``"dac"`` or ``"standard"``; or one of two rivals, which add to the standard network: ``"apl"`` learned
            activations (:class:`dendnet.models.rivals.PiecewiseLinear`), ``"quadratic"`` products of what a layer reads
            (:class:`dendnet.models.rivals.Products`), in one layer, the last of the second stage.
        classes: Number of logits.
        input_shape: Shape of an image, without the batch, in Keras's image data format.
        width: Channels of the first stage.
        seed: Seed of the kernels; None draws one.
        **dac_options: Options of :class:`dendnet.layers.DACConv2D` for every dendrite-activated layer, such as
            ``bias_sharing``, ``dendrites``, ``bias_initializer`` or ``implementation``; for ``"apl"`` ``segments``.

    Returns:
        A ``keras.Model``; its outputs are logits, ``(batch, classes)``.

    Raises:
        ValueError: ``depth`` is not 6 n + 2, or another argument is not among those named above.

    Example:
        The DAC network has one bias more for each pair of channels of a convolution in its blocks:

        >>> from dendnet.models import cifar_resnet
        >>> [cifar_resnet(20, unit=unit).count_params() for unit in ("dac", "standard")]
        [305914, 273658]

    Reference:
        He et al., arXiv 1512.03385 (the network) and 1603.05027 (the block); Metta et al., arXiv 2301.00924 (the unit);
        the chapter "What it costs" of the book, section "Whole networks".
    """
    positive("width", width)
    positive("classes", classes)
    if positive("depth", depth) < 8 or (depth - 2) % 6:
        raise ValueError(f"depth must be 6 n + 2 for n >= 1, as 20, 32, 44, 56 or 110. Received: depth={depth}")
    make = Filtered(unit, seed, dac_options)
    inputs = keras.Input(input_shape)
    x = make.plain_conv(inputs, width, 3)
    for stage in range(3):
        for index in range(blocks := (depth - 2) // 6):
            strides, products = 2 if stage and not index else 1, (stage, index) == (1, blocks - 1)
            x = make.block(x, width * 2**stage, strides, products=products)
    return keras.Model(inputs, make.classifier(x, classes), name=f"cifar_resnet{depth}_{unit}")
