"""The book's figures: one look by day and by night, on a phone and in print, safe for colour blindness.

It is the one module of dendnet that imports matplotlib, and ``import dendnet`` does not import it:

    from dendnet import plotting

Orange, blue and green mean one thing each: the dendrite-activated network, the standard one, and a standard one with as
many parameters. Whatever else a figure shows has a colour without a meaning. Nothing is told apart by colour alone: in
either palette each thing has its dash and its marker as well.

:func:`picture` puts a figure into a page: as SVG, in the page's own colours.
"""

import html
import io
import itertools
from typing import Any

import keras
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import rcParams
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.ticker import LogFormatterSciNotation

from dendnet import svg

WIDTH = 6.875  # inches, the book's column
NARROW = 3.35  # inches, a phone's
GREY = "#595959"  # lines that carry no data: axes through zero, bounds, theory
LOOKS: dict[str, dict[str, Any]] = {
    "dac": {"color": "#D55E00", "linestyle": "-", "marker": "s"},
    "standard": {"color": "#0072B2", "linestyle": "--", "marker": "o"},
    "wider": {"color": "#009E73", "linestyle": "-.", "marker": "^"},  # standard with the DAC network's parameters
    # What is neither of the three.
    "plum": {"color": "#882255", "linestyle": "-", "marker": "D"},
    "gold": {"color": "#997700", "linestyle": (0, (5, 1.5)), "marker": "v"},
    "rose": {"color": "#CC6699", "linestyle": (0, (1, 1)), "marker": "p"},
    "ink": {"color": "#000000", "linestyle": (0, (5, 1, 1, 1, 1, 1)), "marker": "X"},
}
COLOURS = {name: look["color"] for name, look in LOOKS.items()}
NEUTRAL = ("plum", "gold", "rose", "ink")
# What the book's style sheet calls these colours; where there is none, as on Colab, the colour is what it says here.
ON_PAGE = {
    **{colour.lower(): f"var(--{name}, {colour.lower()})" for name, colour in COLOURS.items() if name != "ink"},
    GREY: f"var(--grey, {GREY})",
    "#ffffff": "var(--paper, #ffffff)",
    "#000000": "currentColor",
}


def style():
    """Set matplotlib's defaults to the book's: call it in a chapter's first cell.

    Reference:
        The chapter "Where it bends" of the book, section "One unit".
    """
    rcParams.update(
        {
            "figure.dpi": 96,
            "figure.figsize": (WIDTH, 3.2),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "none",
            "savefig.facecolor": "none",
            "axes.facecolor": "none",
            "font.size": 9.5,
            "axes.titlesize": 9.5,
            "axes.labelsize": 9.5,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
            "lines.markersize": 5,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "grid.alpha": 0.3,
            "axes.prop_cycle": plt.cycler(
                color=[COLOURS[name] for name in NEUTRAL], linestyle=[LOOKS[name]["linestyle"] for name in NEUTRAL]
            ),
            "image.cmap": "cividis",
            "svg.fonttype": "none",  # text is text
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
        The chapter "Where it bends" of the book, section "One unit".
    """
    return plt.subplots(rows, columns, figsize=(WIDTH, height), layout="constrained", **options)


def picture(figure, alt):
    """A figure for a page, as SVG in the page's colours and font: what a cell ends with.

    It is drawn twice, for the column of a wide page and for a phone's, on which the panels stand one below another; the
    page shows the one that fits. The figure is closed.

    Args:
        figure: A figure of matplotlib's, such as :func:`panels` makes.
        alt: What the figure shows, in words, for those who do not see it.

    Raises:
        ValueError: ``alt`` says less than twenty letters; or a text of the figure is a formula, or too small to read.

    Reference:
        The chapter "Where it bends" of the book, section "One unit".
    """
    if not isinstance(alt, str) or len(alt.strip()) < 20:
        raise ValueError(f"alt must say in words what the figure shows, in 20 letters or more. Received: alt={alt!r}")
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if isinstance(axis.get_major_formatter(), LogFormatterSciNotation):
                axis.set_major_formatter(_Powers())
                axis.set_minor_formatter(_Powers(minor_thresholds=(1.5, 0.4)))
    wide = _drawn(figure)
    _stacked(figure)
    narrow = _drawn(figure)
    plt.close(figure)
    return Picture(wide, narrow, alt)


class Picture:
    """What :func:`picture` gives; notebooks and the book show it.

    Attributes:
        wide, narrow: The two drawings, ``<svg>`` elements.
        alt: What they show, in words.

    Reference:
        The chapter "Where it bends" of the book, section "One unit".
    """

    def __init__(self, wide, narrow, alt):
        self.wide, self.narrow, self.alt = wide, narrow, alt

    def __repr__(self):
        return f"Picture: {self.alt}"

    def _repr_html_(self):
        # Without the book's styles the wide drawing shows alone.
        drawings = f'<div class="wide">{self.wide}</div><div class="narrow" style="display: none">{self.narrow}</div>'
        return f'<div class="picture" role="img" aria-label="{html.escape(self.alt)}">{drawings}</div>'


def look(name, marker=False):
    """How one thing is drawn in every figure: arguments for ``axis.plot``.

    Args:
        name: ``"dac"``, ``"standard"``, ``"wider"`` (a standard network with as many parameters as the DAC one); and
            for what is neither ``"plum"``, ``"gold"``, ``"rose"`` or ``"ink"``.
        marker: Whether points carry their marker.

    Raises:
        ValueError: There is no such name.

    Example:
        >>> from dendnet import plotting
        >>> plotting.look("dac")
        {'color': '#D55E00', 'linestyle': '-'}

    Reference:
        The chapter "Where it bends" of the book, section "One unit".
    """
    if name not in LOOKS:
        raise ValueError(f"name must be one of {tuple(LOOKS)}. Received: name={name!r}")
    return {key: value for key, value in LOOKS[name].items() if marker or key != "marker"}


def band(axis, x, low, high, name):
    """Shade what lies between two curves, an interval or a spread, in the colour of ``name``.

    Reference:
        The chapter "Where it bends" of the book, section "What training does".
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
        The chapter "Where it bends" of the book, section "On a segment".
    """
    x, y = np.asarray(x), np.asarray(y)
    axis.plot(x, y, **look(name, marker=True), markevery=slice(1, len(x) - 1), **options)


def regions(axis, regions, name="dac"):
    """The cells of a :class:`~dendnet.geometry.Regions`, shaded apart, and where the network bends.

    Linear regions have one shade each. Edges at which only the pattern changes are thin and grey; those at which the
    network bends have the colour of ``name``. Nothing is sampled; more than 500 cells are drawn as an image within the
    page's text and axes, since as shapes they would be megabytes.

    Args:
        axis: Where to draw.
        regions: What :func:`~dendnet.geometry.linear_regions` gives.
        name: As in :func:`look`; None draws the cells alone.

    Reference:
        The chapter "Where it bends" of the book, section "One unit".
    """
    shades = np.random.default_rng(0).permutation(regions.count)[regions.linear] / max(regions.count, 2)
    colours = [(*to_rgb(GREY), 0.05 + 0.3 * shade) for shade in shades]
    many = len(regions) > 500
    cells = PolyCollection(_polygons(regions), facecolors=colours, linewidths=0, rasterized=many)
    axis.add_collection(cells)
    axis.set(xlim=regions.box[0], ylim=regions.box[1], aspect="equal")
    if name is None:
        return
    ends = regions.vertices[regions.edges]
    thickness = 0.5 if many else 1.0
    silent = {"colors": GREY, "linewidths": thickness / 2, "alpha": 0.6}
    bending = {"colors": look(name)["color"], "linewidths": thickness}
    for bends, drawn in ((~regions.bends, silent), (regions.bends, bending)):
        axis.add_collection(LineCollection(ends[bends], rasterized=many, **drawn))


def level_lines(axis, regions, levels, output=0, **options):
    """Level lines of one output, exact: they are straight on each cell.

    Args:
        axis: Where to draw.
        regions: What :func:`~dendnet.geometry.linear_regions` gives.
        levels: The values, ascending.
        output: Which output.
        **options: What ``axis.tricontour`` takes, such as ``colors="black"``.

    Reference:
        The chapter "Where it bends" of the book, section "One unit".
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
        The chapter "Where it bends" of the book, section "One unit".
    """
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    points = np.column_stack([regions.vertices, _heights(regions, output)])
    faces = np.split(points[regions.corners], regions.starts[1:])
    heights = np.array([face[:, 2].mean() for face in faces])
    shades = (heights - heights.min()) / max(np.ptp(heights), 1e-9)
    colours = plt.get_cmap()(0.15 + 0.75 * shades)
    axis.add_collection3d(Poly3DCollection(faces, facecolors=colours, edgecolors="black", linewidths=0.6))
    axis.set(xlim=regions.box[0], ylim=regions.box[1], zlim=(points[:, 2].min(), points[:, 2].max() + 1e-9))
    for each in (axis.xaxis, axis.yaxis, axis.zaxis):
        each.set_pane_color((1, 1, 1, 0))


def connections(axis, counts):
    """For each layer the shares of its connections that work, are silent on the data, and have weight zero, as a bar.

    Args:
        axis: Where to draw.
        counts: What :func:`dendnet.inspect.connections` gives.

    Reference:
        The chapter "One bias per connection" of the book, equation :eq:`dac`, whose connections these are.
    """
    names = [f"{layer.name} ({layer.total:,})" for layer in counts]
    zero = np.array([layer.zero / layer.total for layer in counts])
    idle = np.array([layer.idle / layer.total for layer in counts])
    parts = {
        "works": (1 - idle, "dac", ""),
        "silent": (idle - zero, NEUTRAL[0], "//"),
        "zero": (zero, NEUTRAL[1], ".."),
    }
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
        The chapter "Where it bends" of the book, section "One layer".
    """
    bias = np.broadcast_to(np.reshape(keras.ops.convert_to_numpy(layer.bias), (2, -1)), (2, layer.units))
    for (x, y), name in zip(-bias.T, itertools.cycle(NEUTRAL), strict=False):
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


class _Powers(LogFormatterSciNotation):
    """Powers as letters, 10⁻², where matplotlib writes a formula."""

    def __call__(self, x, pos=None):
        text = super().__call__(x, pos).removeprefix(r"$\mathdefault{").removesuffix("}$").replace(r"\times", "×")
        base, _, power = text.partition("^{")
        return base + power.removesuffix("}").translate(str.maketrans("-−0123456789", "⁻⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _drawn(figure):
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None}, facecolor="none", dpi=192)  # of images within
    return svg.inline(file.getvalue(), ON_PAGE)


def _stacked(figure):
    """Lay a figure out for a phone: its panels one below another, column by column, each as high as before."""
    specs = {axes: axes.get_subplotspec() for axes in figure.axes if axes.get_subplotspec()}
    places = {axes: (spec.colspan.start, spec.rowspan.start) for axes, spec in specs.items()}
    order = sorted(set(places.values()))
    rows = 1 + max((row for _, row in order), default=0)
    grid = figure.add_gridspec(max(len(order), 1), 1)
    for axes, place in places.items():
        axes.set_subplotspec(grid[order.index(place), 0])
        _labelled(axes)
    figure.set_size_inches(NARROW, figure.get_figheight() / rows * max(len(order), 1))


def _labelled(axes):
    """Write the labels of a scale that panels side by side share on each of them."""
    for name in ("x", "y"):
        sharing = getattr(axes, f"get_shared_{name}_axes")().get_siblings(axes)
        labels = [label for each in sharing if (label := getattr(each, f"get_{name}label")())]
        if len(sharing) > 1:
            axes.tick_params(which="both", **{"labelbottom" if name == "x" else "labelleft": True})
        if labels and not getattr(axes, f"get_{name}label")():
            getattr(axes, f"set_{name}label")(labels[0])
