"""Which implementation the layers of a whole model take, after it was made."""

import keras

from dendnet.layers.dendritic import DendriticLayer
from dendnet.ops.arguments import check_implementation


def set_implementation(model: keras.Layer, implementation: str) -> list[str]:
    """Have all dendrite-activated layers of a model computed in another way, from the next call on.

    The weights stay as they are, and so does the function, up to rounding. With ``"plain"`` the model is a static graph
    of elementary operations, for tools that freeze or convert a graph by themselves; ``model.export`` takes it without
    being asked, for as long as it runs.

    Args:
        model: A Keras model, loaded or at work, of any kind; or a layer.
        implementation: As in :func:`dendnet.ops.dac_dense`.

    Returns:
        The names of the layers that were set.

    Raises:
        ValueError: ``implementation`` is not among those names, or ``model`` is no Keras model or layer.

    Example:
        >>> import keras
        >>> from dendnet.layers import DACDense, set_implementation
        >>> model = keras.Sequential([keras.Input((4,)), DACDense(3, name="unit")])
        >>> set_implementation(model, "plain")
        ['unit']

    Reference:
        The chapter "Making it fast" of the book, section "The kernel".
    """
    check_implementation(implementation)
    if not isinstance(model, keras.Layer):
        raise ValueError(f"model must be a Keras model or layer. Received: model={model!r}")
    every = list(model._flatten_layers())
    dendritic = [layer for layer in every if isinstance(layer, DendriticLayer)]
    for layer in dendritic:
        layer.implementation = implementation
    for compiled in [layer for layer in every if isinstance(layer, keras.Model)]:
        # What was traced before is made anew at the next fit, evaluate or predict.
        compiled.train_function = compiled.test_function = compiled.predict_function = None
    return [layer.name for layer in dendritic]
