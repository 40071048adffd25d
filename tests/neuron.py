"""The neuron of the chapter on biology, from its own cell: tests try it, and a figure that moves has its numbers."""

from pathlib import Path

import nbformat
import numpy as np

CHAPTER = Path(__file__).resolve().parents[1] / "book" / "biology.ipynb"


def simulation():
    """The chapter's function `simulate`."""
    cells = nbformat.read(CHAPTER, as_version=4).cells
    (source,) = [cell.source for cell in cells if cell.cell_type == "code" and "def simulate(" in cell.source]
    found = {"np": np}
    exec(source, found)
    return found["simulate"]
