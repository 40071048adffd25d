"""The figures that move, in a real browser: by mouse, finger and keys, with the library's numbers."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from chains import chain, dac, dense
from scipy import stats

from benchmarks.chapters import until
from dendnet.cost import layer_cost
from dendnet.experiments import compare, read_records, t_interval
from dendnet.geometry import linear_regions
from dendnet.layers import DACConv2D
from dendnet.theory import piecewise_linear

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
    inputs, outputs, kernel = stage.locator("input").nth(0), stage.locator("input").nth(1), stage.locator("g[role]")
    for e_in, e_out, stride, presses in [(6, 6, 1, 0), (4, 5, 2, 1), (0, 3, 2, -2), (2, 2, 4, -1), (3, 0, 4, 4)]:
        inputs.fill(str(e_in))
        outputs.fill(str(e_out))
        stage.locator("select").select_option(str(stride))
        for _ in range(10):
            kernel.press("ArrowLeft")
        for _ in range(2 + presses):
            kernel.press("ArrowRight")
        shown = state(stage)
        assert (shown["kernel"], shown["stride"]) == (3 + presses, stride)
        for i, sharing in enumerate(("outputs", "taps")):
            layer = DACConv2D(2**e_out, 3 + presses, stride, padding="same", bias_sharing=sharing)
            layer.build((None, 32, 32, 2**e_in))
            counted = layer_cost(layer)
            np.testing.assert_equal([shown["flops"][i], shown["parameters"][i]], [counted.flops, counted.parameters])


@pytest.mark.parametrize(
    "w, b, c",
    [((1, 1.4), (0.3, -0.2), 0.25), ((-1.5, 0.5), (-0.9, 0.5), 1.5), ((0, 1), (0.1, 0.2), -0.4), ((0, 0), (0, 0), 1)],
)
def test_plane_has_the_librarys_cells(figure, w, b, c):
    stage = figure("plane")
    for slider, value in zip(stage.locator("input").all(), (*w, *b, c), strict=True):
        slider.fill(str(value))
        state(stage)
    shown = state(stage)
    assert (shown["w"], shown["b"], shown["c"]) == (list(w), list(b), c)
    assert shown["corner"] == [-each for each in b]
    kernel, square = [[each] for each in w], np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], "float32")
    for name, layer in {"dac": dac(kernel, [[each] for each in b]), "standard": dense(kernel, [c], "relu")}.items():
        regions = linear_regions(chain(layer))
        assert (shown[name]["cells"], shown[name]["regions"]) == (len(regions), regions.count)
        np.testing.assert_allclose(shown[name]["values"], np.asarray(layer(square))[:, 0], atol=1e-6)


def test_plane_follows_its_handles(figure):
    stage = figure("plane")
    corner, line = stage.locator(".moving-handle").all()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp"):
        corner.press(key)
    shown = state(stage)
    np.testing.assert_allclose([shown["corner"], shown["b"]], [[-0.25, 0.3], [0.25, -0.3]])
    before = shown["c"]
    line.press("Shift+ArrowRight")
    np.testing.assert_allclose(state(stage)["c"], before - 0.5 * shown["w"][0], atol=0.1)


def test_signal_is_filtered_as_by_the_librarys_layers(figure):
    stage = figure("signal")
    shared, *own = stage.locator(".moving-handle").all()
    passes, biases = [], np.array([-0.1, 0.4, -0.4])
    for moment, presses in [(0.7, (0, 0, 0)), (0.22, (3, -4, 2)), (0.95, (-25, -8, 9)), (0.45, (40, 25, -25))]:
        stage.locator("input").fill(str(moment))
        for handle, times in zip((shared, *own), presses, strict=True):
            for _ in range(abs(times)):
                handle.press("ArrowUp" if times > 0 else "ArrowDown")
        shown, biases = state(stage), np.clip(biases - 0.05 * np.array(presses), -1, 1)
        np.testing.assert_allclose([shown["b"], *shown["biases"]], biases, atol=1e-9)
        wave = 0.55 * np.sin(2 * np.pi * (2 * moment - 0.15)) - 0.4 * np.cos(2 * np.pi * (moment + 0.15))
        assert (shown["moment"], shown["x"]) == (moment, pytest.approx(wave, abs=1e-9))
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
