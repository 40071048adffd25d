"""A ReLU network of Keras's own layers as a dendrite-activated one that computes the same on a box."""

from fractions import Fraction

import keras
import numpy as np
from keras import ops

from dendnet.convert import graph, sources
from dendnet.theory import affine, arguments, certificate, layers, rounding


def from_relu_network(model, radius, use_output_bias=False) -> certificate.Construction:
    r"""The DAC network that equals a ReLU network where no input exceeds the radius.

    .. math:: \mathrm{relu}(W_1 x + c_1) = \mathrm{relu}\big(z + b\big), \quad
        z = W_1 x + r W_1 1 = \sum_i w_{ij} \, \mathrm{relu}(x_i + r), \quad b = c_1 - r W_1 1

    The first DAC layer filters nothing: its dendrites are never silent on the box. Each later layer's dendrites take
    over the ReLUs and biases of the layer before. Depth and widths stay, but for one unit more in the last hidden
    layer where the ReLU network has output constants: a silent unit, which the last layer lifts to 1. A network of a
    single layer is affine and becomes a DAC layer with two dendrites a connection.

    Args:
        model: A built Sequential or Functional chain of Dense layers, each but the last followed by a ReLU.
        radius: r, the largest \|x_i\|; above 0.
        use_output_bias: Whether output constants go to the last layer's output bias, in place of one more unit.

    Returns:
        A :class:`Construction`: ``network``, a Sequential model in the given one's dtype, and ``certificate``, whose
        ``bound`` is 0. Both speak of the weights as they are in the given model.

    Raises:
        ValueError: The model is no such chain, or in another dtype than float32 and float64; or a number may overflow.

    Example:
        >>> import keras
        >>> from dendnet.theory import from_relu_network
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2)])
        >>> twin = from_relu_network(model, radius=1.0)
        >>> twin.certificate.sizes, twin.certificate.bound
        ((3, 8, 2), 0.0)
        >>> x = keras.random.uniform((5, 3), -1, 1)
        >>> bool(keras.ops.max(keras.ops.abs(twin.network(x) - model(x))) < 1e-5)
        True

    Reference:
        The chapter "What it can represent" of the book, :prf:ref:`thm-relu`.
    """
    radius = arguments.above_zero("radius", radius)
    chain, dtype = _chain(model)
    stack = layers.Stack(_single(chain, radius) if len(chain) == 1 else _several(chain, radius, use_output_bias))
    network = layers.model(stack, dtype, name=f"{model.name}_dac")
    return certificate.certified(network, stack, -radius, radius, dtype)


def _single(chain, radius):
    ((w, c),) = chain
    exact, _ = affine.edges(w, c, radius)
    return [exact]


def _several(chain, radius, use_output_bias):
    w, c = chain[0]
    # What the next layer's dendrites add to this layer's outputs: its own constants, less those of its large biases.
    bias = np.array([float(Fraction(c_j) - s) for c_j, s in zip(c.tolist(), affine.shift(w, radius), strict=True)])
    exact = [rounding.Weights(w, np.full_like(w, radius))]
    for w, c in chain[1:]:
        exact.append(rounding.Weights(w, np.repeat(bias[:, None], w.shape[1], axis=1)))
        bias = c
    if bias.any() and use_output_bias:
        exact[-1] = exact[-1]._replace(output_bias=bias)
    elif bias.any():
        before, last = exact[-2:]
        silent = np.zeros((len(before.kernel), 1))
        exact[-2:] = [
            rounding.Weights(np.hstack([before.kernel, silent]), np.hstack([before.bias, silent])),
            rounding.Weights(np.vstack([last.kernel, bias]), np.vstack([last.bias, np.ones_like(bias)])),
        ]
    return exact


def _chain(model):
    """(W, c) of every Dense layer, in float64, and the dtype; ValueError where the model is no chain of them."""
    functional = graph.functional(model)
    operations = [o for o in functional.operations if not isinstance(o, keras.layers.InputLayer)]
    dense = [o for o in operations if isinstance(o, keras.layers.Dense)]
    dtypes = {d.compute_dtype for d in dense} | {d.variable_dtype for d in dense}
    if len(functional.inputs) != 1 or len(functional.outputs) != 1 or len(functional.inputs[0].shape) != 2:
        raise ValueError(f"The model must have one input of shape (batch, n) and one output. Received: model={model}")
    if len(dtypes) != 1:
        raise ValueError(f"The model must be made of Dense layers of one dtype. Received: dtypes={sorted(dtypes)}")
    dtype = arguments.float_dtype(dtypes.pop())
    tensor = functional.inputs[0]
    chain, filtered = [], True
    for o in operations:
        if len(o._inbound_nodes) != 1 or o._inbound_nodes[0].input_tensors != [tensor]:
            raise ValueError(f"The model must be a chain, in which each layer is called once. Received: {o.name}")
        tensor = o.output
        if isinstance(o, keras.layers.Dense) and filtered and (sources.is_relu(o) or _is_linear(o)):
            chain.append(_weights(o))
            filtered = sources.is_relu(o)
        elif not isinstance(o, keras.layers.Dense) and chain and not filtered and sources.is_relu(o):
            filtered = True
        else:
            raise ValueError(
                "The model must be Dense layers with a plain ReLU between each two and none at the end. "
                f"Received: {o.name} in {model.name}"
            )
    if filtered:
        raise ValueError(f"The last Dense layer must have no activation. Received: {operations[-1].name}")
    return chain, dtype


def _is_linear(layer):
    return layer.activation is keras.activations.linear


def _weights(layer):
    w, *c = (np.asarray(ops.convert_to_numpy(a), "float64") for a in layer.weights)
    if not all(np.isfinite(a).all() for a in (w, *c)):
        raise ValueError(f"The model's weights must be finite. Received: {layer.name} with others")
    return w, c[0] if c else np.zeros(w.shape[1])
