"""Runs and plans: what they mean, and that what they cannot be is refused in one sentence."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dendnet.data import load
from dendnet.experiments import PROTOCOLS, Run, networks, plans, read_plan
from dendnet.experiments.__main__ import main

PLAN = {
    "data": ["digits", "sgemm"],
    "networks": [{"model": "mlp", "width": 8}, {"model": "mlp", "width": 16}],
    "units": ["dac", "standard", "standard-flops"],
    "seeds": 3,
    "protocol": {"name": "smoke", "epochs": 2},
}


def run(**changes):
    return Run.of({"data": "digits", "model": "mlp", "unit": "dac", "seed": 0, "protocol": "smoke"} | changes)


def test_a_run_survives_json():
    one = run(options={"width": 8}, dac_options={"dendrites": 2}, protocol={"name": "short", "epochs": 7})
    again = Run.of(json.loads(json.dumps(one.to_dict())))
    assert again == one and again.id == one.id and one.protocol.epochs == 7


def test_numbers_of_numpy_are_numbers():
    """Of every kind, at every depth: the same run, with the same name, as with Python's own."""
    start = {"class_name": "RandomNormal", "config": {"stddev": 0.5}}
    own = {
        "seed": 3,
        "validation": 20,
        "options": {"width": 8},
        "dac_options": {"dendrites": 2, "bias_initializer": start},
        "protocol": {"name": "smoke", "epochs": 2, "learning_rate": 0.5, "augmentation": False, "examples": 64},
    }
    theirs = {
        "seed": np.int64(3),
        "validation": np.uint16(20),
        "options": {"width": np.int64(8)},
        "dac_options": {"dendrites": np.int32(2), "bias_initializer": start | {"config": {"stddev": np.float64(0.5)}}},
        "protocol": {
            "name": "smoke", "epochs": np.int8(2), "learning_rate": np.float32(0.5), "augmentation": np.bool_(False),
            "examples": np.int64(64),
        },
    }  # fmt: skip
    assert run(**theirs).id == run(**own).id
    assert json.loads(json.dumps(run(**theirs).to_dict())) == run(**own).to_dict()
    made = dataclasses.replace(PROTOCOLS["smoke"], epochs=np.int64(2))
    assert json.dumps(Run("digits", "mlp", "dac", np.int64(0), made).to_dict())


def test_a_whole_number_and_the_same_with_a_point_are_one_setting():
    changes = [{"name": "smoke", "learning_rate": rate, "momentum": 0} for rate in (1, 1.0)]
    assert run(protocol=changes[0]).id == run(protocol=changes[1] | {"momentum": 0.0}).id


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"unit": "standard"},
        {"protocol": {"name": "smoke", "learning_rate": 0.3}},
        {"options": {"width": 9}},
        {"dac_options": {"dendrites": 2}},
        {"validation": 10},
        {"variant": "other"},
    ],
)
def test_different_runs_have_different_folders(changes):
    assert run(**changes).id != run().id


def test_protocols_are_what_their_names_say():
    assert {name: p.epochs for name, p in PROTOCOLS.items()} == {
        "smoke": 3, "short": 10, "medium": 30, "full": 200, "table": 10,
    }  # fmt: skip
    for protocol in PROTOCOLS.values():
        assert protocol.changed({}) == protocol


def test_a_plan_is_a_product_seed_by_seed():
    found = plans.runs(PLAN)
    assert len(found) == 3 * 2 * 2 * 3 == len({run.id for run in found})
    assert [run.seed for run in found] == [0] * 12 + [1] * 12 + [2] * 12
    assert all(run.protocol.epochs == 2 for run in found)


def test_units_and_variants_change_what_they_name():
    variants = [
        {"name": "slow", "protocol": {"learning_rate": 0.01}},
        {"name": "two", "dac_options": {"dendrites": 2}, "units": ["dac"]},
    ]
    found = plans.runs(PLAN | {"seeds": [5], "variants": variants, "by_unit": {"dac": {"momentum": 0.5}}})
    assert len(found) == 4 * (3 + 1)
    assert {run.protocol.learning_rate for run in found if run.variant == "slow"} == {0.01}
    assert {run.unit for run in found if run.variant == "two"} == {"dac"}
    assert {run.protocol.momentum for run in found if run.unit == "dac"} == {0.5}
    own = {"model": "mlp", "width": 8, "by_unit": {"standard": {"momentum": 0.7}}}
    found += plans.runs(PLAN | {"networks": [own], "units": ["standard"], "seeds": 1, "data": "digits"})
    assert found.pop().protocol.momentum == 0.7
    assert {run.protocol.momentum for run in found if run.unit != "dac"} == {0.9}


def test_a_matched_network_is_matched_to_the_dendrites_asked_for():
    changes = {"units": ["dac", "standard", "standard-parameters"], "dac_options": {"dendrites": 4}, "seeds": 1}
    one = {"data": "digits", "networks": [{"model": "mlp", "width": 16}]}
    sizes = {run.unit: networks.network(run, load("digits")).count_params() for run in plans.runs(PLAN | changes | one)}
    assert sizes["standard"] < sizes["dac"] / 2
    assert sizes["standard-parameters"] == pytest.approx(sizes["dac"], rel=0.05)


def test_a_plan_in_toml(tmp_path):
    file = tmp_path / "plan.toml"
    file.write_text('data = "digits"\nnetworks = [{model = "mlp"}]\nunits = "dac"\nseeds = [4]\nprotocol = "smoke"\n')
    assert read_plan(file) == [run(seed=4)]


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"data": "cifar11"}, "perhaps 'cifar10'"),
        ({"data": 3}, "name of a data set"),
        ({"model": "cifar_resnt"}, "perhaps 'cifar_resnet'"),
        ({"unit": "relu"}, "unit must be one of"),
        ({"seed": -1}, "seed must be an integer"),
        ({"seed": True}, "seed must be an integer"),
        ({"protocol": "shrt"}, "perhaps 'short'"),
        ({"protocol": {"name": "short", "epoch": 3}}, "perhaps 'epochs'"),
        ({"protocol": {"name": "short", "epochs": 2.5}}, "epochs must be an integer"),
        ({"protocol": {"name": "short", "learning_rate": float("nan")}}, "learning_rate must be a finite number"),
        ({"protocol": {"name": "short", "momentum": 1}}, "below 1"),
        ({"protocol": {"name": "short", "version": 0}}, "is at version 1"),
        ({"protocol": {"name": "smoke", "examples": 8}}, "one batch at least"),
        ({"options": {"depth": 20}}, "a setting of options"),
        ({"options": {"width": 0}}, "width must be an integer"),
        ({"options": {"width": 10**12}}, "at most 8192"),
        ({"model": "cifar_resnet", "options": {"depth": 21}}, "6 n + 2"),
        ({"model": "resnet", "options": {"depth": 19}}, "depth must be one of"),
        ({"unit": "standard", "dac_options": {"dendrites": 2}}, "not for unit='standard'"),
        ({"dac_options": {"dendrites": 0}}, "dendrites must be a positive integer"),
        ({"dac_options": {"dendrite": 2}}, "perhaps 'dendrites'"),
        ({"dac_options": {"bias_initializer": keras.initializers.Zeros()}}, "suit the layer and JSON"),
        ({"validation": -1}, "validation must be an integer"),
        ({"nothing": 1}, "a setting of run"),
    ],
)
def test_runs_refused(changes, words):
    with pytest.raises(ValueError, match="Received: ") as refused:
        run(**changes)
    assert words in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"sedes": 3}, "perhaps 'seeds'"),
        ({"seeds": 0}, "seeds must be an integer"),
        ({"seeds": 10**9}, "at most 10000"),
        ({"seeds": list(range(5000))}, "at most 10000 runs"),
        ({"seeds": [1, 1]}, "repeats a run"),
        ({"data": []}, "a text or a list of texts"),
        ({"networks": "mlp"}, "a list of tables"),
        ({"networks": [{"width": 8}]}, "model must be one of"),
        ({"units": ["dac", "std"]}, "each of units must be one of"),
        ({"by_unit": {"dacs": {}}}, "perhaps 'dac'"),
        ({"by_unit": {"dac": 3}}, "must be a table"),
        ({"variants": [{"nam": "x"}]}, "perhaps 'name'"),
        ({"variants": [{"dac_options": {"dendrites": 2}}]}, "'quadratic' not among them"),
        ({"protocol": 3}, "protocol must be one of"),
    ],
)
def test_plans_refused(changes, words):
    with pytest.raises(ValueError, match="Received: ") as refused:
        plans.runs(PLAN | changes)
    assert words in str(refused.value) and "\n" not in str(refused.value)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
LIKELY = st.sampled_from(
    ["dac", "digits", "mlp", "smoke", "one_cycle", 3, 0.1, {"name": "smoke"}, {"model": "mlp"}, []]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([*plans.KEYS, "sides"]), ANYTHING | LIKELY, max_size=4))
def test_any_plan_is_runs_or_a_sentence(changes):
    try:
        assert all(isinstance(one, Run) for one in plans.runs(PLAN | changes))
    except ValueError as error:
        assert "Received: " in str(error) and "\n" not in str(error)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_file_is_a_plan_or_a_sentence(tmp_path, content):
    file = tmp_path / "plan.toml"
    file.write_bytes(content)
    with pytest.raises(ValueError, match="Received: ") as refused:
        read_plan(file)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("opening", ["[", "{a="])
def test_a_plan_may_not_be_nested_without_end(tmp_path, opening):
    file = tmp_path / "plan.toml"
    file.write_text("data = " + opening * 10_000)
    with pytest.raises(ValueError, match=r"A plan must be a TOML file .*Received: path="):
        read_plan(file)
    assert main(["run", "--data", "digits", "--model", "mlp", "--set", "epochs=" + "[" * 10_000]) == 2


WORDS = st.sampled_from(
    ["run", "sweep", "report", "--data", "digits", "--model", "mlp", "--seed", "-3", "--set", "epochs=many", "x=", "="]
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(WORDS | st.text("abc-= 1", max_size=6), max_size=6).filter(lambda words: not {"-h"} & set(words)))
def test_any_command_line_is_refused_in_one_line(capsys, words):
    """Without what a run cannot do without, no words make one."""
    assert main([*words, "--unit", "none"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("dendnet: ") and said.count("\n") == 1
