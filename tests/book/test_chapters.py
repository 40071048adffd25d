"""What a chapter has to be before nbval's comparison of its outputs means anything."""

import re
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import stamp  # noqa: E402

CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)

NBVAL = ROOT / "tools" / "nbval.cfg"
PICTURE = '<div class="picture"'
SETUP = """\
import sys

if "google.colab" in sys.modules:  # elsewhere dendnet is already installed
    %pip install --quiet "dendnet @ git+{address}\""""


def code_cells(path):
    cells = nbformat.read(path, as_version=4).cells
    return [cell for cell in cells if cell.cell_type == "code" and cell.source.strip()]


def ignored(cell):
    return "nbval-ignore-output" in cell.metadata.get("tags", [])


def test_there_are_chapters():
    assert CHAPTERS


@every_chapter
def test_every_code_cell_was_run_in_order(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1)), "run make notebooks"


@every_chapter
def test_every_cell_that_prints_kept_its_output(path):
    for cell in code_cells(path):
        if any(line.startswith(("print(", "plt.show(")) for line in cell.source.splitlines()):
            assert cell.outputs, cell.source


@every_chapter
def test_no_stderr_and_no_error_is_stored(path):
    for cell in code_cells(path):
        for output in cell.outputs:
            assert output.output_type != "error" and output.get("name") != "stderr", cell.source


@every_chapter
def test_the_setup_cell_is_the_same_everywhere(path):
    assert code_cells(path)[0].source == SETUP.format(address=stamp.address())


@every_chapter
def test_at_least_half_of_the_printing_cells_are_compared(path):
    printing = [cell for cell in code_cells(path) if any(o.output_type == "stream" for o in cell.outputs)]
    assert printing
    assert sum(not ignored(cell) for cell in printing) >= len(printing) / 2


@every_chapter
def test_no_tag_takes_a_cell_out_of_the_comparison_unseen(path):
    allowed = {"nbval-ignore-output", "hide-input"}
    for cell in code_cells(path):
        assert set(cell.metadata.get("tags", [])) <= allowed, cell.source


@every_chapter
def test_the_chapter_imports_dendnet(path):
    assert any("from dendnet" in cell.source or "import dendnet" in cell.source for cell in code_cells(path))


@every_chapter
def test_every_figure_has_a_caption(path):
    for cell in code_cells(path):
        if any(PICTURE in output.get("data", {}).get("text/html", "") for output in cell.outputs):
            assert cell.metadata.get("mystnb", {}).get("figure", {}).get("caption"), cell.source


@every_chapter
def test_no_figure_is_made_of_pixels(path):
    """plotting.picture gives what the page can show by day and night, and demands words for who cannot see it."""
    for cell in code_cells(path):
        assert not any("image/png" in output.get("data", {}) for output in cell.outputs), cell.source


@every_chapter
def test_how_a_figure_is_drawn_is_not_compared_and_its_words_are(path):
    ((regex, replacement),) = re.findall(r"^regex: (.*)\nreplace: (.*)$", NBVAL.read_text(), re.MULTILINE)
    pictures = [
        output.data
        for cell in code_cells(path)
        for output in cell.outputs
        if PICTURE in output.get("data", {}).get("text/html", "")
    ]
    assert pictures
    for data in pictures:
        assert re.sub(regex, replacement, data["text/html"]) == replacement and len(data["text/plain"]) > 30


@every_chapter
def test_a_page_shows_every_image_of_a_stored_picture(path):
    """HTML knows `href` alone: an image under another prefix, as ElementTree makes them up, is not there for it."""
    for cell in code_cells(path):
        for output in cell.outputs:
            page = output.get("data", {}).get("text/html", "")
            assert not re.search(r"\w:href|<\w+:", page), (
                f"{cell.source[:80]} was stored by an older library: execute it"
            )


def words(path):
    """A chapter's text, without its line breaks."""
    cells = nbformat.read(path, as_version=4).cells
    return " ".join(" ".join(cell.source.split()) for cell in cells if cell.cell_type == "markdown")


@every_chapter
def test_it_opens_with_goals_prerequisites_and_time(path):
    opening = " ".join(nbformat.read(path, as_version=4).cells[0].source.split())
    goals, told = re.search(
        r":::\{admonition\} What you will be able to do (- .*?)\. (\*\*You need\*\*: .*?) :::", opening
    ).groups()
    assert goals.count("; - ") >= 2, "three goals at least"
    need, time = told.split(" **Time**: ")
    assert need.endswith(".") and re.match(
        r".+ to read.*\. The notebook runs in about [\w ]+ on two CPU cores"
        r"(; on a Colab GPU (its time is not measured yet|in about [\w ]+))?\.$",
        time,
    )


@every_chapter
def test_it_ends_in_short_before_its_exercises(path):
    text = words(path)
    (box,) = re.findall(r":::\{admonition\} In short :class: tip (- .*?) ::: \*Held by\* .*?## Exercises", text)
    assert box.count(" - ") >= 2, "three points at least"
    assert text.count("## Exercises") == 1


@every_chapter
def test_every_statement_says_what_holds_it(path):
    """A theorem's next line, or its row in the table at the chapter's end, names its tests, or the compared cells."""
    text = words(path)
    held = r"[^:|]*(`tests/[\w/]+\.py`|cells? (above|below))"
    closing = text.rpartition("*Held by*")[2] + text.partition("In short :class: tip")[2].partition("## Exercises")[0]
    statements = re.split(r":::\{prf:(?:theorem|proposition)\}", text)[1:]
    for statement in statements:
        (label,) = re.findall(r"^.*?:label: ([\w-]+)", statement)
        at_once = re.match(rf".*? ::: \*Held by\*{held}", statement)
        assert at_once or re.search(rf"\{{prf:ref\}}`{label}`[^|]*\|{held}", closing), statement[:80]
    for name in re.findall(r"`((?:book|tests|tools|dendnet|plans|benchmarks)/[\w./*]+)`", text):
        assert list(ROOT.glob(name)), name


@every_chapter
def test_words_lead_to_the_glossary_where_they_first_come(path):
    """Each word is linked once, and before the exercises; the build itself refuses a word that the glossary lacks."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown").partition("\n## Exercises")[0]
    linked = [re.sub(r".*<(.*)>", r"\1", " ".join(each.split())) for each in re.findall(r"\{term\}`([^`]*)`", text)]
    assert len(linked) >= 3 and len(linked) == len(set(linked))
