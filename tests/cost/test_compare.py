"""Two networks side by side, and the widths at which they cost the same."""

from functools import cache

import keras
import pytest

from dendnet.cost import compare, match_flops, match_parameters, model_cost, standard_twin
from dendnet.models import cifar_resnet, mlp


def test_ratios():
    found = compare(mlp((8, 16, 16, 1), "standard"), mlp((8, 16, 16, 1)))
    assert found.ratios["weights"] == 1 and found.ratios["parameters"] == 721 / 465
    assert found.ratios["FLOPs, forward"] == found.dac.flops / found.standard.flops
    lines = found.to_markdown().splitlines()
    assert lines[0] == "| measure | standard | DAC | ratio |" and len(lines) == 2 + len(found.ratios)
    assert found.to_dict()["ratios"] == found.ratios and "mlp_dac" in repr(found)


def test_twins_of_one_name_stand_side_by_side():
    dac = mlp((8, 16, 16, 1))
    page = compare(standard_twin(dac), dac)._repr_html_()
    assert "<caption>What mlp_dac and mlp_dac cost</caption>" in page
    assert '<td>parameters</td><td class="number">481</td><td class="number">721</td>' in page


def test_a_ratio_over_nothing_is_none():
    plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, use_bias=False)])
    found = compare(plain, mlp((3, 4, 4, 2)))
    assert found.ratios["biases"] is None and "| biases | 0 |" in found.to_markdown()


@pytest.mark.parametrize("match, measure", [(match_parameters, "parameters"), (match_flops, "flops")])
@pytest.mark.parametrize("width", [3, 8])
def test_no_other_width_comes_nearer(match, measure, width):
    dac = mlp((8, width, width, 1))
    wanted = getattr(model_cost(dac), measure)

    @cache
    def standard(width):
        return mlp((8, width, width, 1), "standard")

    found = match(dac, standard)
    excess = [abs(getattr(model_cost(standard(k)), measure) - wanted) for k in range(1, 2 * width)]
    assert found == 1 + excess.index(min(excess)) >= width


def test_a_standard_network_matches_itself():
    assert match_parameters(cifar_resnet(8, "standard", width=2), lambda k: cifar_resnet(8, "standard", width=k)) == 2
    assert match_flops(mlp((3, 5, 5, 1), "standard"), lambda width: mlp((3, width, width, 1), "standard")) == 5


def test_refused():
    with pytest.raises(ValueError, match=r"must be a function from a width.*Received: standard="):
        match_parameters(mlp((3, 4, 1)), mlp((3, 4, 1), "standard"))


def test_a_width_that_changes_nothing_is_refused():
    """Rather than doubling the width for ever."""
    with pytest.raises(ValueError, match=r"cost more the wider they are. Received: standard="):
        match_parameters(mlp((8, 16, 16, 1)), lambda width: mlp((8, 4, 4, 1), "standard"))
