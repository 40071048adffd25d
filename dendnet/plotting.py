"""The book's figures: one style, safe for colour blindness, print and dark mode.

It is the one module of dendnet that imports matplotlib, and ``import dendnet`` does not import it:

    from dendnet import plotting

Colours are Okabe and Ito's. No two things are told apart by colour alone: each has its dash and its marker as well.
Figures are opaque, on white, so that a dark page shows them as a card with the same contrast.
"""

import itertools
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import rcParams
from matplotlib.collections import LineCollection, PolyCollection

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
    """Set matplotlib's defaults to the book's: call it in a chapter's first cell.

    Reference:
        The chapter "The shape of a unit" of the book, section "One unit".
    """
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

    Reference:
        The chapter "The shape of a unit" of the book, section "One unit".
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

    Reference:
        The chapter "The shape of a unit" of the book, section "One unit".
    """
    if name not in LOOKS:
        raise ValueError(f"name must be one of {tuple(LOOKS)}. Received: name={name!r}")
    return {key: value for key, value in LOOKS[name].items() if marker or key != "marker"}


def band(axis, x, low, high, name):
    """Shade what lies between two curves, an interval or a spread, in the colour of ``name``.

    Reference:
        The chapter "The shape of a unit" of the book, section "What training does".
    """
    axis.fill_between(x, low, high, color=look(name)["color"], alpha=0.2, linewidth=0)


def broken_line(axis, x, y, name, **options):
    """A piecewise linear function of one variable: its pieces as a line, its knots as points.

    Args:
        axis: Where to draw.
        x: Knots in ascending order, with both ends.
        y: The function there.
        name: As in :func:`look`.
        **options: What ``axis.plot`` takes, such as ``label="DAC"``.

    Reference:
        The chapter "The shape of a unit" of the book, section "On a segment".
    """
    x, y = np.asarray(x), np.asarray(y)
    axis.plot(x, y, **look(name, marker=True), markevery=slice(1, len(x) - 1), **options)


def regions(axis, regions, name="dac"):
    """The cells of a :class:`~dendnet.geometry.Regions`, shaded apart, and where the network bends.

    Linear regions have one shade each. Edges at which only the pattern changes are thin and grey; those at which the
    network bends have the colour of ``name``. Nothing is sampled.

    Args:
        axis: Where to draw.
        regions: What :func:`~dendnet.geometry.linear_regions` gives.
        name: As in :func:`look`; None draws the cells alone.

    Reference:
        The chapter "The shape of a unit" of the book, section "One unit".
    """
    shades = np.random.default_rng(0).permutation(regions.count)[regions.linear] / max(regions.count, 2)
    cells = PolyCollection(_polygons(regions), facecolors=plt.get_cmap("Greys")(0.05 + 0.3 * shades), linewidths=0)
    axis.add_collection(cells)
    axis.set(xlim=regions.box[0], ylim=regions.box[1], aspect="equal")
    if name is None:
        return
    ends = regions.vertices[regions.edges]
    thickness = 1.0 if len(regions) < 500 else 0.5
    axis.add_collection(LineCollection(ends[~regions.bends], colors=GREY, linewidths=thickness / 2, alpha=0.6))
    axis.add_collection(LineCollection(ends[regions.bends], colors=look(name)["color"], linewidths=thickness))


def level_lines(axis, regions, levels, output=0, **options):
    """Level lines of one output, exact: they are straight on each cell.

    Args:
        axis: Where to draw.
        regions: What :func:`~dendnet.geometry.linear_regions` gives.
        levels: The values, ascending.
        output: Which output.
        **options: What ``axis.tricontour`` takes, such as ``colors="black"``.

    Reference:
        The chapter "The shape of a unit" of the book, section "One unit".
    """
    fans = [
        regions.starts[regions.sizes > place + 1, None] + [0, place, place + 1]
        for place in range(1, regions.sizes.max() - 1)
    ]
    x, y = regions.vertices.T
    return axis.tricontour(
        x, y, regions.corners[np.concatenate(fans)], _heights(regions, output), levels=levels, **options
    )


def surface(axis, regions, output=0):
    """One output over the plane as a surface of flat pieces, exact; ``axis`` has ``projection="3d"``.

    Reference:
        The chapter "The shape of a unit" of the book, section "One unit".
    """
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    points = np.column_stack([regions.vertices, _heights(regions, output)])
    faces = np.split(points[regions.corners], regions.starts[1:])
    heights = np.array([face[:, 2].mean() for face in faces])
    shades = (heights - heights.min()) / max(np.ptp(heights), 1e-9)
    colours = plt.get_cmap()(0.15 + 0.75 * shades)
    axis.add_collection3d(Poly3DCollection(faces, facecolors=colours, edgecolors="black", linewidths=0.6))
    axis.set(xlim=regions.box[0], ylim=regions.box[1], zlim=(points[:, 2].min(), points[:, 2].max() + 1e-9))


def connections(axis, counts):
    """For each layer the shares of its connections that work, are silent on the data, and have weight zero, as a bar.

    Args:
        axis: Where to draw.
        counts: What :func:`dendnet.inspect.connections` gives.

    Reference:
        The API reference of the book, section "Connections that do nothing".
    """
    names = [f"{layer.name} ({layer.total:,})" for layer in counts]
    zero = np.array([layer.zero / layer.total for layer in counts])
    idle = np.array([layer.idle / layer.total for layer in counts])
    parts = {"works": (1 - idle, "dac", ""), "silent": (idle - zero, "standard", "//"), "zero": (zero, "fifth", "..")}
    left = np.zeros(len(counts))
    for label, (share, name, hatch) in parts.items():
        axis.barh(names, share, left=left, color=COLOURS[name], hatch=hatch, edgecolor="white", label=label)
        left = left + share
    axis.invert_yaxis()
    axis.set(xlim=(0, 1), xlabel="share of the connections")
    axis.legend(ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))


def corners(axis, layer):
    """The bends of each unit of a :class:`~dendnet.layers.DACDense` of 2 inputs and S = 1, which meet in its corner.

    Reference:
        The chapter "The shape of a unit" of the book, section "One layer".
    """
    bias = np.broadcast_to(np.reshape(keras.ops.convert_to_numpy(layer.bias), (2, -1)), (2, layer.units))
    for (x, y), name in zip(-bias.T, itertools.cycle(LOOKS), strict=False):
        line = look(name)
        axis.axvline(x, **line)
        axis.axhline(y, **line)
        axis.plot(x, y, LOOKS[name]["marker"], color=line["color"], ms=7)


def _polygons(regions):
    return np.split(regions.vertices[regions.corners], regions.starts[1:])


def _heights(regions, output):
    """An output at the vertices: at each by the map of one of the cells that meet there."""
    cell = np.zeros(len(regions.vertices), int)
    cell[regions.corners] = np.arange(len(regions)).repeat(regions.sizes)
    slopes, offset = regions.maps[cell, :2, output], regions.maps[cell, 2, output]
    return (slopes * regions.vertices).sum(axis=1) + offset
