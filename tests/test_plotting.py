"""The book's style: one look for each name, told apart without colour, and refused where unknown."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from chains import chain, dac

from dendnet.geometry import linear_regions
from dendnet.inspect import Connections

pytest.importorskip("matplotlib")

from dendnet import plotting


@pytest.fixture(autouse=True)
def canvas():
    """A backend without a window, and nothing left open or set after a test."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    with plt.rc_context():
        yield plt
        plt.close("all")


def luminance(colour):
    from matplotlib.colors import to_rgb

    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_style_is_set_only_when_called(canvas):
    before = canvas.rcParams["figure.dpi"]
    plotting.style()
    assert canvas.rcParams["figure.dpi"] == 96 != before


MEANING = [name for name in plotting.LOOKS if name not in plotting.NEUTRAL]


@pytest.mark.parametrize("names", [MEANING, plotting.NEUTRAL], ids=["meaning", "neutral"])
def test_looks_differ_in_colour_dash_and_marker(names):
    for part in ("color", "linestyle", "marker"):
        assert len({str(plotting.LOOKS[name][part]) for name in names}) == len(names)


# What a colour looks like without one kind of cones, in linear RGB: G. M. Machado, M. M. Oliveira, L. A. F. Fernandes,
# A physiologically-based model for simulation of color vision deficiency, IEEE TVCG 15(6), 2009, at full severity.
SEEN = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
}
# From linear sRGB to XYZ over that of white (IEC 61966-2-1).
XYZ = np.array([[0.4339, 0.3763, 0.1898], [0.2127, 0.7152, 0.0722], [0.0178, 0.1095, 0.8729]])


def lab(colour, eyes):
    """The colour in CIELAB, where a distance of about 2 is just seen."""
    from matplotlib.colors import to_rgb

    levels = np.array(to_rgb(colour))
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    x, y, z = np.cbrt(XYZ @ np.clip(SEEN[eyes] @ linear, 1e-3, 1))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def nearest(colours, eyes):
    return min(np.linalg.norm(lab(a, eyes) - lab(b, eyes)) for a, b in combinations(colours, 2))


def on_page(theme):
    """The style sheet's colours by day or by night; ink is the theme's."""
    sheet = (Path(__file__).parents[1] / "book" / "static" / "book.css").read_text()
    head = {"day": r"\nhtml \{", "night": r"\nhtml\[data-theme=\"dark\"\] \{"}[theme]
    block = re.search(head + r"(\s+--dac.*?)\}", sheet, re.S)[1]
    return {"ink": {"day": "#222832", "night": "#ced6dd"}[theme]} | dict(re.findall(r"--(\w+): (#\w{6})", block))


@pytest.mark.parametrize("eyes", SEEN)
@pytest.mark.parametrize("names", [MEANING, plotting.NEUTRAL], ids=["meaning", "neutral"])
@pytest.mark.parametrize("theme", ["day", "night", "elsewhere"])
def test_colours_differ_for_colour_blind_readers(theme, names, eyes):
    colours = plotting.COLOURS if theme == "elsewhere" else on_page(theme)
    assert nearest([colours[name] for name in names], eyes) > 12


def test_red_and_grey_are_alike_without_green_cones():
    pair = [plotting.COLOURS["plum"], plotting.GREY]
    assert nearest(pair, "deuteranopia") < 5 and nearest(pair, "all cones") > 30


def test_no_colour_stands_in_both_palettes():
    assert len(set(plotting.COLOURS.values())) == len(plotting.LOOKS)


def test_colours_are_read_on_white():
    """At least 3 to 1, what WCAG 2 asks of graphics."""
    for colour in plotting.COLOURS.values():
        assert 1.05 / (luminance(colour) + 0.05) > 3


def test_panels_have_the_books_width():
    figure, axes = plotting.panels(3, height=2.5)
    assert figure.get_size_inches().tolist() == [6.875, 2.5] and len(axes) == 3


def test_a_broken_line_marks_its_inner_knots():
    _, axis = plotting.panels()
    plotting.broken_line(axis, [0, 1, 3, 4], [0, 2, 2, 5], "dac", label="DAC")
    (line,) = axis.lines
    assert line.get_markevery() == slice(1, 3) and line.get_color() == plotting.COLOURS["dac"]


def test_a_band_has_its_curves_colour():
    _, axis = plotting.panels()
    plotting.band(axis, [0, 1], [0, 1], [1, 2], "standard")
    assert len(axis.collections) == 1


@pytest.fixture
def bump():
    """relu(x) + 2 relu(y - 1/2), and a second output that bends nowhere."""
    return linear_regions(chain(dac([[1, 0], [2, 0]], [[0, 0], [-0.5, -0.5]])))


def test_regions_are_drawn_with_their_bends(bump):
    _, axis = plotting.panels()
    plotting.regions(axis, bump)
    cells, silent, bending = axis.collections
    assert len(cells.get_paths()) == 4 and len(silent.get_paths()) + len(bending.get_paths()) == 4
    assert axis.get_xlim() == (-1, 1)


def test_level_lines_are_exact(bump):
    """relu(x) + 2 relu(y - 1/2) = 1/2 where x = 1/2 below, and on the way from there to (0, 3/4)."""
    _, axis = plotting.panels()
    lines = plotting.level_lines(axis, bump, [0.5])
    x, y = np.concatenate(lines.allsegs[0]).T
    np.testing.assert_allclose(np.maximum(x, 0) + 2 * np.maximum(y - 0.5, 0), 0.5)
    assert [0.5, 0.5] in np.column_stack([x, y]).tolist()


def test_a_surface_has_a_face_for_each_cell(bump):
    _, axis = plotting.panels(subplot_kw={"projection": "3d"})
    plotting.surface(axis, bump)
    assert len(axis.collections) == 1 and axis.get_zlim()[1] > 1.9


@pytest.mark.parametrize("sharing, bias", [("none", [[1, 2, 3], [4, 5, 6]]), ("outputs", [1, 4])])
def test_each_unit_has_its_corner(sharing, bias):
    _, axis = plotting.panels()
    plotting.corners(axis, dac(np.ones((2, 3)), bias, bias_sharing=sharing))
    dots = [line.get_xydata()[0].tolist() for line in axis.lines[2::3]]
    assert dots == ([[-1, -4], [-2, -5], [-3, -6]] if sharing == "none" else [[-1, -4]] * 3)


def test_connections_are_bars_of_shares():
    """Of 10 connections 3 are zero and 5 idle: 5 work, 2 are silent alone."""
    _, axis = plotting.panels()
    plotting.connections(axis, [Connections("first", 10, 4, 3, 5, 1), Connections("last", 4, 0, 0, 0, 0)])
    widths = [[bar.get_width() for bar in container] for container in axis.containers]
    np.testing.assert_allclose(widths, [[0.5, 1], [0.2, 0], [0.3, 0]])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["first (10)", "last (4)"]


ALT = "a line that climbs from 0 to 1"


def two_panels():
    figure, axes = plotting.panels(2, height=2.5, sharey=True)
    for axis, name in zip(axes, ("dac", "standard"), strict=True):
        axis.plot([1, 100], [0.01, 1], **plotting.look(name))
        axis.set(xscale="log", title=name)
    axes[0].set(ylabel="error")
    return figure


def test_a_picture_is_two_drawings_in_the_pages_colours(canvas):
    plotting.style()
    shown = plotting.picture(two_panels(), ALT)
    for drawing in (shown.wide, shown.narrow):
        assert "var(--dac, #d55e00)" in drawing and "var(--standard, #0072b2)" in drawing
        assert "font-family" not in drawing and "#ffffff" not in drawing.replace("var(--paper, #ffffff)", "")
        assert "10²" in drawing, "powers are letters"
    assert not canvas.get_fignums(), "the figure is closed"


def test_panels_stack_on_a_phone_and_keep_their_labels():
    plotting.style()
    shown = plotting.picture(two_panels(), ALT)
    size = [[int(n) for n in re.findall(r' (?:width|height)="(\d+)"', s)[:2]] for s in (shown.wide, shown.narrow)]
    assert size == [[660, 240], [322, 480]]
    assert [each.count(">error<") for each in (shown.wide, shown.narrow)] == [1, 2]


def test_a_picture_says_what_it_shows():
    plotting.style()
    shown = plotting.picture(two_panels(), 'a "line" that climbs')
    assert repr(shown) == 'Picture: a "line" that climbs'
    assert 'role="img" aria-label="a &quot;line&quot; that climbs"' in shown._repr_html_()
    for alt in ("", "a figure", None):
        with pytest.raises(ValueError, match=r"Received: alt="):
            plotting.picture(two_panels(), alt)


def test_the_same_figure_gives_the_same_picture():
    plotting.style()
    one, other = (plotting.picture(two_panels(), ALT)._repr_html_() for _ in range(2))
    assert one == other


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"Received: name='DAC'"):
        plotting.look("DAC")
