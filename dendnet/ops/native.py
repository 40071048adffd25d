"""The operation compiled by this machine's own C++ compiler, once for all sizes.

cpp/ holds a few hundred lines of C++ that know sizes, strides and lengths of a batch only as arguments. They are
compiled when they are first wanted, in some seconds, for the processor at hand, and kept: the next process takes what
lies there. So no model, batch or sequence waits for a compiler, as it does for XLA and torch.compile. Where there is no
compiler, "auto" takes the blocked form, and a warning says so once.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path

import keras
import numpy as np

SOURCES = Path(__file__).parent / "cpp"
DTYPES = {"float32": "float", "float64": "double"}
FLAGS = ("-std=c++17", "-O3", "-fno-trapping-math", "-fno-math-errno", "-shared", "-fPIC", "-pthread")
PADDINGS = ("valid", "same", "causal")  # as problem.h numbers them


def runs() -> bool:
    """Whether the library compiles, loads and gives the right numbers here."""
    return _found()


if keras.backend.backend() == "torch":
    import torch

    torch.compiler.assume_constant_result(runs)  # torch.compile would trace the question past its cache


@cache
def _found() -> bool:
    try:
        if keras.backend.backend() == "tensorflow":
            from dendnet.ops import native_tensorflow

            native_tensorflow.library("float32")  # before ctypes loads it: TensorFlow looks for what is new
        if not _is_right(ctypes.CDLL(str(path("float32")))):
            raise OSError("what the compiler made gives wrong numbers")
        return True
    except Exception as error:  # of many kinds: no compiler, or what it, a loader or a backend's loader says
        warnings.warn(
            "dendnet runs slower here, and on TensorFlow and JAX its first step takes a minute: its C++ cannot be "
            f"used. A C++17 compiler (g++ or clang++, or the environment's CXX) makes it fast. Received: {error}",
            stacklevel=2,
        )
        return False


@cache
def path(dtype) -> Path:
    """The library for one type of numbers, compiled if it is not there yet."""
    compiler = _compiler()
    # For this very processor, in the words of compilers for x86 or for ARM; any takes the last.
    native = next(flag for flag in ("-march=native", "-mcpu=native", "-O3") if _takes(compiler, flag))
    flags = (*FLAGS, native, f"-DREAL={DTYPES[dtype]}", *_backend_flags())
    # What the compiler says of itself and of the processor that it compiles for.
    known = subprocess.run(
        [compiler, native, "-dM", "-E", "-x", "c++", os.devnull], check=True, capture_output=True, timeout=60
    ).stdout
    sources = b"".join(file.read_bytes() for file in sorted(SOURCES.iterdir()) if file.is_file())
    key = hashlib.sha256(b"\0".join([sources, known, *(flag.encode() for flag in flags)])).hexdigest()[:16]
    library = _folder() / f"{keras.backend.backend()}-{dtype}-{key}.so"
    if not library.exists():
        with tempfile.TemporaryDirectory(dir=library.parent) as scratch:
            made = Path(scratch) / library.name
            command = [compiler, *flags, str(SOURCES / "library.cpp"), "-o", str(made), *_backend_libraries()]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            if done.returncode:
                raise OSError(f"{compiler} failed: {done.stderr.strip()[-500:]}")
            os.replace(made, library)  # whole or not at all, whoever else compiles it
    return library


def settings(geometry) -> list[int]:
    """A geometry as the library takes it."""
    return [PADDINGS.index(geometry.padding), *geometry.strides, *geometry.dilation_rate]


def _compiler():
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        if name and shutil.which(name):
            return name
    raise OSError("no C++ compiler was found")


def _takes(compiler, flag):
    command = [compiler, flag, "-E", "-x", "c++", os.devnull]
    return subprocess.run(command, capture_output=True, timeout=60).returncode == 0


def _backend_flags():
    match keras.backend.backend():
        case "tensorflow":
            import tensorflow as tf

            return ("-DFOR_TENSORFLOW", *tf.sysconfig.get_compile_flags())
        case "jax":
            import jax

            if not hasattr(jax, "ffi"):
                raise OSError(f"JAX {jax.__version__} has no jax.ffi, which newer ones have")
            return ("-DFOR_JAX", f"-I{jax.ffi.include_dir()}")
    return ()


def _backend_libraries():
    if keras.backend.backend() != "tensorflow":
        return ()
    import tensorflow as tf

    return (*tf.sysconfig.get_link_flags(), *(["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []))


def _folder():
    """Where compiled libraries are kept: beside Keras's own files, or for this process alone."""
    kept = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser() / "dendnet"
    try:
        kept.mkdir(parents=True, exist_ok=True)
        if os.access(kept, os.W_OK):
            return kept
    except OSError:
        pass
    return Path(_own_folder().name)


@cache
def _own_folder():
    """A folder that goes when the process does."""
    return tempfile.TemporaryDirectory(prefix="dendnet-")


def call(library, name, x_shape, kernel_shape, shared, geometry, *addresses):
    """A function of the library on arrays at these addresses."""
    whole = ctypes.c_int64
    described = [(whole * len(values))(*values) for values in (x_shape, kernel_shape, settings(geometry))]
    pointers = [ctypes.c_void_p(address) for address in addresses]
    getattr(library, name)(described[0], described[1], len(kernel_shape) - 2, int(shared), described[2], *pointers)


def _is_right(library):
    """One connection with x = 2, w = 3, b = 1: y = 9, and for dy = 1 dx = 3, dw = 3, db = 3."""
    from dendnet.ops.shapes import DENSE

    x, w, b, dy, y, dx, dw, db = (np.full((1, 1), v, "float32") for v in (2, 3, 1, 1, 0, 0, 0, 0))
    call(library, "dendnet_forward", (1, 1), (1, 1), True, DENSE, *(a.ctypes.data for a in (x, w, b, y)))
    arrays = (x, w, b, dy, dx, dw, db)
    call(library, "dendnet_gradients", (1, 1), (1, 1), True, DENSE, *(a.ctypes.data for a in arrays))
    return [a.item() for a in (y, dx, dw, db)] == [9.0, 3.0, 3.0, 3.0]
