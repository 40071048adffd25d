"""Draw the card that is shown where a page of the book is linked, from the book's own figure.

python tools/card.py
"""

from moving import FIGURES, STATIC, chromium

PAGE = """<style>body {{ margin: 0; width: 1200px; height: 630px; display: grid; place-items: center }}</style>
<body style="font-family: sans-serif">
<h1 style="margin: 40px 0 0; font-size: 58px; color: #222">The dendrite-activated unit</h1>
<img src="{figure}" style="height: 420px" alt="">
</body>"""


def main():
    """Write book/static/card.png, in the size that cards have."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 630})
        page.goto((FIGURES / "filters.svg").as_uri())
        page.set_content(PAGE.format(figure=(FIGURES / "filters.svg").as_uri()))
        page.wait_for_function("document.images[0].complete")
        page.screenshot(path=STATIC / "card.png")


if __name__ == "__main__":
    main()
