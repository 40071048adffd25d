"""The perceptron with many layers."""

import keras

from dendnet.models.filtered import Filtered
from dendnet.ops.arguments import positive


def mlp(widths, unit="dac", seed=None, **dac_options):
    """Fully connected network: a plain dense layer, layers of the unit between, and a dense layer at the end.

    The first layer filters nothing, because inputs are no signals of neurons. Each layer after it filters its
    normalized input: the ones between by relu in the standard network and by a dendrite for each connection in the
    DAC one, the last by relu in both. Nothing else differs. Twins, the networks of one seed, start with the same
    kernels and give the same outputs.

    Args:
        widths: From inputs to outputs, three numbers at least: ``(8, 16, 16, 1)`` has one layer of the unit, 16 to 16.
        unit: ``"dac"`` or ``"standard"``; or one of two rivals, which add to the standard network: ``"apl"`` learned
            activations (:class:`dendnet.models.rivals.PiecewiseLinear`), ``"quadratic"`` products of what a layer reads
            (:class:`dendnet.models.rivals.Products`), in one layer, the last but the outputs'.
        seed: Seed of the kernels; None draws one.
        **dac_options: Options of :class:`dendnet.layers.DACDense` for every dendrite-activated layer, such as
            ``dendrites``, ``bias_initializer`` or ``implementation``; for ``"apl"`` ``segments``.

    Returns:
        A ``keras.Model``; its outputs have no activation.

    Raises:
        ValueError: An argument is not among those named above.

    Example:
        The DAC network has one bias more for each connection of its one layer of the unit:

        >>> from dendnet.models import mlp
        >>> [mlp((8, 16, 16, 1), unit).count_params() for unit in ("dac", "standard")]
        [785, 529]

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "What it costs" of the book, section "A fair baseline".
    """
    if not isinstance(widths, (tuple, list)) or len(widths) < 3:
        raise ValueError(f"widths must be three numbers at least, from inputs to outputs. Received: widths={widths!r}")
    inputs_width, first, *between, outputs = [positive("widths", width) for width in widths]
    make = Filtered(unit, seed, dac_options)
    inputs = keras.Input((inputs_width,))
    x = keras.layers.Dense(first, use_bias=False, kernel_initializer=make.initializer())(inputs)
    for index, width in enumerate(between):
        x = make.dense(make.norm(x, axis=-1), width, products=index == len(between) - 1)
    x = keras.layers.ReLU()(make.norm(x, axis=-1))
    outputs = keras.layers.Dense(outputs, kernel_initializer=make.last_initializer())(x)
    return keras.Model(inputs, outputs, name=f"mlp_{unit}")
