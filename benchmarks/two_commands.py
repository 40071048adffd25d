"""The README's two commands on this machine: a fresh clone in an empty folder, `make book`, then `make test`, timed.

python3 -m benchmarks.two_commands [--onednn 0 1] [--commands "make book" "make test"] [--json FILE]

It clones what is committed here, once for each setting of TF_ENABLE_ONEDNN_OPTS (none, as a newcomer has it, unless
told), and runs the commands one after another in the clone; the environment that the first of them makes is in its
time. What uv and pip keep of packages is used as it is. Nothing else should run beside it. A command that fails ends
everything, with what it printed last, and nothing is written.
"""

import argparse
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ["keras", "tensorflow-cpu", "tensorflow", "numpy", "jupyter-book", "nbval", "pytest"]


def processor():
    """The processor by its name, and whether it has what makes TensorFlow switch oneDNN on by itself."""
    try:
        lines = dict(re.findall(r"^(model name|flags)\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE))
    except OSError:
        return platform.processor() or platform.machine()
    flags = lines.get("flags", "").split()
    has = [name for name in ("avx2", "avx512f", "avx512_vnni", "amx_tile") if name in flags]
    return f"{lines.get('model name', platform.machine())} ({', '.join(has)}), {os.cpu_count()} cores"


def versions(python):
    """Python and packages of the clone's environment."""
    code = (
        "import importlib.metadata as m, json, platform, sys\n"
        "found = {d.metadata['Name'].lower().replace('_', '-'): d.version for d in m.distributions()}\n"
        "print(json.dumps({'python': platform.python_version()} | {k: found[k] for k in sys.argv[1:] if k in found}))"
    )
    return json.loads(
        subprocess.run([python, "-c", code, *PACKAGES], capture_output=True, text=True, check=True).stdout
    )


def timed(command, folder, environment):
    """Seconds on the clock and of the processors, and what pytest said at the end of each run."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run = subprocess.run(command.split(), cwd=folder, env=environment, capture_output=True, text=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if run.returncode:
        print(run.stdout[-4000:], run.stderr[-4000:], sep="\n", file=sys.stderr)
        raise SystemExit(f"benchmarks.two_commands: {command} ended with {run.returncode} after {wall:.0f} s")
    used = sum(getattr(after, part) - getattr(before, part) for part in ("ru_utime", "ru_stime"))
    said = re.findall(r"^\d+ passed.*$", run.stdout, re.MULTILINE)
    print(f"{command}: {wall:.0f} s, {used:.0f} s of processor time; {'; '.join(said)}", flush=True)
    return {"seconds": round(wall), "processor seconds": round(used), "pytest": said}


def clone_and_run(setting, commands):
    """One clone, and its commands under one setting of oneDNN."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV", "KERAS_BACKEND")}
    environment.pop("TF_ENABLE_ONEDNN_OPTS", None)
    if setting != "unset":
        environment["TF_ENABLE_ONEDNN_OPTS"] = setting
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
        print(f"TF_ENABLE_ONEDNN_OPTS: {setting}", flush=True)
        row = {"TF_ENABLE_ONEDNN_OPTS": setting} | {c: timed(c, folder, environment) for c in commands}
        return row, versions(Path(folder) / ".venv/bin/python")


def main():
    """Run, print, write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--onednn", nargs="+", default=["unset"], choices=["unset", "0", "1"])
    parser.add_argument("--commands", nargs="+", default=["make book", "make test"])
    parser.add_argument("--json", metavar="FILE", help="write the times, with where they come from, to FILE")
    options = parser.parse_args()
    git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    settings = " ".join(options.onednn)
    record = {
        "command": f"python3 -m benchmarks.two_commands --onednn {settings}",
        "where": "a fresh clone in an empty folder; one command after another, the environment made in the first",
        "commit": git.stdout.strip(),
        "device": processor(),
        "seed": "none",
        "data": "the chapters' own",
        "rows": [],
    }
    for setting in options.onednn:
        row, record["versions"] = clone_and_run(setting, options.commands)
        record["rows"].append(row)
    record |= {f"{c}, seconds": record["rows"][0][c]["seconds"] for c in options.commands}
    if options.json:
        Path(options.json).write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
