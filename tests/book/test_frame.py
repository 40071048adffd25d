"""Every page of the built book on a desktop and on a phone, by day and by night: nothing cut, small, grey or faint.

Each check is a function in the browser that returns what it finds, and is tried on a page made to fail it.
"""

import sys
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from moving import CHROMIUM, STATIC, chromium  # noqa: E402

HTML = ROOT / "_build" / "html"
PAGES = [str(page.relative_to(HTML)) for page in sorted(HTML.glob("book/**/*.html"))]
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 390)]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: the pages were not looked at"),
]

# What is wider than the block that holds it scrolls, and its scrollbar takes room before anybody touches it.
WIDE = """() => {
  const article = document.querySelector('.bd-article'), found = [];
  for (const each of article.querySelectorAll('*')) {
    const around = each.parentElement.closest('mjx-container, svg');
    const box = each.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || (around && each.tagName !== 'MJX-MTABLE')) continue;
    const style = getComputedStyle(each), name = each.tagName + ': ' + each.textContent.trim().slice(0, 60);
    if (each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 1 && style.overflowX !== 'visible') {
      if (!['auto', 'scroll'].includes(style.overflowX)) found.push('cut: ' + name);
      else if (each.offsetHeight - each.clientHeight < 6) found.push('scrolls, and nobody sees it: ' + name);
    }
    let over = each.parentElement;
    while (over !== article && getComputedStyle(over).overflowX === 'visible') over = over.parentElement;
    const column = each.parentElement.closest('.admonition, figure, dd, li, .bd-article');
    if (over === article && box.right > column.getBoundingClientRect().right + 1) found.push('sticks out: ' + name);
  }
  return found;
}"""
SMALL = """() => {
  const found = [];
  for (const text of document.querySelectorAll('.bd-article figure text, .picture text, .drawn text')) {
    if (!text.getClientRects().length) continue;
    const { a, b } = text.getScreenCTM(), size = Math.hypot(a, b) * parseFloat(getComputedStyle(text).fontSize);
    if (size < 10.95) found.push(`${size.toFixed(1)} px: ${text.textContent}`);
  }
  return found;
}"""
# A figure stands on the page's own ground: no plate below it, none within it, no picture made of pixels.
PLATES = """() => {
  const ground = getComputedStyle(document.body).backgroundColor, clear = 'rgba(0, 0, 0, 0)', found = [];
  const drawings = [...document.querySelectorAll('.bd-article figure svg, .picture svg, .drawn svg')];
  for (const each of document.querySelectorAll('.bd-article img'))
    if (each.getClientRects().length) found.push('an image: ' + each.src.split('/').pop());
  for (const drawing of drawings.filter((each) => each.getClientRects().length)) {
    for (let under = drawing; !under.matches('.bd-article'); under = under.parentElement) {
      const colour = getComputedStyle(under).backgroundColor;
      if (![ground, clear].includes(colour) && !under.matches('.admonition *, .admonition'))
        found.push(`${under.tagName} ${under.className.baseVal ?? under.className} is ${colour}`);
    }
    const whole = drawing.getBoundingClientRect();
    for (const each of drawing.querySelectorAll('rect, path')) {
      const box = each.getBoundingClientRect(), fill = getComputedStyle(each).fill;
      if (box.width * box.height > 0.9 * whole.width * whole.height && !['none', ground].includes(fill))
        if (getComputedStyle(each).fillOpacity > 0.3) found.push('a plate of ' + fill);
    }
  }
  return found;
}"""
# axe leaves out what is drawn: letters of a figure are read on the page's ground at 3 to 1 or more.
FAINT = """() => {
  const level = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((c) => c / 255);
    const linear = [r, g, b].map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05;
  };
  const ground = level(getComputedStyle(document.body).backgroundColor), found = [];
  for (const text of document.querySelectorAll('.bd-article figure text, .picture text, .drawn text')) {
    if (!text.getClientRects().length || !text.textContent.trim()) continue;
    const own = level(getComputedStyle(text).fill), ratio = Math.max(own, ground) / Math.min(own, ground);
    if (ratio < 3) found.push(`${ratio.toFixed(1)} to 1: ${text.textContent}`);
  }
  return found;
}"""
CHECKS = {"wide": WIDE, "small": SMALL, "plates": PLATES, "faint": FAINT}
# What is folded away is looked at as well.
UNFOLD = """() => {
  document.querySelectorAll('details').forEach((each) => { each.open = true; });
  document.querySelectorAll('.toggle-hidden').forEach((each) => each.classList.remove('toggle-hidden'));
}"""


def found(page):
    """What the checks find on a page, and axe's contrast."""
    faults = {name: page.evaluate(check) for name, check in CHECKS.items()}
    options = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}
    violations = Axe().run(page, options=options).response["violations"]
    faults["contrast"] = [node["html"][:120] for each in violations for node in each["nodes"]]
    return {name: faults[name] for name in faults if faults[name]}


@pytest.fixture(scope="module")
def browser():
    with chromium(scrollbars=True) as browser:
        yield browser


@pytest.fixture(params=LOOKS, ids=lambda p: f"{p[0]}-{p[1]}")
def page(request, browser):
    scheme, width = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    yield context.new_page()
    context.close()


@pytest.mark.skipif(not PAGES, reason="the book is not built: run make book")
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_small_grey_or_faint(page, name):
    page.goto((HTML / name).as_uri())
    formulas = page.locator(".math").count()
    if formulas:
        page.wait_for_function(f"document.querySelectorAll('.math mjx-container').length >= {formulas}", timeout=60_000)
    page.evaluate(UNFOLD)
    page.wait_for_timeout(300)
    assert found(page) == {}


MADE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8"><title>made up</title>
<link rel="stylesheet" href="{css}"><style>body {{ background: #fff; color: #222 }} article {{ width: 300px }} {style}
</style><main><article class="bd-article">{body}</article></main></html>"""
TEXT = (
    '<figure><svg viewBox="0 0 100 50" width="{width}"><text x="9" y="20" font-size="12" fill="{fill}">a</text>{more}'
)
LONG = "a_long_name_" * 9
CASES = {
    "a formula that sticks out": (
        "wide",
        f"<mjx-container style='display:block;width:400px'>{LONG}</mjx-container>",
        "",
    ),
    "a table of formulas that sticks out": (
        "wide",
        f"<mjx-container><mjx-mtable style='display:block;width:400px'>{LONG}</mjx-mtable></mjx-container>",
        "",
    ),
    "code that is cut": ("wide", f"<pre style='overflow:hidden'>{LONG}</pre>", ""),
    "code that scrolls unseen": (
        "wide",
        f"<div class='highlight'><pre>{LONG}</pre></div>",
        ".bd-article pre::-webkit-scrollbar { height: 0 !important }",
    ),
    "small letters": ("small", TEXT.format(width=90, fill="#222", more=""), ""),
    "a plate within": (
        "plates",
        TEXT.format(width=200, fill="#222", more="<rect width='100' height='50' fill='#ddd'/>"),
        "",
    ),
    "a plate below": ("plates", TEXT.format(width=200, fill="#222", more=""), "figure { background: #ddd }"),
    "an image": (
        "plates",
        "<img alt='grey' width='9' height='9' src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>",
        "",
    ),
    "faint letters in a figure": ("faint", TEXT.format(width=200, fill="#ccc", more=""), ""),
    "faint text": ("contrast", "<p style='color:#bbb'>hardly to be read</p>", ""),
}


def made(page, folder, body, style=""):
    path = folder / "made.html"
    path.write_text(MADE.format(css=(STATIC / "book.css").as_uri(), body=body, style=style))
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("case", CASES)
def test_a_page_made_to_fail_fails(page, tmp_path, case):
    fault, body, style = CASES[case]
    assert list(found(made(page, tmp_path, body, style))) == [fault]


def test_a_page_without_faults_passes(page, tmp_path):
    body = (
        TEXT.format(width=200, fill="#222", more="</svg></figure>") + f"<div class='highlight'><pre>{LONG}</pre></div>"
    )
    assert found(made(page, tmp_path, body)) == {}
