"""Networks for the tests of geometry, and what they compute, once more in float64 NumPy with every connection apart."""

import keras
import numpy as np

from dendnet.layers import DACDense


def chain(*layers, inputs=2):
    return keras.Sequential([keras.Input((inputs,)), *layers])


def dac(kernel, bias, output_bias=None, dendrites=1, **options):
    """A built DACDense with these weights."""
    kernel, bias = np.array(kernel, "float32"), np.array(bias, "float32")
    layer = DACDense(kernel.shape[1], dendrites=dendrites, use_output_bias=output_bias is not None, **options)
    layer.build((None, len(kernel) // dendrites))
    layer.set_weights([kernel, bias] + ([] if output_bias is None else [np.array(output_bias, "float32")]))
    return layer


def dense(kernel, bias, activation=None):
    """A built Dense with these weights."""
    layer = keras.layers.Dense(len(bias), activation)
    layer.build((None, len(kernel)))
    layer.set_weights([np.array(kernel, "float32"), np.array(bias, "float32")])
    return layer


def random_chain(rng, depth, width, kinds=("dac", "post"), inputs=2, outputs=2):
    """A network whose layers are drawn from the kinds, with knots where its signals are."""
    x, layers = rng.uniform(-1, 1, (256, inputs)), []
    for m in [*rng.integers(2, width + 1, depth), outputs]:
        n = x.shape[1]
        kernel = rng.normal(size=(n, m)) / np.sqrt(n)
        match str(rng.choice(kinds)):
            case "dac":
                layers.append(dac(kernel, -np.stack([rng.choice(each, m) for each in x.T])))
            case "pre":
                layers.append(dac(kernel, [-rng.choice(each) for each in x.T], bias_sharing="outputs"))
            case "spline":
                bias = -np.concatenate([rng.choice(each, (3, m)) for each in x.T])
                layers.append(dac(rng.normal(size=(3 * n, m)) / np.sqrt(3 * n), bias, rng.normal(size=m), dendrites=3))
            case "post":
                layers.append(dense(kernel, -np.array([rng.choice(each) for each in (x @ kernel).T]), "relu"))
        x, _ = forward(layers[-1:], x)
    return chain(*layers, inputs=inputs)


def forward(layers, x):
    """Outputs and activation patterns, one for each layer, of DACDense and Dense layers at points x (N, n)."""
    x, patterns = np.asarray(x, "float64"), []
    for layer in layers:
        w, b, *c = [np.asarray(a, "float64") for a in layer.get_weights()]
        if isinstance(layer, DACDense):
            each = x.repeat(layer.dendrites, axis=1)[:, :, None] + b.reshape(len(w), -1)
            x = np.einsum("nkj,kj->nj", np.maximum(each, 0), w) + sum(c)
            shape = (len(x), len(w) // layer.dendrites, layer.dendrites, w.shape[1])
            patterns.append(np.broadcast_to(each > 0, (len(x), *w.shape)).reshape(shape))
        else:
            x = x @ w + b
            if layer.activation is keras.activations.relu:
                patterns.append(x > 0)
                x = np.maximum(x, 0)
    return x, patterns
