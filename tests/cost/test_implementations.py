"""What the implementations execute, against the operations in JAX's own record of them."""

from collections import Counter
from math import prod

import keras
import numpy as np
import pytest

from dendnet.cost import layer_cost
from dendnet.layers import DACConv2D, DACDense

KINDS = {"mul": 0, "add": 1, "sub": 1, "neg": 0, "add_any": 1, "max": 2, "select_n": 2, "reduce_sum": 1}
pytestmark = pytest.mark.skipif(keras.backend.backend() != "jax", reason="needs JAX's record of a function")


def recorded(jaxpr, times=1):
    """Operations by kind in a jaxpr, with what its loops repeat; a comparison counts with the choice that it makes."""
    counts = Counter()
    for equation in jaxpr.eqns:
        branches = equation.params.get("branches", ())  # the blocked gradient takes its two in turns
        inner = [v for v in (*equation.params.values(), *branches) if hasattr(v, "jaxpr") or hasattr(v, "eqns")]
        repeats = equation.params.get("length", 1) if equation.primitive.name == "scan" else 1
        repeats = repeats / len(branches) if branches else repeats
        for sub in inner:
            counts += recorded(getattr(sub, "jaxpr", sub), times * repeats)
        name = equation.primitive.name
        if name in KINDS:
            sized = equation.invars[0] if name == "reduce_sum" else equation.outvars[0]
            if np.issubdtype(sized.aval.dtype, np.floating):
                counts[KINDS[name]] += times * prod(sized.aval.shape)
    return counts


LAYERS = {
    "dense": (lambda **o: DACDense(48, **o), (32,)),
    "3x3": (lambda **o: DACConv2D(32, 3, padding="same", data_format="channels_last", **o), (8, 8, 16)),
    "3x3, stride 2": (lambda **o: DACConv2D(32, 3, 2, padding="same", data_format="channels_last", **o), (8, 8, 16)),
    "1x1": (lambda **o: DACConv2D(32, 1, data_format="channels_last", **o), (8, 8, 16)),
}


@pytest.mark.parametrize("name", ["reference", "blocked"])
@pytest.mark.parametrize("case", LAYERS)
def test_executed(case, name):
    """The formulas leave out what is done once for a weight, and blocks not filled: under a tenth at these sizes."""
    import jax

    if (name, case) == ("reference", "3x3, stride 2") and jax.__version_info__ < (0, 5):
        pytest.skip("the gradient of a strided slice was another one before JAX 0.5")
    make, shape = LAYERS[case]
    layer = make(implementation=name)
    layer.build((None, *shape))
    x = jax.numpy.ones((32, *shape))
    w, b = layer.kernel.value, layer.bias.value

    def forward(x, w, b):
        with keras.StatelessScope([(layer.kernel, w), (layer.bias, b)]):
            return layer(x)

    def step(x, w, b):
        y, back = jax.vjp(forward, x, w, b)
        return y, back(y)

    cost = layer_cost(layer, batch_size=32)
    for function, said in [(forward, cost.executed[name].forward), (step, cost.executed[name].step)]:
        found = recorded(jax.make_jaxpr(function)(x, w, b).jaxpr)
        print(case, name, dict(found), said)
        assert sum(found.values()) == pytest.approx(said.flops, rel=0.1)
