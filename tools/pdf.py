"""Print the built book as one PDF, in the order of _toc.yml, with bookmarks: _build/html/dendnet.pdf.

python tools/pdf.py

The pages become one page, so that links between chapters stay links within the file; Chromium prints that one.
"""

import re
import sys
from contextlib import contextmanager
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

sys.path.insert(0, str(Path(__file__).parent))

from frame import link_pdf
from moving import CHROMIUM, ROOT, chromium

HTML = ROOT / "_build" / "html"
PDF = HTML / "dendnet.pdf"
FOOTER = '<div style="width: 100%; text-align: center; font: 8px sans-serif"><span class="pageNumber"></span></div>'


def contents():
    """The names of all pages in order, and before which of them a part begins."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    names, parts = [toc["root"]], {}
    for part in toc["parts"]:
        parts[part["chapters"][0]["file"]] = part["caption"]
        for chapter in part["chapters"]:
            names += [chapter["file"], *(section["file"] for section in chapter.get("sections", []))]
    return [own(name) for name in names], {own(name): caption for name, caption in parts.items()}


def own(page):
    """A page's name within the book: "unit", "api-layers"."""
    return page.removesuffix(".html").removeprefix("book/").replace("/", "-")


def joined():
    """All pages in one: the first one's styles and formulas' script, a title page, and each page's article."""
    names, parts = contents()
    book = BeautifulSoup((HTML / "book" / f"{names[0]}.html").read_text(), "html.parser")
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    for script in book.find_all("script"):
        if "MathJax" not in script.text and "mathjax" not in script.get("src", ""):
            script.decompose()
    book.html["data-theme"] = book.html["data-mode"] = "light"
    book.title.string = config["title"]
    book.body.clear()
    whole = book.new_tag("main", attrs={"class": "bd-article", "id": "whole-book"})
    book.body.append(whole)
    title = f"<header><h1>{config['title']}</h1><p>{config['author']}</p><p>{config['copyright']}</p><ul></ul></header>"
    whole.append(BeautifulSoup(title, "html.parser"))
    listed = whole.find("ul")
    for name in names:
        folder, _, page = name.rpartition("-")
        path = HTML / "book" / folder / f"{page}.html"
        article = BeautifulSoup(path.read_text(), "html.parser").find("article")
        article["id"] = name
        rename(article, name, names, path)
        whole.append(article)
        heading = article.h1.find(string=True, recursive=False)
        if name in parts:
            listed.append(BeautifulSoup(f"<li><strong>{parts[name]}</strong></li>", "html.parser"))
        listed.append(BeautifulSoup(f'<li><a href="#{name}">{heading}</a></li>', "html.parser"))
    return str(book)


def rename(article, name, names, path):
    """Give each anchor its page's name before its own, and make links between pages links to those."""
    for node in article.find_all(id=True):
        node["id"] = f"{name}-{node['id']}"
    for node in article.find_all(href=re.compile("^#")):
        node["href"] = f"#{name}-{node['href'][1:]}"
    for node in article.find_all(style=re.compile(r"url\(#")) + article.find_all(attrs={"clip-path": True}):
        for key in ("style", "clip-path"):
            if key in node.attrs:
                node[key] = node[key].replace("url(#", f"url(#{name}-")
    for link in article.find_all("a", href=True):
        page, _, anchor = link["href"].partition("#")
        if not page or "://" in page:
            continue
        file = (path.parent / page).resolve()
        target = own(str(file.relative_to(HTML))) if file.is_relative_to(HTML) and file.suffix == ".html" else None
        if target in names:
            link["href"] = f"#{target}-{anchor}" if anchor else f"#{target}"


@contextmanager
def opened(browser):
    """The one page in a browser, its formulas drawn."""
    path = HTML / "book" / "whole-book.html"
    path.write_text(joined())
    try:
        page = browser.new_page(viewport={"width": 660, "height": 1000})
        page.emulate_media(media="print", color_scheme="light")
        page.goto(path.as_uri())
        formulas = page.locator(".math").count()
        page.wait_for_function(
            f"document.querySelectorAll('.math mjx-container').length >= {formulas}", timeout=300_000
        )
        yield page
    finally:
        path.unlink()


def main():
    """Write the PDF, or say what is missing."""
    if CHROMIUM is None:
        raise SystemExit("dendnet: the PDF is printed by Chromium, which is not installed.")
    with chromium() as browser, opened(browser) as page:
        margin = dict(top="18mm", bottom="18mm", left="18mm", right="18mm")
        page.pdf(
            path=PDF,
            format="A4",
            margin=margin,
            outline=True,
            tagged=True,
            print_background=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
        )
    link_pdf(HTML / "book" / "intro.html", there=True)
    print(f"The book is printed: {PDF.relative_to(ROOT)}, {PDF.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
