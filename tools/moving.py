"""Store the numbers of the recorded results where their moving figure finds them, and the first state of each moving
figure as the static picture that stands in print and without JavaScript.

python tools/moving.py [NAME ...]
"""

import json
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STATIC = ROOT / "book" / "static"
DATA = STATIC / "moving" / "data" / "results.js"
LAYERS = DATA.with_name("layers.js")
SPREAD = DATA.with_name("spread.js")
FIGURES = STATIC.parent / "figures"
NAMES = sorted(path.stem for path in (STATIC / "moving").glob("*.js"))
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAGE = """<!doctype html><html lang="en" data-theme="{theme}"><meta charset="utf-8"><title>{name}</title>
<link rel="stylesheet" href="{static}/book.css"><style>body {{ font-family: sans-serif; margin: 1rem; }}</style>
<main><figure class="moving" id="moving-{name}"><img src="data:," alt="static"><figcaption>{name}</figcaption></figure>
</main><script src="{static}/moving.js" defer></script></html>"""
# The pictures side by side in one drawing, each style that matters written out, on white.
DRAWN = """(stage) => {
  const pictures = [...stage.querySelectorAll('svg')];
  const sizes = pictures.map((each) => each.viewBox.baseVal);
  const width = sizes.reduce((sum, size) => sum + size.width, 0), height = Math.max(...sizes.map((s) => s.height));
  const kept = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linejoin', 'font-size'];
  let left = 0;
  const parts = pictures.map((picture, i) => {
    const copy = picture.cloneNode(true), from = [...picture.querySelectorAll('*')];
    [...copy.querySelectorAll('*')].forEach((each, j) => {
      const style = getComputedStyle(from[j]);
      for (const name of kept) each.setAttribute(name, style.getPropertyValue(name));
      for (const name of [...each.getAttributeNames()])
        if (/^(aria-.*|role|tabindex|class)$/.test(name)) each.removeAttribute(name);
    });
    copy.querySelectorAll('[fill="rgba(0, 0, 0, 0)"]').forEach((each) => each.remove());
    const group = `<g transform="translate(${left})">${copy.innerHTML}</g>`;
    left += sizes[i].width;
    return group;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" `
    + `height="${height}" font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>`
    + parts.join('') + '</svg>\\n';
}"""


@contextmanager
def chromium(scrollbars=False):
    """A browser, for as long as it is used; it hides scrollbars unless they are asked for."""
    from playwright.sync_api import sync_playwright

    hidden = ["--hide-scrollbars"] if scrollbars else None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=FLAGS, ignore_default_args=hidden
        )
        yield browser
        browser.close()


def show(page, name, theme="light"):
    """Open a page with nothing but this figure, and return its stage."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.html"
        path.write_text(PAGE.format(name=name, static=STATIC.as_uri(), theme=theme))
        page.goto(path.as_uri())
        page.wait_for_selector("[data-state]")
    return page.locator(".moving-stage")


def drawn(stage):
    """The stage's pictures as one SVG file."""
    return stage.evaluate(DRAWN)


def results():
    """The files of results/ that set DAC networks against standard ones on test data, not on validation data."""
    found = []
    for path in sorted((ROOT / "results").glob("*.jsonl")):
        runs = [json.loads(line)["run"] for line in path.read_text().splitlines()]
        if {"dac", "standard"} <= {run["unit"] for run in runs} and not runs[0]["validation"]:
            found.append(path)
    return found


def data():
    """The script that holds the differences of all pairs of all comparisons."""
    from dendnet.experiments import compare, read_records

    lines = []
    for path in results():
        found = [
            {
                **{name: getattr(one, name) for name in ("data", "network", "variant", "against", "measure")},
                "differences": [float(f"{dac - standard:.9g}") for _, dac, standard in one.pairs],
            }
            for one in compare(read_records(path))
        ]
        lines.append(f"{json.dumps(path.stem)}: {json.dumps(found)}")
    return "/* Written by make moving. */\ndendnet.results = {\n" + ",\n".join(lines) + "\n};\n"


def layers():
    """The script that holds what is recorded of a convolution's step: times on one CPU core, by kernel, stride,
    channels and batch; and the speeds in TFLOP/s, standard and DAC, at which ResNet-20 and ResNet-18 ran on an H100."""
    from dendnet.cost import model_cost
    from dendnet.models import cifar_resnet, resnet

    devices: dict = {}
    for name, backend in {"TensorFlow": "tensorflow", "JAX": "jax"}.items():
        rows = json.loads((ROOT / "results" / f"layers_{backend}.json").read_text())["rows"]
        sizes = "kernel", "stride", "channels", "batch"
        timed = {",".join(str(row[size]) for size in sizes): row["milliseconds"] for row in rows}
        devices[f"one CPU core, {name}"] = {"timed": timed}
    records = []
    for file, make in {
        "training_jax_h100": lambda unit: cifar_resnet(20, unit),
        "training_jax_resnet18_h100": lambda unit: resnet(18, unit, input_shape=(64, 64, 3)),
    }.items():
        record = json.loads((ROOT / "results" / f"{file}.json").read_text())
        work = [record["batch"] * model_cost(make(unit)).step.flops / 1e9 for unit in ("standard", "dac")]
        rows = [zip(work, row["milliseconds"], strict=True) for row in record["rows"]]
        records.append([[round(flops / ms, 3) for flops, ms in row] for row in rows])
    for name, rows in zip(("float32", "TF32", "bfloat16"), zip(*records, strict=True), strict=True):
        devices[f"an H100, {name}"] = {"speeds": list(zip(*rows, strict=True))}
    return f"/* Written by make moving. */\ndendnet.layers = {json.dumps(devices)};\n"


def spread():
    """The script that holds the chapter's recorded trainings on two spirals: the knots of one signal on the first seed,
    and least, median and most of the seeds of each measure, epoch by epoch and for untrained networks with noise."""
    import numpy as np

    record = json.loads((ROOT / "results" / "chapter_geometry.json").read_text())
    groups: dict = {}
    for row in record["rows"]:
        groups.setdefault((row["kind"], row["depth"], row["factor"]), []).append(row)

    def quantiles(rows, name):
        """Least, median and most of the seeds, of numbers or of films of them."""
        values = np.quantile([row[name] for row in rows], [0, 0.5, 1], axis=0)
        return [[float(f"{each:.4g}") for each in line] for line in np.atleast_2d(values)]

    def measured(rows):
        films = {name: [{name: [each[name] for each in row["film"]]} for row in rows] for name in measures}
        return {name: quantiles(film, name) for name, film in films.items()}

    measures, counts, runs = ("effective", "regions", "loss"), ("one", "two", "three"), {}
    for (kind, depth, factor), rows in groups.items():
        if kind != "dac":
            continue
        name = counts[depth - 1] + (" layer" if depth == 1 else " layers")
        name += "" if factor == 1 else f", biases learn {factor}×"
        noise = [row["noise"]["0.0001"] for row in groups[kind, depth, 1]]
        cut = rows[0]["one input"]
        runs[name] = {
            "knots": [[round(knot, 3) + 0.0 for knot in knots] for knots, _ in cut],
            "signal": [[round(end, 3) for end in ends] for _, ends in cut],
            "dac": measured(rows),
            "noise": {each: quantiles(noise, each)[0] for each in measures},
        }
        if factor == 1:
            runs[name]["standard"] = measured(groups["standard", depth, 1])
    epochs = [0, 1, 2, 4, 8, 15, 30, 60]
    return f"/* Written by make moving. */\ndendnet.spread = {json.dumps({'epochs': epochs, 'runs': runs})};\n"


def main(names):
    """Write the numbers and each figure's static picture."""
    DATA.parent.mkdir(exist_ok=True)
    DATA.write_text(data())
    LAYERS.write_text(layers())
    SPREAD.write_text(spread())
    FIGURES.mkdir(exist_ok=True)
    with chromium() as browser:
        for name in names or NAMES:
            (FIGURES / f"{name}.svg").write_text(drawn(show(browser.new_page(), name)))
            print(f"book/figures/{name}.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
