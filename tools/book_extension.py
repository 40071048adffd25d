"""Sphinx extension with what the book mends: layers' signatures, scripts that it does not use, and what a page tells.

A page tells search engines and cards what it is about, by its first paragraph, and browsers the sizes of its pictures,
so that nothing moves while they load.
"""

import inspect
import re
import struct
import sys
from html import escape
from pathlib import Path

from docutils import nodes

sys.path.insert(0, str(Path(__file__).parent))

import stamp


def layer_signature(app, what, name, obj, options, signature, return_annotation):
    """Show the arguments of a layer's __init__, which Keras hides behind (*args, **kwargs)."""
    if what != "class" or not hasattr(obj, "get_config"):
        return None
    own = inspect.signature(inspect.unwrap(obj.__init__))
    return str(own.replace(parameters=list(own.parameters.values())[1:])), None


def drop_thebe(app, pagename, templatename, context, doctree):
    """Leave out Thebe's scripts: they are added twice, which is an error, and would load code from elsewhere."""
    context["script_files"] = [s for s in context["script_files"] if "thebe" not in script_text(s).lower()]


def script_text(script):
    """Where a script comes from, or what it says."""
    return f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', {}).get('body', '')}"


def site():
    """Where the book stands online: GitHub Pages of the repository."""
    _, owner, name = stamp.address().removeprefix("https://").split("/")
    return f"https://{owner.lower()}.github.io/{name}"


def about(doctree):
    """The first paragraph of a page, in at most 160 characters."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) > 40:
            return text if len(text) <= 160 else text[:157].rsplit(" ", 1)[0] + " ..."
    return ""


def describe(app, pagename, templatename, context, doctree):
    """Add a description and the card that is shown where the page is linked."""
    text = doctree is not None and about(doctree)
    if not text:
        return
    title = re.sub("<[^>]*>", "", context["title"])
    told = {
        "og:title": title,
        "og:description": text,
        "og:type": "article",
        "og:url": f"{site()}/{pagename}.html",
        "og:image": f"{site()}/_static/card.png",
        "og:image:alt": "Two neurons: one filter for all, and one filter for each connection",
    }
    tags = [f'<meta name="description" content="{escape(text)}">']
    tags += ['<meta name="twitter:card" content="summary_large_image">']
    tags += [f'<meta property="{name}" content="{escape(value)}">' for name, value in told.items()]
    context["metatags"] = context.get("metatags", "") + "\n".join(tags)


def picture_size(path):
    """Width and height of a PNG or SVG in pixels, or None."""
    if path.suffix == ".png":
        return struct.unpack(">II", path.read_bytes()[16:24])
    if path.suffix == ".svg":
        return re.search(r'<svg[^>]*? width="(\d+)[^>]*? height="(\d+)', path.read_text()).groups()
    return None


def size_pictures(app, pagename, templatename, context, doctree):
    """Write each picture's size into the page: the browser keeps its place free."""
    if doctree is None:
        return
    known = {Path(new).name: Path(app.srcdir) / old for old, (_, new) in app.env.images.items()}

    def sized(match):
        path = known.get(Path(match[1]).name)
        size = path and path.exists() and picture_size(path)
        return f'<img width="{size[0]}" height="{size[1]}" {match[0][5:]}' if size else match[0]

    context["body"] = re.sub(r'<img (?![^>]*\bwidth=)[^>]*?src="([^"]*)"', sized, context["body"])


# What the theme and docutils write, and what screen readers need: a sidebar that is a landmark, a name for the arrow
# that unfolds a part of it, a role that is no longer deprecated.
ROLES = {
    '<div id="pst-primary-sidebar" class': '<div id="pst-primary-sidebar" role="navigation" aria-label="Book" class',
    '<summary><span class="toctree-toggle"': '<summary aria-label="Pages of this part"><span class="toctree-toggle"',
    'role="doc-biblioentry"': 'role="listitem"',
}
# Sphinx writes the parameters of a long signature as a list of definitions that lacks what they define.
SIGNATURES = re.compile(r'<dl>\n(?:<dd><em class="sig-param">.*</dd>\n)+</dl>')
# It draws by half a megabyte of script the icons that the theme's style sheet draws by a font.
ICONS = re.compile(r"<(script|link)\b[^>]*scripts/fontawesome\.js[^>]*>(</script>)?")


def as_list(match):
    """The parameters of a signature, as a list of items."""
    return match[0].replace("<dl>", '<ul class="signature">').replace("dd>", "li>").replace("</dl>", "</ul>")


def mend_pages(app, error):
    """Write into each page the roles that the theme leaves out, and take out the script that repeats its icons."""
    for page in [] if error else Path(app.outdir).rglob("*.html"):
        text = page.read_text()
        mended = ICONS.sub("", text)
        for old, new in ROLES.items():
            mended = mended.replace(old, new)
        mended = SIGNATURES.sub(as_list, mended)
        if mended != text:
            page.write_text(mended)


def setup(app):
    """Connect to autodoc, and to the pages after every other extension has added its scripts."""
    app.connect("autodoc-process-signature", layer_signature)
    app.connect("html-page-context", drop_thebe, priority=999)
    app.connect("html-page-context", describe)
    app.connect("html-page-context", size_pictures)
    app.connect("build-finished", mend_pages)
    return {"parallel_read_safe": True}
