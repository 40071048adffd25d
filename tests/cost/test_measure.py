"""Measuring: it runs, compares with the right twin, and leaves the model as it was."""

import sys

import keras
import numpy as np
import pytest
from keras import ops

from dendnet.cost import measure, standard_twin
from dendnet.layers import DACConv2D, DACDense
from dendnet.models import cifar_resnet, mlp


def test_the_twin_is_standard():
    model = cifar_resnet(8, width=2, dendrites=2, bias_initializer="ones")
    twin = standard_twin(model)
    units = [layer for layer in twin.layers if isinstance(layer, DACConv2D)]
    assert units and all((u.bias_sharing, u.dendrites) == ("outputs", 1) for u in units)
    nested = keras.Sequential([keras.Input((4,)), mlp((4, 3, 3, 2))])
    inner = standard_twin(nested).layers[-1].layers
    assert [u.bias_sharing for u in inner if isinstance(u, DACDense)] == ["outputs"]


@pytest.mark.slow
def test_measure():
    model = mlp((64, 32, 32, 10), implementation="reference")
    before = [ops.convert_to_numpy(w) for w in model.weights]
    found = measure(model, 4096, seconds=0.01)
    assert not model.compiled
    for a, b in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(a, ops.convert_to_numpy(b))
    for name in ("forward", "step"):
        least, median, most = found.ratios[name]
        assert 0 < least <= median <= most and min(found.milliseconds[name]) > 0
    if sys.platform.startswith("linux"):
        # The definition holds 4096 x 32 x 32 numbers, 16 MiB, at the least once; a standard layer holds 0.5 MiB.
        assert found.memory[1] > 16 > found.memory[0] >= 0
    assert found.to_dict()["batch_size"] == 4096
    assert "| step, ms |" in found.to_markdown() and "<td>step, ms</td>" in found._repr_html_()


def test_refused():
    with pytest.raises(ValueError, match=r"batch_size must be a positive integer. Received: batch_size=0"):
        measure(mlp((3, 4, 1)), 0)
    with pytest.raises(ValueError, match=r"input shape must be known. Received: .*None"):
        measure(keras.Sequential([keras.Input((None, None, 3)), DACConv2D(2, 3)]), 4)
