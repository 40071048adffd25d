"""What `import dendnet` costs: nothing beyond Keras and its backend."""

import subprocess
import sys

PROGRAM = """
import sys
import keras
before = set(sys.modules)
import dendnet
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))
"""


def test_import_loads_nothing_beyond_keras():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["dendnet"]
