"""The residual networks for photographs of 64 to 224 pixels."""

import keras

from dendnet.models.filtered import Filtered
from dendnet.ops.arguments import positive

STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


def resnet(depth=18, unit="dac", classes=10, input_shape=(224, 224, 3), width=64, seed=None, **dac_options):
    """Residual network for larger images: four stages of pre-activated blocks, bottlenecks for depth 50.

    A plain 7x7 convolution at stride 2, a 3x3 maximum at stride 2, the blocks (``width`` channels, doubled with each
    stage; four times as many come out of a bottleneck), batch normalization, relu, the mean over the image, and a
    dense layer to logits. Every convolution inside a block filters its normalized input: by relu in the standard
    network, by a dendrite for each pair of channels in the DAC one. The projections of the shortcuts (1x1
    convolutions, option B) filter too. Nothing else differs. Twins, the networks of one seed, start with the same
    kernels and give the same outputs. A bottleneck's stride is on its 3x3 convolution, as in version 1.5.

    Args:
        depth: 18, 34 or 50.
        unit: ``"dac"`` or ``"standard"``; or one of two rivals, which add to the standard network: ``"apl"`` learned
            activations (:class:`dendnet.models.rivals.PiecewiseLinear`), ``"quadratic"`` products of what a layer reads
            (:class:`dendnet.models.rivals.Products`), in one layer, the last of the second stage.
        classes: Number of logits.
        input_shape: Shape of an image, without the batch, in Keras's image data format; height and width may be None.
        width: Channels of the first stage.
        seed: Seed of the kernels; None draws one.
        **dac_options: Options of :class:`dendnet.layers.DACConv2D` for every dendrite-activated layer, such as
            ``bias_sharing``, ``dendrites``, ``bias_initializer`` or ``implementation``; for ``"apl"`` ``segments``.

    Returns:
        A ``keras.Model``; its outputs are logits, ``(batch, classes)``.

    Raises:
        ValueError: An argument is not among those named above.

    Example:
        >>> from dendnet.models import resnet
        >>> model = resnet(18, unit="standard", input_shape=(64, 64, 3), width=8)
        >>> model.output_shape
        (None, 10)

    Reference:
        He et al., arXiv 1512.03385 (the network) and 1603.05027 (the block); Metta et al., arXiv 2301.00924 (the unit);
        the chapter "What it costs" of the book, section "Whole networks".
    """
    positive("width", width)
    positive("classes", classes)
    if depth not in STAGES:
        raise ValueError(f"depth must be one of {tuple(STAGES)}. Received: depth={depth!r}")
    make = Filtered(unit, seed, dac_options)
    inputs = keras.Input(input_shape)
    x = make.plain_conv(inputs, width, 7, strides=2)
    x = keras.layers.MaxPooling2D(3, 2, padding="same")(x)
    for stage, blocks in enumerate(STAGES[depth]):
        for index in range(blocks):
            strides, products = 2 if stage and not index else 1, (stage, index) == (1, blocks - 1)
            x = make.block(x, width * 2**stage, strides, bottleneck=depth == 50, products=products)
    return keras.Model(inputs, make.classifier(x, classes), name=f"resnet{depth}_{unit}")
