"""Page one: every number of its answer is one that was recorded, and what it says was not run was not."""

import json
import re
from pathlib import Path

import nbformat
import numpy as np
from scipy import stats

from dendnet.cost import model_cost
from dendnet.experiments import compare, holm, read_records, report, t_interval
from dendnet.layers import DACDense
from dendnet.models import resnet

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "book" / "intro.md").read_text().replace("−", "-")
TEXT = " ".join(PAGE.split())
NUMBER = r"([+-]\d+\.\d+)"
DIFFERENCE = rf"{NUMBER} \[{NUMBER}, {NUMBER}\]"
ONE_NETWORK = ("cifar100", "standard-parameters")  # it is the twin: no other width has as nearly as many


def records(name):
    return read_records(ROOT / "results" / f"{name}.jsonl")


def against(name, *opponents):
    """A file's DAC network minus each opponent, (file, unit): pairs by seed, intervals that hold together."""
    ours, *theirs = (
        {record["seed"]: report.value(record) for record in records(file) if record["run"]["unit"] == unit}
        for file, unit in ((name, "dac"), *opponents)
    )
    return [t_interval([value - each[seed] for seed, value in ours.items()], len(theirs)) for each in theirs]


def alone(name, unit):
    """The DAC network minus one opponent, an interval by itself, and the opponent's mean."""
    ours, theirs = (
        {record["seed"]: report.value(record) for record in records(name) if record["run"]["unit"] == each}
        for each in ("dac", unit)
    )
    return t_interval([value - theirs[seed] for seed, value in ours.items()]), np.mean(list(theirs.values()))


def three(name, last):
    """Against the twin, the twin with the DAC network's settings, and a last opponent."""
    return against(name, (name, "standard"), (f"{name}_settings", "standard"), last)


def deeper():
    """The one comparison of ResNet-32: no standard network of equal size was trained."""
    assert {record["run"]["unit"] for record in records("cifar10_deeper")} == {"dac", "standard"}
    return against("cifar10_deeper", ("cifar10_deeper", "standard"))


def digits():
    """The two comparisons of the chapter "unit", on its test images."""
    values = {}
    for row in json.loads((ROOT / "results" / "chapter_unit.json").read_text())["rows"]:
        if row["images"] == "test":
            values.setdefault(row["kind"], {})[row["seed"]] = row["accuracy"]
    theirs = [values["standard, same width"], values["standard, as many parameters"]]
    return [t_interval([value - each[seed] for seed, value in values["DAC"].items()], len(theirs)) for each in theirs]


def written(interval, places):
    return tuple(f"{number:+.{places}f}" for number in (interval.mean, interval.low, interval.high))


NARROW = three("imagenette", ("imagenette_wider", "standard"))


def test_the_thermometers_table_is_what_a_layer_gives():
    header, *rows = re.findall(r"^\| (.*?) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    thresholds = [int(re.search(r"x - (\d+)", name).group(1)) for name, *_ in rows]
    biases = [int(bias) for bias in re.findall(r"b_\{1\d\} = (-\d+)", PAGE)]
    assert biases == [-threshold for threshold in thresholds[:3]] and len(rows) == 4
    layer = DACDense(4)
    layer.build((None, 1))
    layer.set_weights([np.ones((1, 4)), np.array([[*biases, -thresholds[3]]])])
    said = np.array([row[1:] for row in rows], "float32")
    np.testing.assert_array_equal(np.array(layer(np.array([header[1:]], "float32").T)).T, said)


def declared():
    """The ten comparisons, in the page's order: data set, opponent, differences by seed in favour of DAC."""
    for file, data in [
        ("primary_sgemm", "sgemm"),
        *(("primary_cifar", name) for name in ("cifar10", "cifar100")),
        *(("primary_photographs", name) for name in ("imagenette", "imagewoof")),
    ]:
        for unit in ("standard", "standard-parameters"):
            ours, theirs = (
                {
                    record["seed"]: report.value(record)
                    for record in records(file)
                    if (record["run"]["unit"], record["run"]["data"]) == (each, data)
                }
                for each in ("dac", unit)
            )
            found = np.array([value - theirs[seed] for seed, value in ours.items()])
            yield data, unit, -100 * found / np.mean(list(theirs.values())) if data == "sgemm" else found


def test_every_difference_is_a_recorded_one():
    short, photos = (three(name, (name, "standard-parameters")) for name in ("cifar10_short", "imagenette_short"))
    points = [*deeper(), short[0], short[2], photos[0], photos[2], NARROW[0], NARROW[2]]
    table = [written(t_interval(d), 1) for data, unit, d in declared() if (data, unit) != ONE_NETWORK]
    assert re.findall(DIFFERENCE, TEXT) == table + [written(each, 2) for each in points]
    shown = [True, False, False, False, False, True, False]
    assert [each.shown for each in points] == shown, "what the page calls shown is another list now"
    single, _ = alone("cifar10_short", "standard")
    assert single.shown and single.mean > 0 and "Taken alone, ResNet-20 is better than its twin" in TEXT


def test_with_muon_the_comparison_at_equal_size_turns_round():
    errors = {unit: [] for unit in ("dac", "standard", "standard-parameters")}
    for record in records("muon_sgemm"):
        errors[record["run"]["unit"]].append(record["value"])
    for unit, said in (
        ("standard", "The unit's error is then {:.0f} % lower than its twin's"),
        ("standard-parameters", "{:.0f} % higher than that of the standard network of equal size"),
    ):
        mean = np.mean(errors[unit])
        interval = t_interval(100 * (np.array(errors["dac"]) - errors[unit]) / mean)
        assert interval.shown and said.format(abs(interval.mean)) in TEXT
        assert (interval.mean < 0) == (unit == "standard") and len(errors[unit]) == 10


def test_at_equal_size_the_sign_turns_with_the_width():
    for width, said in ((128, "error is {:.0f} % lower at width 128"), (16, "{:.0f} % higher at width 16")):
        errors = {
            unit: np.array([r["value"] for r in records("efficiency_sgemm") if key(r) == (unit, width)])
            for unit in ("dac", "standard-parameters")
        }
        theirs = errors["standard-parameters"]
        interval = t_interval(100 * (errors["dac"] - theirs) / theirs.mean())
        assert interval.shown and (interval.mean < 0) == (width == 128) and len(theirs) == 5
        assert said.format(abs(interval.mean)) in TEXT


def key(record):
    return record["run"]["unit"], record["run"]["options"]["width"]


def test_of_seven_small_comparisons_one_is_shown():
    found = [*digits(), *(one.interval for one in compare(records("cifar10"))), *NARROW]
    assert "made seven further comparisons" in TEXT and len(found) == 7
    assert "One difference is shown" in TEXT and [each.shown for each in found].count(True) == 1 and NARROW[0].shown


def size(name, unit, key="parameters"):
    """A recorded network's number of parameters or FLOPs."""
    (found,) = {record["network"][key] for record in records(name) if record["run"]["unit"] == unit}
    return found


def test_sizes_and_times_are_recorded_ones():
    keys = ("parameters", "flops")
    grows = [size("cifar10_short", "dac", key) / size("cifar10_short", "standard", key) for key in keys]
    said = re.search(r"ResNet-20 grows to ([\d.]+) times its parameters and ([\d.]+) times its operations", TEXT)
    assert said.groups() == tuple(f"{ratio:.2f}" for ratio in grows)
    fewer = 100 - 100 * size("cifar10_deeper", "standard") / size("cifar10_deeper", "dac")
    assert f"the twin has {fewer:.0f} % fewer parameters" in TEXT
    more = 100 * size("imagenette_wider", "standard") / size("imagenette", "dac") - 100
    assert f"a standard network with {more:.0f} % more parameters" in TEXT
    times = r"takes ([\d.]+) to ([\d.]+) times as long"
    said = re.search(rf"{times}, depending on the precision. .*?, {times}", TEXT)
    for name, ends in (("jax_h100", said.groups()[:2]), ("jax_resnet18_h100", said.groups()[2:])):
        record = json.loads((ROOT / "results" / f"training_{name}.json").read_text())
        medians = [row["ratio"][1] for row in record["rows"]]
        assert ends == (f"{min(medians):.1f}", f"{max(medians):.1f}") and "H100" in record["device"]


def test_a_step_on_a_cpu_takes_what_was_recorded():
    def later(name):
        return np.median(json.loads((ROOT / "results" / f"start_{name}.json").read_text())["rows"]["later"]["ratios"])

    both = [later(name) for name in ("tensorflow", "tensorflow_onednn", "jax")]
    low, high = re.search(r"On two CPU cores its training step takes ([\d.]+) to ([\d.]+) times", TEXT).groups()
    assert (low, high) == (f"{min(both):.1f}", f"{later('torch'):.1f}") and later("torch") > max(both)
    said = re.search(r"a step of ResNet-20 takes ([\d.]+) to ([\d.]+) times .*?, on torch ([\d.]+) times", TEXT)
    assert said.groups() == tuple(f"{ratio:.1f}" for ratio in (min(both), max(both), later("torch")))


def test_resnet_50_is_counted():
    dac, standard = (model_cost(resnet(50, unit=unit, input_shape=(64, 64, 3))) for unit in ("dac", "standard"))
    said = re.search(r"ResNet-50 grows to ([\d.]+) times its parameters and ([\d.]+) times its operations", TEXT)
    ratios = dac.parameters / standard.parameters, dac.flops / standard.flops
    assert said.groups() == tuple(f"{ratio:.2f}" for ratio in ratios)


def test_what_was_not_run_was_not():
    found = [record["run"] for path in (ROOT / "results").glob("*.jsonl") for record in records(path.stem)]
    assert {run["data"] for run in found} == {"cifar10", "cifar100", "imagenette", "imagewoof", "sgemm"}
    images = [run for run in found if run["unit"] == "dac" and run["data"] != "sgemm"]
    deep_and_wide = [
        run for run in images if run["options"].get("width", 16) > 8 and run["options"].get("depth", 20) > 8
    ]
    large = [run["protocol"] for run in deep_and_wide]
    few = [run["options"] for run in images if run["data"] in ("cifar100", "imagewoof")]
    assert all(options == {"depth": 8, "width": 8} for options in few)
    assert max(protocol["epochs"] for protocol in large) == 10
    assert max(protocol["bias_learning_rate"] for protocol in large) == 10
    timed = [json.loads(path.read_text())["device"] for path in (ROOT / "results").glob("*.json")]
    assert all(re.search("CPU|H100|, 2 cores", device) for device in timed)


def test_what_is_bold_survives_the_correction():
    """Holm's correction over the ten that were declared; of the larger ResNets' intervals one holds no 0."""
    names, differences = zip(*((each[:2], each[2]) for each in declared()), strict=True)
    adjusted = holm([stats.ttest_1samp(each, 0).pvalue for each in differences])
    shown = [
        (name, written(t_interval(d), 1)) for name, d, p in zip(names, differences, adjusted, strict=True) if p <= 0.05
    ]
    large = [written(each, 2) for each in deeper()]
    assert re.findall(rf"\*\*{DIFFERENCE}\*\*", TEXT) == [*(said for _, said in shown), *large]
    assert [name for name, _ in shown] == [
        ("sgemm", "standard"),
        ("sgemm", "standard-parameters"),
        ("imagewoof", "standard"),
    ], "the two sentences above the table"
    more = 100 * size("primary_photographs", "standard-parameters") / size("primary_photographs", "dac") - 100
    assert f"On the three sets of ten classes the network of the nearest size has {more:.0f} % more parameters" in TEXT
    for unit in ("standard-parameters", "dac"):
        asked = {"data": "cifar10", "unit": unit}
        found = [each["network"] for each in records("primary_cifar") if each["run"] | asked == each["run"]]
        assert {network["parameters"] for network in found} == {size("primary_photographs", unit)}


def test_on_cifar100_both_opponents_are_one_network():
    twin, equal = (
        [r for r in records("primary_cifar") if (r["run"]["data"], r["run"]["unit"]) == ("cifar100", unit)]
        for unit in ("standard", "standard-parameters")
    )
    assert [r["network"] for r in twin] == [r["network"] for r in equal]
    assert [r["value"] for r in twin] == [r["value"] for r in equal]


HOURS = {
    "half an hour": 0.5,
    "35 minutes": 35 / 60,
    "45 minutes": 0.75,
    "forty minutes": 2 / 3,
    "40 minutes": 2 / 3,
    "50 minutes": 5 / 6,
    "an hour and a half": 1.5,
    "two hours": 2,
}


def test_a_paths_time_is_its_chapters():
    paths = re.findall(r"^I want .*?\(about ([\d.]+) hours?.*?\)\n: (.*?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    times = {}
    for path in (ROOT / "book").glob("*.ipynb"):
        opening = " ".join(nbformat.read(path, as_version=4).cells[0].source.split())
        times[path.stem] = HOURS[re.search(r"\*\*Time\*\*: (.*?) to read", opening).group(1)]
    assert len(paths) == 3
    for hours, text in paths:
        chapters = {name for name in re.findall(r"\{doc\}`(\w+)`", text) if name in times} or set(times)
        assert abs(sum(times[name] for name in chapters) - float(hours)) <= 0.25
