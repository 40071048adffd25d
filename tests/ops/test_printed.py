"""What the chapter "Making it fast" prints: its Triton kernel, by Triton's own interpreter, and its lines of C++."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest

ROOT = Path(__file__).resolve().parents[2]
CELLS = json.loads((ROOT / "book" / "fast.ipynb").read_text())["cells"]
STENCIL = (ROOT / "dendnet" / "ops" / "cpp" / "stencil.h").read_text()
RUN = """
import numpy as np
import torch

rng = np.random.default_rng(0)
for N, n, m in [(5, 3, 7), (64, 9, 16), (33, 4, 20)]:
    x, w, b = (rng.integers(-3, 4, s).astype("float32") for s in [(N, n), (n, m), (n, m)])
    expected = (w * np.maximum(x[:, :, None] + b, 0)).sum(axis=1)
    y = torch.zeros((N, m))
    forward_tile[-(-N // 16), -(-m // 16)](*map(torch.tensor, (x, w, b)), y, N, n, m, ROWS=16, COLUMNS=16)
    assert (y.numpy() == expected).all(), (N, n, m)
print("right")
"""


def kernel():
    """The chapter's cell, as a kernel of Triton's."""
    (source,) = ["".join(c["source"]) for c in CELLS if "".join(c["source"]).startswith("def forward_tile(")]
    assert "ROWS, COLUMNS):" in source
    declared = source.replace("ROWS, COLUMNS):", "ROWS: tl.constexpr, COLUMNS: tl.constexpr):")
    return f"import triton\nimport triton.language as tl\n\n\n@triton.jit\n{declared}\n"


def test_the_kernel_computes_the_unit_by_tritons_interpreter(tmp_path):
    if keras.backend.backend() != "torch":
        pytest.skip("Triton's kernels are torch's")
    pytest.importorskip("triton", minversion="3.4", reason="no Triton that takes the kernels")
    program = tmp_path / "printed.py"
    program.write_text(kernel() + RUN)
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, str(program)], env=environment, capture_output=True, text=True)
    assert done.stdout == "right\n", done.stderr


def test_the_lines_of_cpp_are_the_librarys():
    text = "\n".join("".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "markdown")
    pieces = re.findall(r"```cpp\n(.*?)```", text, re.DOTALL)
    assert len(pieces) == 2

    def flat(code):
        return " ".join(code.split())

    for piece in pieces:
        assert flat(piece) in flat(STENCIL), piece
