"""Print the built book as one PDF, in the order of _toc.yml, with bookmarks: _build/html/dendnet.pdf.

python tools/pdf.py

The pages become one page, so that links between chapters stay links within the file; Chromium prints that one.
"""

import sys
from contextlib import contextmanager
from pathlib import Path

import yaml
from bs4 import BeautifulSoup

sys.path.insert(0, str(Path(__file__).parent))

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
        names += [chapter["file"] for chapter in part["chapters"]]
    return [Path(name).name for name in names], {Path(name).name: caption for name, caption in parts.items()}


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
        article = BeautifulSoup((HTML / "book" / f"{name}.html").read_text(), "html.parser").find("article")
        article["id"] = name
        rename(article, name, names)
        whole.append(article)
        heading = article.h1.find(string=True, recursive=False)
        if name in parts:
            listed.append(BeautifulSoup(f"<li><strong>{parts[name]}</strong></li>", "html.parser"))
        listed.append(BeautifulSoup(f'<li><a href="#{name}">{heading}</a></li>', "html.parser"))
    return str(book)


def rename(article, name, names):
    """Give each anchor its page's name before its own, and make links between pages links to those."""
    for node in article.find_all(id=True):
        node["id"] = f"{name}-{node['id']}"
    for link in article.find_all("a", href=True):
        page, _, anchor = link["href"].partition("#")
        target = Path(page).stem if page else name
        if page and not (page.endswith(".html") and "/" not in page and target in names):
            continue
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
    print(f"The book is printed: {PDF.relative_to(ROOT)}, {PDF.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
