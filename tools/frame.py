"""Sphinx extension for the frame of every page: drawings in the page's colours, code that breaks between words, the
mathematics of docstrings, a link to report an error, and the link to the printed book where there is one.
"""

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import stamp

PICTURE = re.compile(
    r'(?:<a class="reference internal image-reference" [^>]*>)?<img (?=[^>]*src="[^"]*/([\w-]+\.svg)")[^>]*>(?:</a>)?'
)
LITERAL = re.compile(r'(<td\b(?:(?!</td>).)*</td>)|<span class="pre">(.*?)</span>', re.DOTALL)
PRINTED = re.compile(r'(<p class="printed")( hidden="hidden")?')
SAID = re.compile(r"(``.*?``|:[\w:]+:`[^`]*`|^\s*:[^:]*:)")
MATHS = re.compile(r"(?<![^\s(\[])(?:([a-z])_([ij]{1,2}s?)|([A-Z]) ([=<>]) (\d+)|([NSmn]))(?=[,.;:)\]]*(?:\s|$))")
LONG = 30  # letters of code from which on it may break at an underscore
IN_TABLES = 24  # letters of code from which on it may break in a table, too


def inline_drawings(app, pagename, templatename, context, doctree):
    """Put drawings into the page, so that its style sheet gives them their colours by day and by night."""
    folder = Path(app.srcdir) / "book" / "figures"

    def drawn(match):
        path = folder / match[1]
        if not path.exists():
            return match[0]
        alt = re.search(r'alt="([^"]*)"', match[0])[1]
        svg = re.sub(r"\s*\n\s*", "", path.read_text()).replace("<svg ", '<svg aria-hidden="true" ', 1)
        return f'<div class="drawn" role="img" aria-label="{alt}">{svg}</div>'

    context["body"] = PICTURE.sub(drawn, context.get("body", ""))


def breaking(code, least=0):
    """Code with places to break: behind a dot, a slash, a bracket, in long names an underscore, never inside a word."""
    if len(unescape(code)) < least:
        return code
    places = "._/=(,[" if len(unescape(code)) > LONG else "./=(,["
    return re.sub(rf"(?<=\w)([{re.escape(places)}]+)(?=\w)", r"\1<wbr>", code)


def break_code(app, pagename, templatename, context, doctree):
    """Let code in the text break where a reader would break it."""

    def broken(match):
        if match[1]:
            inside = re.compile(r'(?<=<span class="pre">).*?(?=</span>)')
            return inside.sub(lambda found: breaking(found[0], IN_TABLES), match[1])
        return f'<span class="pre">{breaking(match[2])}</span>'

    context["body"] = LITERAL.sub(broken, context.get("body", ""))


def set_maths(app, what, name, obj, options, lines):
    """Set x_i, b_ij, S = 1, N and the like as mathematics: a docstring is read in a terminal, too."""

    def formula(match):
        letter, index, left, sign, right, alone = match.groups()
        return f":math:`{alone or (f'{letter}_{{{index}}}' if letter else f'{left} {sign} {right}')}`"

    rules = [number for number, line in enumerate(lines) if line.lstrip().startswith("===")]  # of a table
    for number, line in enumerate(lines):
        in_table = rules and rules[0] <= number <= rules[-1]
        if not in_table and not line.lstrip().startswith((">>>", "..")) and "\\" not in line:
            parts = SAID.split(line)
            parts[::2] = [MATHS.sub(formula, part) for part in parts[::2]]
            lines[number] = "".join(parts)


def report_link(pagename):
    """A link that opens an issue about this page."""
    address = f"{stamp.address()}/issues/new?title={quote(f'Error on {pagename}', safe='')}"
    return f'<a href="{address}">Report an error on this page</a>'


def add_report(app, pagename, templatename, context, doctree):
    """End each page with the link to report an error."""
    if doctree is not None:
        context["body"] += f'<p class="report">{report_link(pagename)}</p>\n'


def link_pdf(page, there):
    """Show the link to the printed book on a page, or hide it."""
    text = page.read_text()
    page.write_text(PRINTED.sub(r"\1" if there else r'\1 hidden="hidden"', text))


def finish(app, error):
    """Put the link to report an error below each page's contents; a book that was built anew is not printed yet."""
    if error or app.builder.format != "html":
        return
    for page in (Path(app.outdir) / "book").rglob("*.html"):
        text = page.read_text()
        name = page.relative_to(app.outdir).with_suffix("").as_posix()
        start = text.find('<nav id="pst-page-toc-nav"')
        if start >= 0 and 'class="report beside"' not in text:
            end = text.index("</nav>", start) + len("</nav>")
            page.write_text(text[:end] + f'<p class="report beside">{report_link(name)}</p>' + text[end:])
    link_pdf(Path(app.outdir) / "book" / "intro.html", there=False)


def setup(app):
    """Connect to the pages, after the pictures have got their sizes."""
    for each in (inline_drawings, break_code, add_report):
        app.connect("html-page-context", each, priority=700)
    app.connect("autodoc-process-docstring", set_maths, priority=900)  # after napoleon
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True}
