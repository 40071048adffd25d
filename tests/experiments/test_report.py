"""Reports: pairs by seed, a family's correction, and what is no pair."""

import json

import pytest

from dendnet.experiments import Run, compare, read_records, report
from dendnet.experiments.__main__ import main

DAC, STANDARD = [0.91, 0.93, 0.92], [0.90, 0.91, 0.90]


def record(unit, seed, value, **changes):
    given = {"data": "digits", "model": "mlp", "unit": unit, "seed": seed, "protocol": "smoke"}
    given |= changes.pop("run", {})
    return {
        "id": f"{unit}-{seed}",
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
    (one,) = compare([*records(), record("dac", 7, 0.5)])
    assert one.pairs == ((0, 91.0, 90.0), (1, 93.0, 91.0), (2, 92.0, 90.0))
    assert one.interval.mean == pytest.approx(5 / 3) and one.interval.level == pytest.approx(0.95)
    assert one.verdict == "DAC better" and one.needed == 4


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


def test_the_command_refuses_what_is_no_record(tmp_path, capsys):
    file = tmp_path / "r.jsonl"
    file.write_text("no JSON\n")
    assert main(["report", str(file)]) == 2
    assert "Line 1 of" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "nowhere")]) == 1
