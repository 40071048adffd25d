"""Write the repository's address, which pyproject.toml alone decides, wherever else it has to stand.

python tools/stamp.py            the address in pyproject.toml
python tools/stamp.py ADDRESS    another one, written into pyproject.toml first (a fork's, say)
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def address(root=ROOT):
    """The repository's address, from its one place."""
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


def stamped(root=ROOT):
    """The files that repeat the address: among them every chapter, in its setup cell."""
    names = ["_config.yml", "CITATION.cff", "README.md", "book/intro.md"]
    return [*(root / name for name in names), *sorted((root / "book").glob("*.ipynb"))]


def stamp(root=ROOT, new=None):
    """Replace the address that _config.yml has by the one in pyproject.toml, or by a new one."""
    old = re.search(r"^  url: (\S+)$", (root / "_config.yml").read_text(), re.MULTILINE)[1]
    if new is not None:
        if not re.fullmatch(r"https://[\w.-]+/[\w.-]+/[\w.-]+", new):
            sys.exit(f"stamp: expected an address like https://github.com/OWNER/dendnet. Received: {new!r}")
        pyproject = root / "pyproject.toml"
        pyproject.write_text(pyproject.read_text().replace(f'"{address(root)}"', f'"{new}"'))
    for path in stamped(root):
        path.write_text(path.read_text().replace(old, address(root)))


if __name__ == "__main__":
    stamp(new=sys.argv[1] if len(sys.argv) > 1 else None)
