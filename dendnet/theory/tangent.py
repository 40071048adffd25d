"""How much of what a step moves in a function is moved by dendrites' biases: measured, and as it is expected."""

from typing import Any, NamedTuple

import keras
import numpy as np

from dendnet.layers.dendritic import DendriticLayer
from dendnet.ops.arguments import positive
from dendnet.theory.arguments import above_zero


class BiasShare(NamedTuple):
    """The trace of the tangent kernel in one layer's parameters; :func:`bias_share` measures it.

    Attributes:
        name: The layer's name.
        kernel: Squared derivatives of an output in the layer's weights, summed; the mean over outputs and examples.
        bias: The same in the layer's biases.

    Reference:
        The chapter "Full experiments" of the book, :prf:ref:`thm-bias-share`.
    """

    name: str
    kernel: float
    bias: float

    @property
    def share(self) -> float:
        """bias / (bias + kernel); NaN where the outputs depend on neither."""
        whole = self.bias + self.kernel
        return self.bias / whole if whole else float("nan")


def bias_share(model: keras.Layer, x: Any, training: bool = False) -> list[BiasShare]:
    r"""Measure the share of the biases in the trace of the tangent kernel, for each dendrite-activated layer.

    .. math:: \frac{\sum_b (\partial y / \partial b)^2}
        {\sum_b (\partial y / \partial b)^2 + \sum_w (\partial y / \partial w)^2}

    Each sum is over one layer's parameters, and added over all examples of x and all outputs y: of the model, if that
    is a network. One backward pass is made for each output of each example, so take few of both. Layers whose kernel
    or biases are not trainable, as with LoRA or int8, are left out.

    Args:
        model: A built Keras model with one output, or a built layer.
        x: Inputs, one row for each example.
        training: Whether batch normalization goes by the batch, as in training. Its averages stay what they were.

    Returns:
        One :class:`BiasShare` for each layer, in the model's order.

    Raises:
        ValueError: ``model`` is not built, has several outputs, or no dendrite-activated layer that is trainable; or
            ``x`` has no example.

    Example:
        Weights sum the squares of the inputs that pass, biases those of the weights they pass:

        >>> import numpy as np
        >>> from dendnet.layers import DACDense
        >>> from dendnet.theory import bias_share
        >>> layer = DACDense(1, kernel_initializer="ones", name="unit")
        >>> layer.build((None, 3))
        >>> bias_share(layer, np.array([[1.0, 2.0, -5.0]]))
        [BiasShare(name='unit', kernel=5.0, bias=2.0)]

    Reference:
        The chapter "Full experiments" of the book, :prf:ref:`thm-bias-share`.
    """
    if not isinstance(model, keras.Layer) or not model.built:
        raise ValueError(f"model must be a Keras model or layer that is built. Received: model={model!r}")
    trainable = {id(v) for v in model.trainable_variables}
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, DendriticLayer) and {id(layer._kernel), id(layer._bias)} <= trainable
    ]
    if not layers:
        raise ValueError(f"model must have a dendrite-activated layer that is trainable. Received: model={model!r}")
    if len(keras.tree.flatten(x)[0]) == 0:
        raise ValueError("x must have at least one example. Received: len(x)=0")
    x = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    state = [(v, keras.ops.copy(v.value)) for v in model.non_trainable_variables]
    try:
        y, pulled_back = _PULLBACKS[keras.backend.backend()](
            model, x, [v for layer in layers for v in (layer._kernel, layer._bias)], training
        )
        if len(keras.tree.flatten(y)) != 1:
            raise ValueError(f"model must have one output. Received: {len(keras.tree.flatten(y))} outputs")
        squares = np.zeros(2 * len(layers))
        one = np.zeros(tuple(y.shape))
        for place in np.ndindex(one.shape):
            one[place] = 1
            seed = keras.ops.convert_to_tensor(one, y.dtype)
            squares += [_squared(g) for g in pulled_back(seed)]
            one[place] = 0
    finally:
        for variable, value in state:
            variable.assign(value)
    means = (squares / one.size).reshape(-1, 2)
    return [BiasShare(layer.name, float(w), float(b)) for layer, (w, b) in zip(layers, means, strict=True)]


def expected_bias_share(fan_in, dendrites=1, variance=1.0, kernel_variance=None) -> float:
    r"""The biases' share in the trace of the tangent kernel at the start, whichever connections share a bias.

    .. math:: \frac{\sigma^2}{\sigma^2 + v + \tau^2}, \qquad \sigma^2 = \frac{2}{\text{fan\_in}} \text{ (He)}, \qquad
        \tau^2 = \begin{cases} 0 & S = 1 \\ \frac{S + 1}{3 (S - 1)} & S > 1 \end{cases}

    It is the ratio of two expectations, for inputs that are symmetric about 0 with variance v, weights of mean 0 and
    variance sigma^2 that depend neither on each other nor on the inputs, and biases as the layers start them: zeros,
    or S knots over [-1, 1], whose mean square is tau^2. Strides, dilation and borders change nothing.

    Args:
        fan_in: Connections of an output, as Keras counts them: inputs (of the output's group) times taps times S.
        dendrites: S, dendrites for each pair.
        variance: Variance v of an input: 1 behind batch normalization.
        kernel_variance: Variance sigma^2 of a weight; None means He's start, which the networks of
            ``dendnet.models`` have. The layers' own default is Glorot's: 2 / (fan_in + fan_out).

    Raises:
        ValueError: An argument is no positive number, or ``dendrites`` does not divide ``fan_in``.

    Example:
        Convolutions 3x3 of 8, 16 and 64 channels:

        >>> from dendnet.theory import expected_bias_share
        >>> [f"{expected_bias_share(9 * channels):.4f}" for channels in (8, 16, 64)]
        ['0.0270', '0.0137', '0.0035']

    Reference:
        The chapter "Full experiments" of the book, :prf:ref:`thm-bias-share`.
    """
    if positive("fan_in", fan_in) % positive("dendrites", dendrites):
        raise ValueError(f"dendrites must divide fan_in. Received: fan_in={fan_in}, dendrites={dendrites}")
    sigma2 = 2 / fan_in if kernel_variance is None else above_zero("kernel_variance", kernel_variance)
    tau2 = 0.0 if dendrites == 1 else (dendrites + 1) / (3 * (dendrites - 1))
    return sigma2 / (sigma2 + above_zero("variance", variance) + tau2)


def _squared(gradient):
    """The sum of the squares; 0 where the output does not depend on the variable."""
    return 0.0 if gradient is None else float(np.sum(np.square(keras.ops.convert_to_numpy(gradient), dtype="float64")))


def _tensorflow(model, x, variables, training):
    import tensorflow as tf

    values = [v.value for v in variables]
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
        tape.watch(values)
        y = model(x, training=training)
    return y, lambda seed: tape.gradient(y, values, output_gradients=seed)


def _jax(model, x, variables, training):
    import jax

    places = {id(v): place for place, v in enumerate(variables)}
    constant = [v.value for v in model.non_trainable_variables]
    arguments = dict(training=training) if isinstance(model, keras.Model) else {}  # which a layer's call does not take

    def outputs(values):
        taken = [values[places[id(v)]] if id(v) in places else v.value for v in model.trainable_variables]
        return model.stateless_call(taken, constant, x, **arguments)[0]

    y, pullback = jax.vjp(outputs, [v.value for v in variables])
    pullback = jax.jit(pullback)
    return y, lambda seed: pullback(seed)[0]


def _torch(model, x, variables, training):
    import torch

    values = [v.value for v in variables]
    with torch.enable_grad():
        y = model(x, training=training)
    return y, lambda seed: torch.autograd.grad(y, values, seed, retain_graph=True, allow_unused=True)


_PULLBACKS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
