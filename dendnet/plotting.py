"""The book's figures: one style, safe for colour blindness, print and dark mode.

It is the one module of dendnet that imports matplotlib, and ``import dendnet`` does not import it:

    from dendnet import plotting

Colours are Okabe and Ito's. No two things are told apart by colour alone: each has its dash and its marker as well.
Figures are opaque, on white, so that a dark page shows them as a card with the same contrast.
"""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import rcParams

WIDTH = 7.5  # inches, the book's column
GREY = "#595959"  # lines that carry no data: axes through zero, bounds, theory
LOOKS: dict[str, dict[str, Any]] = {
    "dac": {"color": "#D55E00", "linestyle": "-", "marker": "s"},
    "standard": {"color": "#0072B2", "linestyle": "--", "marker": "o"},
    "wider": {"color": "#009E73", "linestyle": "-.", "marker": "^"},  # standard with the DAC network's parameters
    "fourth": {"color": "#CC79A7", "linestyle": ":", "marker": "D"},
    "fifth": {"color": "#E69F00", "linestyle": (0, (5, 1, 1, 1, 1, 1)), "marker": "v"},
}
COLOURS = {name: look["color"] for name, look in LOOKS.items()}


def style():
    """Set matplotlib's defaults to the book's: call it in a chapter's first cell."""
    rcParams.update(
        {
            "figure.dpi": 150,
            "figure.figsize": (WIDTH, 3.2),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "font.size": 10,
            "axes.titlesize": 11,
            "axes.labelsize": 10,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
            "lines.markersize": 5,
            "axes.grid": False,
            "grid.alpha": 0.3,
            "axes.prop_cycle": plt.cycler(
                color=list(COLOURS.values()), linestyle=[look["linestyle"] for look in LOOKS.values()]
            ),
            "image.cmap": "cividis",
            "svg.hashsalt": "dendnet",  # the same figure gives the same file
        }
    )


def panels(columns=1, rows=1, height=3.2, **options):
    """A figure of the book's width with ``rows`` times ``columns`` axes, and these: ``plt.subplots`` in one size.

    Args:
        columns: Panels side by side.
        rows: Panels one above the other.
        height: Height of the whole figure in inches.
        **options: What ``plt.subplots`` takes, such as ``sharey=True`` or ``subplot_kw={"projection": "3d"}``.
    """
    return plt.subplots(rows, columns, figsize=(WIDTH, height), layout="constrained", **options)


def look(name, marker=False):
    """How one thing is drawn in every figure: arguments for ``axis.plot``.

    Args:
        name: ``"dac"``, ``"standard"``, ``"wider"`` (a standard network with as many parameters as the DAC one),
            ``"fourth"`` or ``"fifth"``.
        marker: Whether points carry their marker.

    Raises:
        ValueError: There is no such name.

    Example:
        >>> from dendnet import plotting
        >>> plotting.look("dac")
        {'color': '#D55E00', 'linestyle': '-'}
    """
    if name not in LOOKS:
        raise ValueError(f"name must be one of {tuple(LOOKS)}. Received: name={name!r}")
    return {key: value for key, value in LOOKS[name].items() if marker or key != "marker"}


def band(axis, x, low, high, name):
    """Shade what lies between two curves, an interval or a spread, in the colour of ``name``."""
    axis.fill_between(x, low, high, color=look(name)["color"], alpha=0.2, linewidth=0)


def broken_line(axis, x, y, name, **options):
    """A piecewise linear function of one variable: its pieces as a line, its knots as points.

    Args:
        axis: Where to draw.
        x: Knots in ascending order, with both ends.
        y: The function there.
        name: As in :func:`look`.
        **options: What ``axis.plot`` takes, such as ``label="DAC"``.
    """
    x, y = np.asarray(x), np.asarray(y)
    axis.plot(x, y, **look(name, marker=True), markevery=slice(1, len(x) - 1), **options)
