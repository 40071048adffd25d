#!/bin/sh
# sh tools/venv.sh FOLDER PYTHON REQUIREMENT...: a virtual environment with what uv pip install is asked for,
# or one line that says what is missing. MIN_DISK_MB is the room it wants.
set -eu
folder=$1 python=$2
shift 2

stop() {
    echo "dendnet: $*" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    stop "Python is missing: '$python' was not found. Install Python 3.11 or newer, or say make PYTHON=/path/to/python3."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    stop "Python 3.11 or newer is needed; '$python' is $("$python" --version 2>&1)."
free=$(df -Pm . | awk 'NR == 2 {print $4}')
[ "$free" -ge "${MIN_DISK_MB:-4000}" ] ||
    stop "${MIN_DISK_MB:-4000} MB of free disk are needed here; there are $free."
if [ ! -x "$folder/bin/uv" ]; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        stop "'$python' has no venv module. Install it (Debian and Ubuntu: apt-get install python3-venv)."
    "$python" -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check uv ||
        stop "uv could not be installed into $folder: is the network there?"
fi
"$folder/bin/uv" pip install --quiet --python "$folder" "$@" ||
    stop "what $folder needs could not be installed: see above."
