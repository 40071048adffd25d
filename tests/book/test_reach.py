"""The built book's reach: links lead somewhere, pages are light and stand still, and their text needs no script."""

import gzip
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlparse

import pytest
from bs4 import BeautifulSoup

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import pdf  # noqa: E402
from moving import CHROMIUM, chromium  # noqa: E402

HTML = ROOT / "_build" / "html"
PAGES = sorted(HTML.glob("book/*.html"))
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not PAGES, reason="the book is not built: run make book"),
]
in_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: the pages were not looked at")
SHIFT = """() => new Promise((done) => {
  let sum = 0;
  const add = (list) => list.getEntries().forEach((each) => { sum += each.value; });
  new PerformanceObserver(add).observe({ type: 'layout-shift', buffered: true });
  setTimeout(() => done(sum), 500);
})"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def anchors():
    """anchors(file): the names that a link into it may end with."""
    known = {}

    def of(file):
        if file not in known:
            page = BeautifulSoup(file.read_text(), "html.parser")
            known[file] = {node["id"] for node in page.find_all(id=True)}
            known[file] |= {node["name"] for node in page.find_all("a", attrs={"name": True})}
        return known[file]

    return of


@every_page
def test_every_link_within_the_book_leads_somewhere(path, anchors):
    page = BeautifulSoup(path.read_text(), "html.parser")
    found = [node.get("href") or node.get("src") for node in page.find_all(["a", "link", "script", "img"])]
    links = [urljoin(path.as_uri(), link) for link in found if link]
    within = [urldefrag(link) for link in links if link.startswith("file:")]
    assert len(within) > 20
    for address, anchor in within:
        file = Path(unquote(urlparse(address).path))
        assert file.is_file() or file == pdf.PDF, f"{path.name} links to {address}, which is not there"
        if anchor and file.suffix == ".html":
            assert unquote(anchor) in anchors(file), f"{path.name} links to {file.name}#{anchor}, which is not there"


@in_chromium
@every_page
def test_a_page_with_all_that_it_loads_is_under_2_mb(path, browser):
    page, asked = browser.new_page(), set()
    page.on("request", lambda request: asked.add(request.url.partition("?")[0]))
    page.goto(path.as_uri(), wait_until="networkidle")
    page.close()
    sizes = {url: sent(Path(unquote(urlparse(url).path))) for url in asked if url.startswith("file:")}
    assert sum(sizes.values()) < 2e6, sorted(sizes.items(), key=lambda each: -each[1])[:5]


def sent(file):
    """The bytes of a file as GitHub Pages sends it: text is compressed."""
    content = file.read_bytes()
    return len(gzip.compress(content) if file.suffix in {".html", ".css", ".js", ".svg"} else content)


@in_chromium
@pytest.mark.parametrize("name", ["unit", "geometry", "cost"])
@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_moves_while_a_page_loads(name, width, browser):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto((HTML / "book" / f"{name}.html").as_uri())
    page.wait_for_function("document.querySelectorAll('mjx-container').length > 5", timeout=20_000)
    assert page.evaluate(SHIFT) < 0.1
    page.close()


@in_chromium
@every_page
def test_the_text_needs_no_script(path, browser):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(path.as_uri())
    article = page.locator("article")
    text = article.locator(":is(h1, h2, p, figure img, .solution, .cell_output):not(details *)")
    hidden = "(all) => all.filter((each) => !each.checkVisibility()).map((each) => each.outerHTML.slice(0, 100))"
    assert text.count() > 3 and text.evaluate_all(hidden) == []
    assert not article.locator("figure img:not([src])").count() and not article.locator(".moving-stage").count()
    context.close()


@in_chromium
def test_on_paper_links_stay_within_the_book_and_nothing_is_cut_off(browser):
    with pdf.opened(browser) as page:
        names = page.locator("article").evaluate_all("(all) => all.map((each) => each.id)")
        assert sorted(names) == sorted(path.stem for path in PAGES)
        lost = "(all) => all.map((a) => a.hash.slice(1)).filter((id) => id && !document.getElementById(id))"
        assert page.locator("a[href^='#']").evaluate_all(lost) == []
        assert page.locator("mjx-merror").count() == 0
        assert not [node for node in page.locator(".solution .cell_input, figure img").all() if not node.is_visible()]
        wide = "(all) => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent.slice(0, 80))"
        assert page.locator("article pre, article table, article p").evaluate_all(wide) == []
