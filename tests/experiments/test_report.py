"""Reports: pairs by seed, a family's correction, and what is no pair."""

import json
import random

import pytest

from dendnet.experiments import Run, compare, read_records, report
from dendnet.experiments.__main__ import main
from dendnet.experiments.groups import groups

DAC, STANDARD = [0.91, 0.93, 0.92], [0.90, 0.91, 0.90]


def record(unit, seed, value, **changes):
    given = {"data": "digits", "model": "mlp", "unit": unit, "seed": seed, "protocol": "smoke"}
    given |= changes.pop("run", {})
    return {
        "id": f"{unit}-{seed}",
        "seed": seed,
        "run": Run.of(given).to_dict(),
        "measure": "accuracy",
        "value": value,
        "metrics": [],
        "examples": {"train": 512, "test": 450},
        "network": {"parameters": 100, "flops": 200},
        "data": {"name": "digits", "checksum": "c", "reencoded": True},
        "versions": {"keras": "3", "jax": "1"},
        "device": "a CPU",
        "commit": "0" * 40,
        "times": {"seconds": [3.0, 1.0]},
        **changes,
    }


def records():
    both = (("dac", DAC), ("standard", STANDARD))
    return [record(unit, seed, value) for unit, values in both for seed, value in enumerate(values)]


def test_pairs_are_of_one_seed():
    (one,) = compare(records())
    assert one.pairs == ((0, 91.0, 90.0), (1, 93.0, 91.0), (2, 92.0, 90.0))
    assert one.interval.mean == pytest.approx(5 / 3) and one.interval.level == pytest.approx(0.95)
    assert one.verdict == "DAC better" and one.needed == 4


def rates(*found):
    """The standard networks of three seeds, once for each (rate, how far they are from the DAC ones)."""
    return [
        record("standard", seed, value + far, run={"protocol": {"name": "smoke", "learning_rate": rate}})
        for rate, far in found
        for seed, value in enumerate(STANDARD)
    ]


def test_settings_that_differ_are_never_one_row():
    """Two learning rates of the standard network: which of them a pair had was up to the order of the lines."""
    lines = [*(one for one in records() if one["run"]["unit"] == "dac"), *rates((0.1, 0.0), (0.3, 0.05))]
    found = compare(lines)
    assert [one.settings for one in found] == [("", "learning_rate=0.1"), ("", "learning_rate=0.3")]
    assert [round(one.interval.mean, 6) for one in found] == [1.666667, -3.333333]
    assert found[0].interval.level == pytest.approx(0.975)
    assert [row["equal"] for row in report.table(found).rows] == [f"width, learning_rate={rate}" for rate in (0.1, 0.3)]
    costs = report.costs(lines)
    said = [(row["network"], row["unit"]) for row in costs.rows]
    assert said == [("MLP", "DAC"), ("MLP, learning_rate=0.1", "standard"), ("MLP, learning_rate=0.3", "standard")]
    for _ in range(20):
        random.Random(_).shuffle(lines)
        assert compare(lines) == found and report.costs(lines).rows == costs.rows


@pytest.mark.parametrize("changes, says", [
    ({"run": {"image_size": 64}}, "image_size=64"),
    ({"run": {"protocol": {"name": "smoke", "momentum": 0.5}}}, "momentum=0.5"),
    ({"run": {"options": {"width": 8}}}, ""),  # in the network's own name
    ({"run": {"dac_options": {"dendrites": 2}}}, "dendrites=2"),
    ({"run": {"validation": 10}}, "validation=10"),
    ({"data": {"name": "digits", "checksum": "another one", "reencoded": True}}, "checksum=another "),
    ({"versions": {"keras": "3", "torch": "1"}}, "backend=torch"),
])  # fmt: skip
def test_whatever_decides_a_result_tells_groups_apart(changes, says):
    found = groups([record("dac", 0, 0.9), record("dac", 0, 0.8, **changes)])
    (one,), (other,) = ([g for g in found if g.records[0]["value"] == value] for value in (0.9, 0.8))
    assert says in other.settings and one.identity != other.identity
    assert (one.settings == "") == (says in ("", "dendrites=2"))  # what has none is plain


def test_one_run_with_two_outcomes_is_refused():
    once = record("dac", 0, 0.9)
    assert len(groups([once, once])[0].records) == 1
    with pytest.raises(ValueError, match=r"several that agree.*Received: dac-0 twice \(value: 0\.8 and 0\.9\)"):
        compare([once, record("dac", 0, 0.8)])
    newer = record("dac", 0, 0.8, versions={"keras": "4", "jax": "1"})
    with pytest.raises(ValueError, match=r"dac-0 twice \(keras: 4 and 3, value: 0\.8 and 0\.9\)"):
        compare([once, newer])


def test_a_pair_of_two_versions_says_so():
    newer = [one | {"versions": {"keras": "4", "jax": "1"}} for one in records() if one["seed"] == 1][:1]
    lines = [one for one in records() if one["id"] != newer[0]["id"]] + newer
    assert report.table(compare(lines)).rows[0]["verdict"] == "DAC better (1 pairs of two versions)"


def diverged(unit, seed, **changes):
    return record(unit, seed, None, diverged=1, times={"seconds": []}, **changes)


def test_a_seed_that_diverged_is_counted_and_leaves_no_verdict():
    """Three of five: what is left would be better."""
    lines = [*records()[:2], record("standard", 0, 0.8), record("standard", 1, 0.82)]
    lines += [record("dac", seed, 0.9) for seed in (2, 3, 4)] + [diverged("standard", seed) for seed in (2, 3, 4)]
    (one,) = compare(lines)
    assert one.interval.pairs == 2 and one.interval.shown and one.diverged == (0, 3)
    assert one.verdict == "none: 2 of 5 pairs; standard diverged 3 times"
    assert report.table([one]).rows[0]["verdict"] == one.verdict
    costs = report.costs(lines).rows[1]
    assert (costs["unit"], costs["runs"]) == ("standard", "5, 3 diverged")
    assert costs["mean [least, most]"] == "81.00 [80.00, 82.00]"


def test_where_every_pair_diverged_the_row_stays():
    lines = [diverged("dac", 0), record("standard", 0, 0.9)]
    (one,) = compare(lines)
    assert one.verdict == "none: 0 of 1 pairs; DAC diverged 1 times" and one.interval.pairs == 0
    (row,) = report.table([one]).rows
    assert row["verdict"] == one.verdict and row["pairs"] == "0" and "difference" not in row and "DAC" not in row
    costs = report.costs(lines).rows[0]
    assert (costs["unit"], costs["runs"], costs["mean [least, most]"]) == ("DAC", "1, 1 diverged", "—")
    assert compare([record("dac", 0, float("nan")), lines[1]])[0].diverged == (1, 0)  # as dendnet 0.1 wrote it


@pytest.mark.parametrize("lines", [[record("dac", 7, 0.5)], [record("dac", 0, 0.91, planned=[0, 1, 2, 3])]])
def test_fewer_pairs_than_planned_are_no_verdict(lines):
    """A seed that is on one side alone, or on neither and was planned."""
    ids = {one["id"] for one in lines}
    (one,) = compare([*(one for one in records() if one["id"] not in ids), *lines])
    assert one.interval.shown and one.verdict == "none: 3 of 4 pairs"


def test_equal_parameters_are_those_of_the_network_it_was_matched_with():
    two = {"dac_options": {"dendrites": 2}}
    lines = [record("dac", 0, 0.9), record("dac", 0, 0.8, run=two), record("standard-parameters", 0, 0.7, run=two)]
    (one,) = compare(lines)
    assert one.pairs == ((0, 80.0, 70.0),)


def test_a_rival_of_equal_width_is_compared_with_every_dac_network():
    """It has no options of DAC layers, whatever the DAC network has."""
    two = {"dac_options": {"dendrites": 2}}
    lines = [record("dac", seed, 0.80 + seed / 1000, run=two) for seed in range(3)]
    lines += [record("apl", seed, 0.90 + seed / 1000, run={"options": {"segments": 2}}) for seed in range(3)]
    (one,) = compare(lines)
    assert (one.against, len(one.pairs), one.verdict) == ("apl", 3, "rival better")
    (row,) = report.table([one]).rows
    assert row["equal"] == "APL, equal width"


def test_intervals_widen_with_the_number_of_comparisons():
    flops = [record("standard-flops", seed, value) for seed, value in enumerate(STANDARD)]
    alone, family = compare(records()), compare([*records(), *flops])
    assert [one.against for one in family] == ["standard", "standard-flops"]
    assert family[0].interval.level == pytest.approx(0.975)
    assert family[0].interval.high > alone[0].interval.high


def test_an_error_is_better_the_smaller_it_is():
    found = compare([one | {"measure": "rmse"} for one in records()])
    assert found[0].verdict == "standard better" and found[0].needed is None


def test_zero_inside_is_not_shown():
    found = compare(
        [record("dac", 0, 0.9), record("dac", 1, 0.8), record("standard", 0, 0.8), record("standard", 1, 0.9)]
    )
    assert found[0].verdict == "not shown"


def test_variants_meet_their_like_or_the_plain_one():
    two = {"variant": "two", "dac_options": {"dendrites": 2}}
    slow = {"variant": "slow"}
    extra = [record("dac", 0, 0.7, run=two), record("dac", 0, 0.6, run=slow), record("standard", 0, 0.5, run=slow)]
    found = {one.variant: one.pairs for one in compare([*records(), *extra])}
    assert found["two"] == ((0, 70.0, 90.0),) and found["slow"] == ((0, 60.0, 50.0),)


@pytest.mark.parametrize(
    "changes",
    [
        {"versions": {"keras": "3", "torch": "2"}},
        {"data": {"name": "digits", "checksum": "another", "reencoded": False}},
        {"run": {"protocol": {"name": "smoke", "epochs": 4}}},
    ],
)
def test_what_was_trained_otherwise_is_no_pair(changes):
    with pytest.raises(ValueError, match=r"trained alike.*Received: "):
        compare([record("dac", 0, 0.9), record("standard", 0, 0.8, **changes)])


def test_the_tables_say_it():
    found = records()
    (row,) = report.table(compare(found)).rows
    assert list(row.items())[:4] == [
        ("network", "MLP"),
        ("equal", "width"),
        ("difference", "+1.67 [+0.23, +3.10]"),
        ("verdict", "DAC better"),
    ]
    assert row["pairs for 1.73 points"] == "4" and "variant" not in row
    costs = report.costs(found)
    assert costs.rows[0] == {"unit": "DAC", "mean [least, most]": "92.00 [91.00, 93.00]"}
    assert "network: MLP; parameters: 100; FLOPs: 200; s an epoch: 1.0; runs: 3" in costs.caption
    assert "data: digits, RE-ENCODED images" in report.provenance(found)


@pytest.mark.parametrize(
    "network, words",
    [
        ("cifar_resnet depth=8 width=8", "ResNet-8, width 8"),
        ("resnet depth=18", "ResNet-18"),
        ("mlp layers=3 width=16", "MLP, width 16, layers 3"),
        ("mlp", "MLP"),
    ],
)
def test_networks_are_called_by_their_names(network, words):
    assert report.in_words(network) == words


def test_the_figure_has_a_row_for_each_comparison(tmp_path):
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("agg")
    figure = report.draw(compare(records()))
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["standard, equal width"]
    figure.savefig(tmp_path / "figure.svg")
    for wrong in ([], compare(records()) + compare([one | {"measure": "rmse"} for one in records()])):
        with pytest.raises(ValueError, match=r"of one measure.*Received: "):
            report.draw(wrong)


def test_the_command_reads_files_and_passes_over_a_torn_line(tmp_path, capsys):
    file = tmp_path / "r.jsonl"
    file.write_text("\n".join(map(json.dumps, records())) + '\n{"id": "to')
    assert len(read_records(file)) == 6
    assert main(["report", str(file)]) == 0
    assert "DAC better" in capsys.readouterr().out


@pytest.mark.parametrize("line", ["no JSON", "null", "{}", "[1]", '{"id": 3}', "[" * 100_000, '"\\ud800'])
def test_the_command_refuses_what_is_no_record(tmp_path, capsys, line):
    file = tmp_path / "r.jsonl"
    file.write_text(line + "\n")
    assert main(["report", str(file)]) == 2
    said = capsys.readouterr().err
    assert f"Line 1 of {file} must be a record" in said and said.count("\n") == 1


def test_the_command_says_which_file_is_not_there(tmp_path, capsys):
    assert main(["report", str(tmp_path / "nowhere")]) == 1
    assert f"{tmp_path / 'nowhere'} cannot be used (No such file or directory); " in capsys.readouterr().err
