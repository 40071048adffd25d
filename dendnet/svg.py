"""An SVG file of matplotlib's as part of a page: its colours are the page's, by day and by night, and so is its font.

``dendnet.plotting`` calls it.
"""

import base64
import hashlib
import io
import re
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"
HREF = "{http://www.w3.org/1999/xlink}href"
PNG = "data:image/png;base64,"
PIXEL = 4 / 3  # CSS pixels in a point, the unit of matplotlib's files
LEAST = 8.25  # points, the least size of a letter: 11 CSS pixels
NUMBERS = "d", "x", "y", "points", "transform", "width", "height", "style"
ADDRESS = re.compile(r"^#(\S+)$|url\(#([^)]+)\)")


def inline(text, colours):
    """The ``<svg>`` element of a page for a file that matplotlib wrote with ``svg.fonttype`` set to ``"none"``.

    It has no background, no font and no name of its own, and numbers of two digits.

    Args:
        text: The file.
        colours: What the page calls a colour of the file, by its hexadecimal digits: ``{"#ffffff": "var(--paper)"}``.

    Raises:
        ValueError: A letter is smaller than 11 CSS pixels, or a text is a formula, whose letters are placed one by one
            for a font that the page may lack.
    """
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{SVG}metadata", f"{SVG}style"):
                parent.remove(child)
    own = hashlib.sha256(ElementTree.tostring(root)).hexdigest()[:8]
    pointed = {one or two for node in root.iter() for value in node.attrib.values() for one, two in _addresses(value)}
    for node in root.iter():
        node.tag = node.tag.removeprefix(SVG)
        if node.tag == "text":
            _readable(node)
        if node.get(HREF, "").startswith(PNG):
            node.set("href", PNG + _fewer_colours(node.attrib.pop(HREF).removeprefix(PNG)))
        _renamed(node, pointed, own)
        for name in NUMBERS:
            if name in node.attrib:
                node.set(name, re.sub(r"-?\d+\.\d+(?:e-?\d+)?", _short, node.attrib[name]))
        if node.get("transform", "").startswith("rotate(-0 "):
            del node.attrib["transform"]
        if "style" in node.attrib:
            node.set("style", _dressed(node.attrib["style"], colours))
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    root.attrib = {
        "viewBox": f"0 0 {width:g} {height:g}",
        "width": f"{width * PIXEL:.0f}",
        "height": f"{height * PIXEL:.0f}",
        "aria-hidden": "true",
        "fill": "currentColor",
        "stroke-linejoin": "round",
    }
    return re.sub(r"\s*\n\s*|<defs></defs>|<defs />|<g></g>|<g />", "", ElementTree.tostring(root, encoding="unicode"))


def _addresses(value):
    return ADDRESS.findall(value)


def _readable(node):
    words = "".join(node.itertext()).strip()
    if node.find(f"{SVG}tspan") is not None:
        raise ValueError(f"text must be letters, such as x₁ and 10⁻², not a formula. Received: {words!r}")
    for size in re.findall(r"font(?:-size)?:[^;]*?([\d.]+)px", node.get("style", "")):
        if float(size) < LEAST:
            raise ValueError(
                f"text must have {LEAST} points (11 CSS pixels) or more. Received: {words!r}, {size} points"
            )


def _renamed(node, pointed, own):
    """Keep the names that something points to, and make them this drawing's: a page holds several drawings."""
    if node.get("id") in pointed:
        node.set("id", f"{own}-{node.get('id')}")
    else:
        node.attrib.pop("id", None)
    if node.get(HREF, "").startswith("#"):
        node.set("href", f"#{own}-{node.attrib.pop(HREF)[1:]}")
    for key, value in node.attrib.items():
        node.set(key, value.replace("url(#", f"url(#{own}-"))


def _fewer_colours(png):
    """The image in 256 colours, where that is shorter: of cells and lines a fifth, for shades moved by a hundredth."""
    from PIL import Image  # matplotlib brings it

    image, file = Image.open(io.BytesIO(base64.b64decode(png))), io.BytesIO()
    image.convert("RGBA").quantize(256, Image.Quantize.FASTOCTREE).save(file, "PNG", optimize=True)
    return min(png, base64.b64encode(file.getvalue()).decode(), key=len)


def _short(found):
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")


def _dressed(style, colours):
    """A style in the page's colours and without a font of its own; matplotlib writes the font in one of two ways."""
    style = re.sub(r"font: (?:(italic|oblique) )?(?:(bold|\d{3}) )?([\d.]+px)[^;]*", _font, style)
    style = re.sub(r"font-family:[^;]*(; |$)", "", style).rstrip("; ")
    return re.sub("#[0-9a-f]{6}", lambda found: colours.get(found[0], found[0]), style)


def _font(found):
    slant, weight, size = found.groups()
    parts = slant and f"font-style: {slant}", weight and f"font-weight: {weight}", f"font-size: {size}"
    return "; ".join(part for part in parts if part)
