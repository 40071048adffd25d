"""The fused kernels compile for a T4, an A100 and an H100: no GPU is needed to see that a compiler takes them."""

import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import keras
import pytest

from dendnet.ops import fused
from dendnet.ops.shapes import DENSE, Geometry

BACKEND = keras.backend.backend()
DTYPES = ("float32", "float16", "bfloat16")
SHAPES = (4, 8, 8, 16), (3, 3, 16, 32), (16, 32)  # x, kernel, bias
GEOMETRY = Geometry((2, 2), "same", (1, 1))
ONES = [  # sizes of 1 are constants to Triton, which gives other code
    (((1, 1), (1, 1), (1, 1)), DENSE),
    (((1, 5, 1), (3, 1, 1), (3, 1, 1)), Geometry((1,), "causal", (1,))),
    (((1, 4, 4, 3), (1, 1, 3, 1), (3, 1)), Geometry((1, 1), "valid", (1, 1))),
]

COMPILE = """
import sys
import triton
from triton.backends.compiler import GPUTarget
for path in sys.argv[1:]:
    options = {"num_warps": int(path.rsplit("_", 1)[1].removesuffix(".ttir"))}
    compiled = triton.compile(path, target=GPUTarget("cuda", 80, 32), options=options)
    assert "sm_80" in compiled.asm["ptx"] and compiled.asm["cubin"]
    print("compiled")
"""

SHARED = """
import re
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from benchmarks.nine_taps_triton import _nine_taps as kernel
sizes = {"WIDE": 4, "STRIPS": 16, "COLUMNS": 16}
kinds = {name: "*fp32" if name in "xwby" else "i32" for name in kernel.arg_names} | dict.fromkeys(sizes, "constexpr")
source = ASTSource(kernel, kinds, sizes)
program = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": 2}).asm["ptx"]
print(*(len(re.findall(name, program)) for name in (r"fma\\.rn\\.f32", r"max\\.NaN\\.f32", r"add(?:\\.rn)?\\.f32")))
"""


@pytest.fixture
def compiled_for(monkeypatch):
    """Launches on a GPU that is not there, stopped after compiling: the very signatures that a real launch has."""
    if BACKEND != "torch":
        pytest.skip("Triton's kernels are torch's")
    triton = pytest.importorskip("triton", minversion="3.4", reason="no Triton that takes the kernels")
    if fused.runs():
        pytest.skip("the GPU here compiles for itself")
    import torch
    from triton.backends.compiler import GPUTarget
    from triton.runtime.jit import JITFunction

    def compile_for(capability, dtype, shapes, geometry):
        class Absent:
            get_current_device = staticmethod(lambda: capability)
            get_current_stream = staticmethod(lambda device: 0)
            get_current_target = staticmethod(lambda: GPUTarget("cuda", capability, 32))

        compiled, run = [], JITFunction.run
        with monkeypatch.context() as patch:
            patch.setattr(
                JITFunction, "run", lambda *a, warmup, **k: compiled.append(run(*a, warmup=True, **k)) or compiled[-1]
            )
            patch.setattr(triton.runtime, "driver", type("Driver", (), {"active": Absent()}))
            patch.setattr("triton.runtime.jit.driver", triton.runtime.driver)
            patch.delenv("TRITON_INTERPRET", raising=False)
            patch.delitem(sys.modules, "dendnet.ops.fused_torch", raising=False)
            kernels = importlib.import_module("dendnet.ops.fused_torch")
            arrays = [torch.zeros(s, dtype=getattr(torch, dtype), requires_grad=True, device="cpu") for s in shapes]
            kernels.run(*arrays, geometry).sum().backward()
        assert [c.metadata.name for c in compiled] == ["_forward", "_input_gradient", "_weight_sums"]
        assert all(f"sm_{capability}" in c.asm["ptx"] and c.asm["cubin"] for c in compiled)
        return compiled

    return compile_for


@pytest.mark.parametrize("capability", [75, 80, 90])
@pytest.mark.parametrize("dtype", DTYPES)
def test_triton_compiles(compiled_for, dtype, capability):
    compiled = compiled_for(capability, dtype, SHAPES, GEOMETRY)
    assert all(c.metadata.shared <= 48 * 1024 for c in compiled)  # what every one of these GPUs gives a block


@pytest.mark.parametrize("shapes, geometry", ONES)
def test_triton_compiles_where_sizes_are_one(compiled_for, shapes, geometry):
    compiled_for(80, "float32", shapes, geometry)


def test_nine_taps_share_an_activation():
    """What is compiled of benchmarks/nine_taps_triton.py: 6 additions and maxima for 36 multiply-adds."""
    if BACKEND != "torch":
        pytest.skip("Triton's kernels are torch's")
    pytest.importorskip("triton", minversion="3.4", reason="no Triton that takes the kernels")
    program = [sys.executable, "-c", SHARED]  # a process of its own, whose kernels are not interpreted
    done = subprocess.run(program, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    multiply_adds, maxima, additions = map(int, done.stdout.split())
    assert multiply_adds == 6 * maxima == 6 * additions > 0


@pytest.mark.skipif(BACKEND != "jax", reason="Pallas's kernels are JAX's")
@pytest.mark.parametrize("dtype", DTYPES)
def test_pallas_lowers_and_its_triton_code_compiles(dtype, tmp_path):
    """JAX's lowering takes the kernels, and Triton, where it is installed, compiles what comes out for an A100."""
    import jax

    pallas = pytest.importorskip("jax.experimental.pallas.triton", reason="no Pallas for GPUs here")
    if not hasattr(pallas, "CompilerParams"):
        pytest.skip("this JAX's Pallas is too old for the kernels")
    from dendnet.ops import fused_jax

    def step(x, w, b):
        y, back = jax.vjp(lambda *a: fused_jax.run(*a, GEOMETRY), x, w, b)
        return y, back(y)

    checks = [jax.export.DisabledSafetyCheck.custom_call("__gpu$xla.gpu.triton")]
    export = jax.export.export(jax.jit(step), platforms=["cuda"], disabled_checks=checks)
    module = export(*(jax.ShapeDtypeStruct(s, dtype) for s in SHAPES)).mlir_module()
    assert module.count("@__gpu$xla.gpu.triton(") == 3

    if importlib.util.find_spec("triton") is None:
        pytest.skip("no Triton that takes the kernels")
    from jax._src.interpreters import mlir
    from jax._src.pallas.triton import lowering
    from jaxlib.mlir import ir

    kernels = []

    def collect(op):
        if op.name == "stablehlo.custom_call":
            call = ir.DictAttr(op.attributes["mhlo.backend_config"])
            kernels.append((ir.StringAttr(call["ir"]).value_bytes, ir.IntegerAttr(call["num_warps"]).value))
        return ir.WalkResult.ADVANCE

    with mlir.make_ir_context():
        ir.Module.parse(module).operation.walk(collect)
    for number, (code, warps) in enumerate(kernels):
        with lowering._new_ir_context():
            (tmp_path / f"{number}_{warps}.ttir").write_text(str(ir.Module.parse(code)))
    # In a process of its own: Triton and TensorFlow, which other tests load, each bring an LLVM.
    done = subprocess.run([sys.executable, "-c", COMPILE, *tmp_path.glob("*.ttir")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["compiled"] * 3
