"""A dendrite-activated model as one of Keras's own layers alone, expanded."""

from typing import NamedTuple

import keras
import numpy as np
from keras import layers, ops

from dendnet.convert import graph
from dendnet.layers import DACDense
from dendnet.layers.dendritic import DendriticLayer
from dendnet.layers.dendritic_conv_transpose import DendriticConvTranspose

CONVOLUTIONS = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}


class Expansion(NamedTuple):
    """What :func:`to_standard` made, and by the layers' names what each costs.

    Reference:
        The chapter "One bias per connection" of the book, section "Two places for one rectifier".
    """

    model: keras.Model
    costs: dict[str, str]

    def __str__(self):
        return "\n".join(
            [f"Expanded in {self.model.name}:", *(f"  {name}: {cost}" for name, cost in self.costs.items())]
        )


def to_standard(model: keras.Model) -> Expansion:
    r"""A model of Keras's own layers with the function of a dendrite-activated one, for engines that know only those.

    .. math:: y_j = \sum_i w_{ij} \, \mathrm{relu}(u_{ij}), \quad u_{ij} = x_i + b_{ij}

    Each dendrite gets a channel of its own: the input is repeated for every output (Concatenate), the biases are added
    (BatchNormalization that only shifts), the activation is applied, and a convolution in as many groups as there are
    outputs weights and sums. That is the naive form, with all its m-fold activations. Where all outputs have the same
    biases nothing is repeated: the layer is a standard one, and costs what a standard one costs.

    The model is for inference: its shifts do not train. To export a model there is no need for it;
    ``model.export`` works on dendrite-activated layers as they are.

    Args:
        model: A built Functional or Sequential model; models inside it are expanded too.

    Returns:
        An :class:`Expansion`: ``model``, the new model, and ``costs``, by the layers' names, which is printed too.

    Raises:
        ValueError: The model is subclassed or not built, or holds a dendrite-activated layer that cannot be replaced:
            a transposed convolution, one inside another layer, or a DACDense with more than three axes between batch
            and features.

    Example:
        >>> import keras
        >>> from dendnet.convert import to_standard
        >>> from dendnet.layers import DACDense
        >>> unit = DACDense(3, name="unit", bias_initializer="random_normal")
        >>> model = keras.Sequential([keras.Input((4,)), unit], name="small")
        >>> expansion = to_standard(model)
        Expanded in small:
          unit: 12 activated channels instead of 4, 48 weights instead of 24
        >>> x = keras.ops.ones((2, 4))
        >>> bool(keras.ops.all(keras.ops.isclose(expansion.model(x), model(x), atol=1e-5)))
        True

    Reference:
        Metta et al., arXiv 2301.00924; the chapter "One bias per connection" of the book, equation :eq:`dac`.
    """
    expansion = _expand(model)
    print(expansion)
    return expansion


def _expand(model):
    costs: dict[str, str] = {}
    expanded: dict = {}

    def call(layer, copy, origins, *args, **kwargs):
        if graph.is_graph(layer):
            if layer not in expanded:
                inner = expanded[layer] = _expand(layer)
                costs.update({f"{layer.name}/{name}": cost for name, cost in inner.costs.items()})
            return expanded[layer].model(*args, **kwargs)
        if not isinstance(layer, DendriticLayer):
            return copy(*args, **kwargs)
        if isinstance(layer, DendriticConvTranspose):
            raise ValueError(
                "A transposed convolution cannot be expanded: Keras's own has no groups, one for each output. "
                f"Received: layer={layer.name!r}"
            )
        if layer not in expanded:
            expanded[layer] = _Standard(layer)
            costs[layer.name] = expanded[layer].cost
        return expanded[layer](args[0])

    new = graph.rebuild(model, call)
    for layer in new._flatten_layers():
        if isinstance(layer, DendriticLayer):
            raise ValueError(f"A dendrite-activated layer inside another layer cannot be expanded. Received: {layer}")
    return Expansion(new, costs)


class _Standard:
    """One dendrite-activated layer in Keras's own: channels in the order (group, output, tap, dendrite, input)."""

    def __init__(self, layer):
        self.layer = layer
        self.dense = isinstance(layer, DACDense)
        self.axis = 1 if getattr(layer, "data_format", None) == "channels_first" else -1
        kernel, bias = _numpy(layer.kernel), _numpy(layer.bias)
        self.k = () if self.dense else layer.kernel_size
        self.groups = 1 if self.dense else layer.groups
        self.S, (rows, self.m) = layer.dendrites, kernel.shape[-2:]
        self.c = rows // self.S  # inputs of one group
        taps = int(np.prod(self.k))
        # From here on: kernel (tap, dendrite, input, output), and bias alike, with 1 where it is shared.
        kernel = np.swapaxes(kernel.reshape(taps, self.c, self.S, self.m), 1, 2)
        if layer.bias_sharing == "outputs":
            bias = np.repeat(bias.reshape(self.groups, rows).T, self.m // self.groups, axis=1)
        bias = np.swapaxes(bias.reshape(-1, self.c, self.S, self.m), 1, 2)
        bias = bias[:1] if (bias == bias[:1]).all() else bias
        by_group = bias.reshape(*bias.shape[:-1], self.groups, -1)
        self.shared = bool((by_group == by_group[..., :1]).all())
        copies = self.groups if self.shared else self.m
        bias = (by_group[..., 0] if self.shared else bias).reshape(-1, copies)
        self.bias = bias.T.ravel()
        self.repeats = len(bias) // self.c * copies // self.groups
        apart = kernel if by_group.shape[0] == 1 else kernel[:, None] * np.eye(taps)[:, :, None, None, None]
        self.kernel = apart.reshape(*self.k, -1, self.m)
        self.conv_groups = copies
        weights = self.kernel.size + self.m * layer.use_output_bias + 3 * self.bias.size * bool(self.bias.any())
        before = f"{self.c * self.groups}"
        self.cost = (
            f"{self.bias.size:,} activated channels instead of {before}, "
            f"{weights:,} weights instead of {layer.count_params():,}"
        )
        self.made = {}

    def __call__(self, x):
        sizes, flat = x.shape[1:-1], None
        if not self.shared and len(sizes) > max(CONVOLUTIONS):
            raise ValueError(
                "A DACDense can be expanded with at most three axes between batch and features. "
                f"Received: layer={self.layer.name}, shape={x.shape}"
            )
        if self.dense and not sizes and not self.shared:
            x, flat = layers.Reshape((1, x.shape[-1]))(x), (self.m,)
        y = self._summed(self._activated(self._repeated(x)))
        return y if flat is None else layers.Reshape(flat)(y)

    def _repeated(self, x):
        if self.repeats == 1:
            return x
        parts = ops.split(x, self.groups, axis=self.axis) if self.groups > 1 else [x]
        return layers.Concatenate(axis=self.axis)([part for part in parts for _ in range(self.repeats)])

    def _activated(self, x):
        if self.bias.any():
            shift = layers.BatchNormalization(axis=self.axis, epsilon=0.0, scale=False, trainable=False)
            x = self._once("shift", shift, x, [self.bias, np.zeros_like(self.bias), np.ones_like(self.bias)])
        return self._once("activation", layers.Activation(self.layer.dendrite_activation), x, [])

    def _summed(self, x):
        use_bias = self.layer.use_output_bias
        c = [_numpy(self.layer.output_bias)] if use_bias else []
        if self.dense and self.shared:
            return self._once("product", layers.Dense(self.m, use_bias=use_bias), x, [self.kernel, *c])
        rank = len(x.shape) - 2
        k = self.k or (1,) * rank
        options = {} if self.dense else {n: getattr(self.layer, n) for n in ("strides", "padding", "dilation_rate")}
        # TensorFlow's convolutions run on every CPU with channels last alone.
        moved = self.axis == 1 and keras.backend.backend() == "tensorflow"
        data_format = "channels_first" if self.axis == 1 and not moved else "channels_last"
        conv = CONVOLUTIONS[rank](
            self.m, k, **options, groups=self.conv_groups, use_bias=use_bias, data_format=data_format
        )
        x = layers.Permute((*range(2, rank + 2), 1))(x) if moved else x
        y = self._once("product", conv, x, [self.kernel.reshape(*k, -1, self.m), *c])
        return layers.Permute((rank + 1, *range(1, rank + 1)))(y) if moved else y

    def _once(self, part, layer, x, weights):
        """The part's layer on x, made at the first call with its weights and the dtype policy of ours."""
        if part not in self.made:
            config = layer.get_config() | {"name": f"{self.layer.name}_{part}"}
            self.made[part] = type(layer).from_config(config | {"dtype": self.layer.dtype_policy})
            self.made[part].build(x.shape)
            self.made[part].set_weights(weights)
        return self.made[part](x)


def _numpy(weight):
    kept = weight if keras.backend.standardize_dtype(weight.dtype) == "float64" else ops.cast(weight, "float32")
    return ops.convert_to_numpy(kept)
