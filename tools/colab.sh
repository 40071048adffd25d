#!/usr/bin/env bash
# Inside Colab's image: install dendnet as a reader does, see that it replaced nothing, and run every chapter.
set -euo pipefail
python3 -m pip freeze | sort >/tmp/before
python3 -m pip install --quiet .
python3 -m pip freeze | sort >/tmp/after
if comm -23 /tmp/before /tmp/after | grep .; then
    echo "dendnet: installing the library replaced the packages above, which are Colab's own." >&2
    exit 1
fi
python3 -m pip install --quiet "nbval>=0.11"
python3 -m pytest --nbval --nbval-current-env --nbval-cell-timeout=600 --nbval-sanitize-with=tools/nbval.cfg book/*.ipynb -q
