"""Drawings for a page: colours, names and letters, and what is refused."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from dendnet.svg import inline

FILE = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 90 60" width="90pt">
 <metadata>made by</metadata><defs><style>*{stroke-linejoin: round}</style><clipPath id="p1"><rect/></clipPath></defs>
 <defs><path id="dot" d="M 0.123456 1.98765"/></defs>
 <g id="axes_1"><path d="M 1.23456 -2.00001" clip-path="url(#p1)" style="fill: none; stroke: #d55e00"/>
 <use xlink:href="#dot" x="0.98765" style="stroke: #123456"/>
 %s
 </g></svg>"""
TEXT = '<text style="font: italic 9.5px \'DejaVu Sans\', sans-serif; text-anchor: middle" x="1.23456">error</text>'


def test_colours_are_the_pages_where_it_has_a_name_for_them():
    drawing = inline(FILE % TEXT, {"#d55e00": "var(--dac)"})
    assert "stroke: var(--dac)" in drawing and "stroke: #123456" in drawing


def test_text_is_text_in_the_pages_font():
    assert 'style="font-style: italic; font-size: 9.5px; text-anchor: middle" x="1.23">error</text>' in inline(
        FILE % TEXT, {}
    )


def test_numbers_are_short_and_nothing_else_is_kept():
    drawing = inline(FILE % TEXT, {})
    assert 'd="M 1.23 -2"' in drawing and 'viewBox="0 0 90 60" width="120" height="80"' in drawing
    for gone in ("metadata", "<style", "axes_1", "\n"):
        assert gone not in drawing


def test_two_drawings_of_a_page_do_not_share_names():
    one, other = inline(FILE % TEXT, {}), inline(FILE % TEXT.replace("error", "loss"), {})
    names = [set(re.findall(r'\bid="([^"]+)"', drawing)) for drawing in (one, other)]
    assert len(names[0]) == 2 and not names[0] & names[1]
    for drawing, own in zip((one, other), names, strict=True):
        assert set(re.findall(r"(?:url\(|href=\")#([^\")]+)", drawing)) == own


@pytest.mark.parametrize(
    "text, message",
    [
        (TEXT.replace("9.5px", "8px"), "11 CSS pixels.*Received: 'error', 8 points"),
        ("<text><tspan>10</tspan><tspan>2</tspan></text>", "not a formula. Received: '102'"),
    ],
)
def test_letters_that_cannot_be_read_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        inline(FILE % text, {})


def test_an_image_within_keeps_its_look_in_fewer_colours():
    """Shades of one colour on a transparent ground, as lines leave them where they meet."""
    rng = np.random.default_rng(0)
    shades = np.zeros((200, 200, 4), "uint8")
    shades[..., 0], shades[..., 3] = rng.integers(150, 256, (200, 200)), rng.integers(0, 256, (200, 200))
    file = io.BytesIO()
    Image.fromarray(shades).save(file, "PNG")
    png = base64.b64encode(file.getvalue()).decode()
    drawing = inline(FILE % f'<image xlink:href="data:image/png;base64,{png}"/>', {})
    assert '<image href="data:' in drawing and ":href" not in drawing, "HTML knows no other name for it"
    (kept,) = re.findall('base64,([^"]*)"', drawing)
    found = np.asarray(Image.open(io.BytesIO(base64.b64decode(kept))).convert("RGBA"))
    assert len(kept) < len(png) / 2
    seen, before = (a[..., :3] * (a[..., 3:] / 255.0) for a in (found, shades))
    assert 0 < np.abs(seen - before).mean() < 5
