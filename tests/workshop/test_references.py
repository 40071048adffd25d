"""Every public name says where the book explains it: a chapter, and its equation, theorem or section."""

import importlib
import inspect
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = (
    "convert",
    "cost",
    "data",
    "exercises",
    "experiments",
    "geometry",
    "inspect",
    "layers",
    "models",
    "ops",
    "optimizers",
    "plotting",
    "tables",
    "theory",
)


def text(chapter):
    cells = nbformat.read(chapter, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


CHAPTERS = {re.match("# (.*)", page)[1]: page for page in map(text, sorted((ROOT / "book").glob("*.ipynb")))}


def public(name):
    """A module's functions and classes: those that it exports, or defines."""
    module = importlib.import_module(f"dendnet.{name}")
    exported = getattr(module, "__all__", None)
    own = exported or [
        key for key, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
    ]
    return [f"{name}.{key}" for key in own if not key.startswith("_") and callable(getattr(module, key))]


def test_public_names_are_found():
    assert {"layers.DACDense", "exercises.check", "plotting.style"} <= {
        each for name in MODULES for each in public(name)
    }


@pytest.mark.parametrize("name", [each for module in MODULES for each in public(module)])
def test_it_names_chapter_and_place(name):
    module, key = name.split(".")
    doc = " ".join(inspect.getdoc(getattr(importlib.import_module(f"dendnet.{module}"), key)).split())
    (reference,) = re.findall(r'Reference: .*?[Tt]he chapter (".*)', doc)
    title, place = re.match(r'"(.*?)" of the book, (.*)', reference).groups()
    if section := re.search('section "(.*?)"', place):
        assert re.search(f"^##+ {re.escape(section[1])}$", CHAPTERS[title], re.MULTILINE)
    else:
        labels = re.findall(r":(eq|prf:ref):`(.*?)`", place)
        assert labels
        for kind, label in labels:
            assert (f"$$ ({label})" if kind == "eq" else f":label: {label}\n") in CHAPTERS[title], label
