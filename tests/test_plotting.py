"""The book's style: one look for each name, told apart without colour, and refused where unknown."""

import pytest

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
    assert canvas.rcParams["figure.dpi"] == 150 != before


def test_looks_differ_in_colour_dash_and_marker():
    for part in ("color", "linestyle", "marker"):
        assert len({str(look[part]) for look in plotting.LOOKS.values()}) == len(plotting.LOOKS)


def test_the_main_colours_are_read_on_white():
    """At least 3 to 1, what WCAG 2 asks of graphics."""
    for name in ("dac", "standard", "wider"):
        assert 1.05 / (luminance(plotting.COLOURS[name]) + 0.05) > 3


def test_panels_have_the_books_width():
    figure, axes = plotting.panels(3, height=2.5)
    assert figure.get_size_inches().tolist() == [7.5, 2.5] and len(axes) == 3


def test_a_broken_line_marks_its_inner_knots():
    _, axis = plotting.panels()
    plotting.broken_line(axis, [0, 1, 3, 4], [0, 2, 2, 5], "dac", label="DAC")
    (line,) = axis.lines
    assert line.get_markevery() == slice(1, 3) and line.get_color() == plotting.COLOURS["dac"]


def test_a_band_has_its_curves_colour():
    _, axis = plotting.panels()
    plotting.band(axis, [0, 1], [0, 1], [1, 2], "standard")
    assert len(axis.collections) == 1


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match=r"Received: name='DAC'"):
        plotting.look("DAC")
