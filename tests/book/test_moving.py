"""The figures that move, in a real browser: by mouse, finger and keys, with the library's numbers."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from chains import chain, dac, dense
from neuron import simulation
from scipy import stats

from benchmarks.chapters import until
from dendnet.cost import layer_cost
from dendnet.experiments import compare, read_records, t_interval
from dendnet.geometry import linear_regions
from dendnet.layers import DACConv2D, DACDense
from dendnet.ops import dac_dense
from dendnet.theory import expected_bias_share, piecewise_linear

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import moving  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(moving.CHROMIUM is None, reason="Chromium is not installed: no figure was moved"),
]
every_figure = pytest.mark.parametrize("name", moving.NAMES)


@pytest.fixture(scope="module")
def browser():
    with moving.chromium() as browser:
        yield browser


@pytest.fixture
def figure(browser):
    """figure(name): its stage, on a page of its own that may make no error."""
    errors = []
    context = browser.new_context(has_touch=True, viewport={"width": 360, "height": 800})

    def show(name):
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda r: r.url.startswith(("http:", "https:")) and errors.append(r.url))
        return moving.show(page, name)

    yield show
    assert errors == []
    context.close()


def state(stage):
    """The numbers behind what is drawn, once it is drawn."""
    stage.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return json.loads(stage.get_attribute("data-state"))


def controls(stage):
    return stage.locator(".moving-handle, input, select, button").all()


@every_figure
def test_the_static_picture_is_the_first_state(figure, name):
    assert (moving.FIGURES / f"{name}.svg").read_text() == moving.drawn(figure(name)), "run make moving"


@every_figure
def test_every_control_has_a_name_and_moves_the_figure_by_keys(figure, name):
    stage = figure(name)
    assert controls(stage) and stage.get_attribute("aria-labelledby")
    for control in controls(stage):
        tag = control.evaluate("(node) => node.tagName")
        assert tag != "g" or (control.get_attribute("aria-label") and control.get_attribute("aria-valuetext"))
        assert tag in ("g", "BUTTON") or control.evaluate("(node) => node.labels[0].textContent.trim()")
        control.focus()
        moved = False
        keys = ["Enter"] if tag == "BUTTON" else ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown"]
        for key in keys:
            before = state(stage)
            stage.page.keyboard.press(key)
            moved |= state(stage) != before
        assert moved or tag == "BUTTON", control.evaluate("(node) => node.outerHTML")


@every_figure
def test_handles_follow_the_mouse_and_a_finger(figure, name):
    stage = figure(name)
    for handle in stage.locator(".moving-handle").all():
        for kind in ("mouse", "touch"):
            states = [state(stage)]
            for dx, dy in ((45, -30), (-60, 40)):  # one of them at the least is not beyond the edge
                box = handle.locator(".moving-grip").bounding_box()  # beside it a finger would scroll the page away
                x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
                drag(stage.page, kind, x, y, x + dx, y + dy)
                states.append(state(stage))
            assert any(before != after for before, after in pairwise(states))


def drag(page, kind, x, y, to_x, to_y):
    if kind == "mouse":
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(to_x, to_y, steps=3)
        page.mouse.up()
        return
    session = page.context.new_cdp_session(page)
    for event, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": to_x, "y": to_y}]),
        ("touchEnd", []),
    ):
        session.send("Input.dispatchTouchEvent", {"type": event, "touchPoints": points})


@every_figure
def test_it_says_what_is_seen(figure, name):
    stage = figure(name)
    words = stage.locator(".moving-words")
    assert len(words.inner_text()) > 20 and words.get_attribute("aria-live") == "polite"


def test_cost_counts_as_the_library_does(figure):
    stage = figure("cost")
    kernel = stage.locator("g[role]")
    for c, n, stride, size in [(64, 16, 1, 3), (16, 4, 2, 1), (64, 4, 2, 3), (16, 16, 1, 7), (64, 16, 2, 5)]:
        for label, value in {"stride": stride, "channels": c, "images": n}.items():
            stage.get_by_label(label).select_option(str(value))
        for key in ["ArrowLeft"] * 6 + ["ArrowRight"] * (size // 2):
            kernel.press(key)
            shown = state(stage)
        assert [shown[name] for name in ("kernel", "stride", "channels", "batch")] == [size, stride, c, n]
        for i, sharing in enumerate(("outputs", "taps")):
            layer = DACConv2D(c, size, stride, padding="same", bias_sharing=sharing)
            layer.build((None, 32, 32, c))
            cost = layer_cost(layer, batch_size=n)
            counted = {"parameters": cost.parameters, "forward": cost.flops, "step": cost.step.flops}
            counted["kept"] = cost.kept["native"] + cost.temporary["native"]
            assert {name: shown[name][i] for name in counted} == counted
        assert shown["defined"][1] == cost.kept["reference"] + cost.temporary["reference"]


def test_cost_takes_its_times_from_the_records(figure):
    stage = figure("cost")
    devices = stage.get_by_label("device").locator("option").all_inner_texts()
    recorded = json.loads(moving.LAYERS.read_text().partition("dendnet.layers = ")[2].rstrip(";\n"))
    for device in devices:
        stage.get_by_label("device").select_option(device)
        for stride, c, n in [(1, 64, 16), (2, 16, 4)]:
            for label, value in {"stride": stride, "channels": c, "images": n}.items():
                stage.get_by_label(label).select_option(str(value))
            shown, (where, what) = state(stage), device.split(", ")
            if where == "one CPU core":
                sizes = {"kernel": shown["kernel"], "stride": stride, "channels": c, "batch": n}
                rows = json.loads((ROOT / "results" / f"layers_{what.lower()}.json").read_text())["rows"]
                (row,) = [row for row in rows if sizes.items() <= row.items()]
                assert shown["milliseconds"] == [[ms] for ms in row["milliseconds"]]
                continue
            for ms, step, speeds in zip(shown["milliseconds"], shown["step"], recorded[device]["speeds"], strict=True):
                np.testing.assert_allclose(ms, [step / teraflops / 1e9 for teraflops in speeds])
    assert len(devices) == 5


@pytest.mark.parametrize("kind", ["pre", "dac", "post"])
def test_layer_has_the_librarys_cells(figure, kind):
    stage = figure("layer")
    kinds, depth = stage.locator("select").all()
    kinds.select_option(kind)
    seen = set()
    for number, keys in enumerate([(), ("ArrowRight", "Shift+ArrowUp"), ("Shift+ArrowDown", "Shift+ArrowRight")]):
        for key in keys:
            stage.locator(".moving-handle").nth(0 if kind == "pre" else number).press(key)
        for count in ("1", "2"):
            depth.select_option(count)
            shown = state(stage)
            layers = [
                dense(each["kernel"], each["bias"], "relu")
                if kind == "post"
                else dac(each["kernel"], each["bias"], bias_sharing="outputs" if kind == "pre" else "none")
                for each in shown["layers"]
            ]
            model = chain(*layers)
            assert len(layers) == int(count) and shown["cells"] == len(linear_regions(model))
            assert shown["weights"] + shown["biases"] == model.count_params()
            seen.add(shown["cells"])
    assert len(seen) >= 2


def test_layer_follows_its_handles_and_counts_lines_that_coincide_once(figure):
    stage = figure("layer")
    first, second, _ = stage.locator(".moving-handle").all()
    before = state(stage)
    assert (before["lines"], before["cells"]) == (6, 16)
    first.press("Shift+ArrowRight")
    for _ in range(3):
        first.press("ArrowRight")
    after = state(stage)
    np.testing.assert_allclose(after["layers"][0]["bias"][0][0], before["layers"][0]["bias"][0][0] - 0.65)
    assert (after["lines"], after["cells"]) == (5, 12)
    stage.locator("select").first.select_option("pre")
    state(stage)
    assert first.is_visible() and not second.is_visible(), "units of a pre-activated layer share their corner"


def test_signal_is_filtered_as_by_the_librarys_layers(figure):
    stage = figure("signal")
    shared, *own = stage.locator(".moving-handle").all()
    passes, biases = [], np.array([-0.1, 0.4, -0.4])
    for sample, presses in [(0.7, (0, 0, 0)), (0.22, (3, -4, 2)), (0.95, (-25, -8, 9)), (0.45, (40, 25, -25))]:
        stage.locator("input").fill(str(sample))
        for handle, times in zip((shared, *own), presses, strict=True):
            for _ in range(abs(times)):
                handle.press("ArrowUp" if times > 0 else "ArrowDown")
        shown, biases = state(stage), np.clip(biases - 0.05 * np.array(presses), -1, 1)
        np.testing.assert_allclose([shown["b"], *shown["biases"]], biases, atol=1e-9)
        wave = 0.55 * np.sin(2 * np.pi * (2 * sample - 0.15)) - 0.4 * np.cos(2 * np.pi * (sample + 0.15))
        assert (shown["sample"], shown["x"]) == (sample, pytest.approx(wave, abs=1e-9))
        x = np.array([[shown["x"]]], "float32")
        np.testing.assert_allclose([shown["dac"]], dac([[1, 1]], [shown["biases"]])(x), atol=1e-6)
        np.testing.assert_allclose([[shown["standard"]]], dac([[1]], [[shown["b"]]])(x), atol=1e-6)
        passes.append([y > 0 for y in (shown["standard"], *shown["dac"])])
    assert np.any(passes, axis=0).all() and not np.all(passes, axis=0).any(), "each filter passes, and does not"


def test_quantiles_are_scipys(figure):
    levels, freedoms = [0.5, 0.8, 0.95, 0.99, 0.999, 1 - 0.01 / 40], [*range(1, 31), 99]
    evaluate = "([levels, freedoms]) => freedoms.map((n) => levels.map((level) => dendnet.quantile(level, n)))"
    found = figure("results").page.evaluate(evaluate, [levels, freedoms])
    expected = [[stats.t.ppf((1 + level) / 2, n) for level in levels] for n in freedoms]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("path", moving.results(), ids=lambda path: path.stem)
def test_results_are_the_librarys(figure, path):
    stage, comparisons = figure("results"), compare(read_records(path))
    seeds, confidence = stage.get_by_label("seeds"), stage.get_by_label("confidence")
    stage.get_by_label("results").select_option(path.stem)
    most = max(one.interval.pairs for one in comparisons)
    assert state(stage)["seeds"] == most and len(state(stage)["rows"]) == len(comparisons)
    for row, one in zip(state(stage)["rows"], comparisons, strict=True):
        i = one.interval
        np.testing.assert_allclose([row["mean"], row["half"]], [i.mean, i.high - i.mean], rtol=1e-6)
        assert row["verdict"] == one.verdict
    settings = [(2, 95, "all"), (most, 95, "one"), (3, 80, "one"), (most - 1, 99, "all"), (1, 95, "all")]
    for k, percent, together in settings:
        seeds.fill(str(k))
        confidence.fill(str(percent))
        stage.get_by_label("correction").select_option(together)
        for against in ["", *{one.against for one in comparisons}]:
            stage.get_by_label("against").select_option(against)
            rows = state(stage)["rows"]
            chosen = [one for one in comparisons if against in ("", one.against)]
            for row, one in zip(rows, chosen, strict=True):
                differences = [dac - standard for _, dac, standard in one.pairs][:k]
                count = len(comparisons) if together == "all" else 1
                i = t_interval(differences, count, percent / 100)
                np.testing.assert_allclose(row["mean"], i.mean, rtol=1e-6)
                assert row["pairs"] == i.pairs and (row["verdict"] != "not shown") == i.shown
                assert row["half"] is None if k == 1 else row["half"] == pytest.approx(i.high - i.mean, rel=1e-6)


def test_a_file_offers_what_it_compares(figure):
    stage = figure("results")
    stage.get_by_label("against").select_option("standard-parameters")
    stage.get_by_label("results").select_option("sgemm_ablations")
    assert {row["against"] for row in state(stage)["rows"]} == {"standard"}
    offered = stage.get_by_label("against").locator("option:enabled").all_inner_texts()
    assert offered == ["all", "equal width"]


def test_axon_lays_dendrites_as_the_library_does(figure):
    curves = {
        "wave": lambda x: 0.9 * np.sin(2 * np.pi * x),
        "root": np.sqrt,
        "bump": lambda x: np.exp(-(((x - 0.5) / 0.15) ** 2)),
    }
    stage = figure("axon")
    left, knot, grid = *stage.locator(".moving-handle").all()[:2], np.linspace(0, 1, 401)
    seen = set()
    for curve, button in [("wave", "even knots"), ("root", "knots where it bends"), ("bump", "even knots")]:
        stage.locator("select").select_option(curve)
        stage.get_by_role("button", name=button).click()
        for key in (None, "ArrowUp", "Shift+ArrowDown", "Shift+ArrowUp", "ArrowRight"):
            if key:
                (knot if key == "ArrowRight" else left).press(key)
            shown = state(stage)
            x, y = np.array(shown["points"]).T
            made = piecewise_linear(x, y).network
            assert shown["dendrites"] == made.dendrites == len(shown["knots"])
            assert shown["error"] == pytest.approx(np.abs(np.interp(grid, x, y) - curves[curve](grid)).max(), abs=1e-9)
            seen.add(made.dendrites)
    assert seen >= {5, 6}
    stage.locator("select").select_option("root")
    errors = {}
    for button in ("even knots", "knots where it bends"):
        stage.get_by_role("button", name=button).click()
        errors[button] = state(stage)["error"]
    assert errors["knots where it bends"] < errors["even knots"] / 2


def test_listeners_hear_and_learn_as_the_librarys_layer_does(figure):
    stage = figure("listeners")
    signal, *knots = stage.locator(".moving-handle").all()
    masks = []
    for key, moved in [("ArrowLeft", knots[2]), ("Shift+ArrowRight", signal), ("Shift+ArrowLeft", signal)]:
        for _ in range(3):
            moved.press(key)
        stage.locator("input").nth(0).fill("-1.2")
        shown = state(stage)
        x, w, b = (tf.Variable(np.array(shown[name], "float32")) for name in ("x", "w", "knots"))
        with tf.GradientTape() as tape:
            y = dac_dense(tf.reshape(x, (1, 1)), w[None], -b[None])
        dx, db = tape.gradient(y, (x, b))
        np.testing.assert_allclose(shown["y"], y[0], atol=1e-5)
        np.testing.assert_allclose([*shown["db"], shown["dx"]], [*-db, dx], atol=1e-5)
        assert shown["mask"] == [int(shown["x"] > knot) for knot in shown["knots"]]
        masks.append(shown["mask"])
    assert masks == [[1, 1, 0], [1, 1, 1], [1, 1, 0]]
    stage.locator("select").select_option("shared")
    knots[1].press("Shift+ArrowRight")
    shown = state(stage)
    assert len(set(shown["knots"])) == 1 and sum(shown["mask"]) in (0, 3)


def test_the_film_is_gradient_descent_on_the_librarys_layers(figure):
    stage = figure("film")
    step, start = stage.locator("input").all()
    x = np.linspace(-1, 1, 101, dtype="float32")[:, None]
    for first, presses in [("0", 0), ("-0.3", 7)]:
        start.fill(first)
        step.fill("20")
        for _ in range(presses):
            stage.locator(".moving-handle").nth(3).press("ArrowDown")
        shown = state(stage)
        target = np.maximum(x - np.array(shown["thresholds"]), 0)
        for name, sharing in (("dac", "none"), ("standard", "outputs")):
            layer = DACDense(4, bias_sharing=sharing, bias_initializer=keras.initializers.Constant(-float(first)))
            layer.build((None, 1))
            layer.kernel.assign(np.ones((1, 4)))
            for _ in range(20):
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(tf.reduce_sum((layer(x) - target) ** 2, axis=1))
                dw, db = tape.gradient(loss, [layer.kernel.value, layer.bias.value])
                layer.kernel.assign_sub(0.3 * dw)
                layer.bias.assign_sub(0.3 * db / (1 if sharing == "none" else 4))
            knots = np.broadcast_to(-np.ravel(layer.bias), 4)
            np.testing.assert_allclose(shown[name]["knots"], knots, atol=1e-4)
            np.testing.assert_allclose(shown[name]["loss"], np.mean((layer(x) - target) ** 2), rtol=1e-3)
        rectified = np.maximum(x - np.linspace(-1, 0.98, 500, dtype="float32"), 0)  # an attack on the floor
        for one in rectified.T:
            assert np.mean((np.outer(one, one @ target / (one @ one)) - target) ** 2) >= shown["floor"] - 1e-7
        assert shown["standard"]["loss"] >= shown["floor"] > 0


def test_beyond_the_data_nobody_learns(figure):
    stage = figure("film")
    stage.locator("input").nth(1).fill("1.1")
    shown = state(stage)
    assert shown["dac"]["knots"] == pytest.approx([1.1] * 4) and shown["dac"]["loss"] == shown["standard"]["loss"]


def test_spread_shows_what_was_recorded(figure):
    assert moving.SPREAD.read_text() == moving.spread(), "run make moving"
    rows = json.loads((ROOT / "results" / "chapter_geometry.json").read_text())["rows"]
    stage, names = figure("spread"), {(1, 1): "one layer", (2, 1): "two layers", (3, 1): "three layers"}
    networks, beside = stage.locator("select").all()
    names |= {(2, factor): f"two layers, biases learn {factor}×" for factor in (3, 10, 30)}
    assert networks.locator("option").all_inner_texts() == [*names.values()]
    outside = []
    for (depth, factor), name in names.items():
        networks.select_option(name)
        dac, standard, noisy = (
            [row for row in rows if (row["kind"], row["depth"], row["factor"]) == (kind, depth, times)]
            for kind, times in (("dac", factor), ("standard", factor), ("dac", 1))
        )
        assert len(dac) == len(noisy) == 5
        for measure, k in [("effective", 7), ("regions", 1), ("loss", 4), ("regions", 0)]:
            beside.select_option(measure)
            stage.locator("input").fill(str(k))
            shown = state(stage)
            assert (shown["run"], shown["measure"]) == (name, measure)
            assert shown["epoch"] == [0, 1, 2, 4, 8, 15, 30, 60][k]
            for found, group in ((shown["dac"], dac), (shown["standard"], standard)):
                expected = np.quantile([row["film"][k][measure] for row in group], [0, 0.5, 1]) if group else None
                assert found == (expected if expected is None else pytest.approx(list(expected), rel=1e-3))
            expected = np.quantile([row["noise"]["0.0001"][measure] for row in noisy], [0, 0.5, 1])
            assert shown["noise"] == pytest.approx(list(expected), rel=1e-3)
            knots, (low, high) = dac[0]["one input"][k]
            np.testing.assert_allclose(shown["knots"], knots, atol=6e-4)
            assert abs(shown["outside"] - sum(not low < knot < high for knot in knots)) == 0
            outside.append(shown["outside"])
    assert min(outside) == 0 and max(outside) == 8


def test_cell_fires_as_the_chapters_neuron_does(figure):
    stage, simulate = figure("cell"), simulation()
    names = ["".join(s for s, on in zip("ABCD", bits, strict=True) if on) for bits in np.ndindex(2, 2, 2, 2)]
    u = np.array([[sum(s in name for s in branch) for branch in ("AB", "CD")] for name in names])
    for kind, synapse in [("point", 6), ("passive", 6), ("active", 6), ("active", 4.3), ("passive", 8.1)]:
        stage.locator("select").select_option(kind)
        stage.locator("input").fill(str(synapse))
        spikes, course, highest = simulate(u, kind, synapse=synapse)
        for letter in ("A", "B", "C", "A"):
            stage.get_by_role("switch", name=f"synapse {letter}").click()
            shown = state(stage)
            now = names.index(shown["pattern"])
            assert (shown["kind"], shown["synapse"], shown["spikes"]) == (kind, synapse, spikes[now])
            assert shown["counts"] == dict(zip(names, spikes.tolist(), strict=True))
            np.testing.assert_allclose(shown["course"], course[::100, now], atol=1e-6)
            np.testing.assert_allclose(shown["branches"], highest[now], atol=1e-6)


def test_cells_synapses_are_switched_by_mouse_finger_and_keys(figure):
    stage = figure("cell")
    synapses = {letter: stage.get_by_role("switch", name=f"synapse {letter}") for letter in "ABCD"}
    assert state(stage)["pattern"] == "AC" and synapses["A"].get_attribute("aria-checked") == "true"
    synapses["B"].click()
    assert state(stage)["pattern"] == "ABC"
    synapses["A"].tap()
    assert state(stage)["pattern"] == "BC" and synapses["A"].get_attribute("aria-checked") == "false"
    synapses["B"].press("Space")
    synapses["D"].press("Enter")
    assert state(stage)["pattern"] == "CD"
    assert "exactly when each branch has an active synapse" in stage.locator(".moving-words").inner_text()
    stage.locator("select").select_option("active")
    state(stage)
    assert "exactly when some branch has both" in stage.locator(".moving-words").inner_text()
    stage.locator("svg").nth(1).get_by_text("48").click()
    assert state(stage)["pattern"] == "ABCD"


def test_bends_are_where_the_two_networks_bend(figure):
    stage = figure("bends")
    units, apart = stage.locator("input[type=range]").all()
    most = set()
    for count in (1, 2, 3, 6, 8):
        units.fill(str(count))
        for distance in (0, 0.5, 1):
            apart.fill(str(distance))
            shown = state(stage)
            assert shown["m"] == count and len(shown["standard"]) == count + 1 == len(set(shown["standard"]))
            assert len(shown["dac"]) <= 2 * count
            x = np.array(shown["dac"])
            starts = 2 * distance * np.arange(count)
            ramps = np.maximum(x[:, None] - starts, 0)
            cut = 1 + (1 - distance) * np.arange(count)
            assert all(np.isclose(ramps, 0).any(axis=1) | np.isclose(ramps, cut).any(axis=1))
            most.add((count, len(shown["dac"])))
        units.press("ArrowLeft")
    assert {(1, 2), (3, 6), (8, 16)} <= most


def test_hat_ends_as_the_library_s_hats(figure):
    stage = figure("hat")
    step, turn = stage.locator("input[type=range]").all()
    ticks = np.linspace(-1.5, 1.5, 13)
    x, y = np.meshgrid(ticks, ticks, indexing="ij")
    larger, smaller = np.maximum(np.maximum(x, y), 0), np.maximum(np.maximum(-x, -y), 0)
    surfaces = [x, np.maximum(x, 0), larger, smaller, 1 - larger - smaller, np.maximum(1 - larger - smaller, 0)]
    for k, surface in enumerate(surfaces, 1):
        step.fill(str(k))
        np.testing.assert_allclose(state(stage)["values"], surface, atol=1e-9)
    step.press("ArrowRight")
    made = state(stage)
    assert made["step"] == 7
    heights = np.array([[0.2, 0.6, 0.1], [0.5, 1, 0.4], [0.9, 0.3, 0.7]])
    np.testing.assert_allclose(np.array(made["values"])[2:11:4, 2:11:4], heights, atol=1e-9)
    turn.press("ArrowLeft")
    assert state(stage)["turn"] == 20


def test_fast_counts_as_the_chapter_does(figure):
    page, stage = until("fast", "least"), figure("fast")
    recorded = json.loads((ROOT / "results" / "tiles_h100.json").read_text())["rows"]
    times = [[row["forward"]["now"], *(cut[-1] for cut in row["forward"]["cuts"])] for row in recorded]
    fastest = [1e-6 * min(each) for each in times]
    layers = {
        "ResNet-20: 16 at 32 px": (32, 3, 16, 16, 1),
        "ResNet-18: 512 at 2 px": (2, 3, 512, 512, 1),
        "dense: 1024 to 1024": (1, 1, 1024, 1024, 1),
    }
    batch, selects = stage.locator("input"), stage.locator("select")
    layer_choice, device, form = (selects.nth(i) for i in range(3))
    settings = [("L4 (8.9)", "once", -7), ("A100 (8.0)", "each tap", 0), ("H100 (9.0)", "once", 2)]
    for (name, layer), (gpu, sharing, times) in zip(layers.items(), settings, strict=True):
        layer_choice.select_option(name)
        device.select_option(gpu)
        form.select_option(sharing)
        batch.fill(str(times))
        shown = state(stage)
        samples = (4096 if "dense" in name else 128) * 2.0**times
        assert shown["samples"] == samples and shown["recorded"] is None
        for side, kind in (("standard", "standard"), ("unit", sharing)):
            expected = page["least"]((samples, *layer), kind, gpu)
            assert shown[side] == pytest.approx(expected, rel=1e-9)
        assert shown["bound"] == max(shown["unit"].values())
    device.select_option("H100 (9.0)")
    batch.fill("0")
    for option in layer_choice.locator("option").all_inner_texts():
        layer_choice.select_option(option)
        assert min(abs(state(stage)["recorded"] / each - 1) for each in fastest) < 1e-9


def test_share_is_the_theorems(figure):
    stage = figure("share")
    connections, factor = stage.locator("input[type=range]").all()
    for power in (2, 6, 10):
        connections.fill(str(power))
        factor.fill("0")
        shown = state(stage)
        assert shown["fanIn"] == 2**power
        assert shown["descent"] == pytest.approx(expected_bias_share(2**power))
        assert shown["adam"] == pytest.approx(1 / (1 + np.sqrt(2**power / 2)))
    factor.press("ArrowRight")
    assert state(stage)["factor"] == pytest.approx(10**0.1)
