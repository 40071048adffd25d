"""The built book in a real browser: nothing from outside, nothing missing, no formula unrendered, no page too wide."""

import re
import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from moving import CHROMIUM, chromium  # noqa: E402

HTML = ROOT / "_build" / "html"
PAGES = ["index.html", "search.html", *(str(p.relative_to(HTML)) for p in sorted(HTML.glob("book/**/*.html")))]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: the pages were not looked at"),
    pytest.mark.skipif(not (HTML / "index.html").exists(), reason="the book is not built: run make book"),
]


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (320, 768, 1280)]


@pytest.fixture(params=LOOKS, ids=lambda p: f"{p[0]}-{p[1]}")
def look(request, browser):
    """look(page): the page opened in this scheme and width, with what it asked for and complained of."""
    scheme, width = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)

    def at(name, query=""):
        page = context.new_page()
        seen = {"outside": [], "failed": [], "errors": []}
        page.on("request", lambda r: r.url.startswith(("http:", "https:")) and seen["outside"].append(r.url))
        page.on("requestfailed", lambda r: seen["failed"].append(r.url))
        page.on("pageerror", lambda e: seen["errors"].append(str(e)))
        page.goto((HTML / name).as_uri() + query)
        page.wait_for_timeout(500)  # scripts that load further scripts
        return page, seen

    yield at
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_page(look, name):
    page, seen = look(name)
    if name == "index.html":  # it only forwards to the introduction
        page.wait_for_url("**/book/intro.html")
    formulas = page.locator(".math").count()
    if formulas:
        page.wait_for_function(f"document.querySelectorAll('.math mjx-container').length >= {formulas}", timeout=20_000)
    assert page.locator("mjx-merror").count() == 0
    assert not re.search(r"^\s*\|.*\|\s*$", page.locator("body").inner_text(), re.M), "a table shows as Markdown"
    assert not page.locator("body", has_text="\\mathrm{").count(), "a formula is shown as its source"
    assert seen == {"outside": [], "failed": [], "errors": []}
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "wider than the window"
    assert page.locator("img:not([alt]), .cell_output img[alt='']").count() == 0
    assert page.locator("article img:not([width])").count() == 0, "a picture whose place is not kept free"
    if name.startswith("book/"):
        assert len(page.locator("meta[name=description]").get_attribute("content")) > 40
    if page.viewport_size["width"] != 768:
        check_access(page)


def check_access(page):
    """Nothing that axe-core finds wrong: names, contrast, landmarks, order."""
    found = Axe().run(page).response["violations"]
    assert not found, [(each["id"], each["nodes"][0]["html"][:200]) for each in found]


def test_search_finds_the_unit(look):
    page, _ = look("search.html", "?q=dendrite")
    page.wait_for_selector("#search-results li a", timeout=20_000)
    assert page.locator("#search-results li a[href*='unit']").count()


def test_dark_mode_is_dark(look):
    page, _ = look("book/unit.html")
    scheme = "dark" if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "light"
    level = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(level) < 80) == (scheme == "dark")


def test_a_solution_is_hidden_until_asked_for(look):
    page, _ = look("book/unit.html")
    solution = page.locator(".solution").first
    inside = solution.locator(".cell").first
    inside.wait_for(state="hidden", timeout=5_000)
    solution.locator("button, summary").first.click()
    inside.wait_for(state="visible", timeout=5_000)


def test_a_chapter_opens_in_colab(look):
    page, _ = look("book/unit.html")
    link = page.locator("a[href*='colab.research.google.com']").first.get_attribute("href")
    assert link.endswith("/blob/main/book/unit.ipynb")
