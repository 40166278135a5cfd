"""Model files as NumPy arrays and torch tensors without a copy, parsed in a sandbox.

A file from a stranger is parsed by a WebAssembly component that can name no path and sees header bytes alone; what it says is
checked, and tensors are views of the mapped file. It reads safetensors, GGUF, NPY, NPZ and PyTorch checkpoints (as data: no
pickle is run).

>>> from weighbridge import safe_open
>>> with safe_open("model.safetensors", framework="np") as f:
...     f.keys(), f.get_tensor("scale").tolist()
(['bias', 'scale'], [0.5, 2.0])

- `safe_open`, `weighbridge.numpy`, `weighbridge.torch`: as in the package `safetensors`, for every format.
- `weighbridge.gguf`: `GGUFReader`, as in the package `gguf`.
- `open`: a `Model`, with everything that there is to know of it.
- `Error`: the one exception, with the place in the file and a sentence that says what to do.
"""
# What checks the interpreter is written for any Python 3, so that an old one reads as far as the sentence.
import sys

if sys.version_info < (3, 9):
    raise ImportError(
        "weighbridge needs Python 3.9 or newer, and this is Python %d.%d: run it with a newer one" % sys.version_info[:2]
    )

__version__ = "0.1.0"


def _check_process() -> None:
    """One version in a process: objects of one are not objects of the other, and quotas are the process's."""
    import os

    here = os.path.dirname(os.path.abspath(__file__))
    version, where = sys.__dict__.setdefault("_weighbridge", (__version__, here))
    if (version, where) != (__version__, here):
        raise ImportError(
            "two copies of weighbridge in one process: %s in %s was imported first, and now %s in %s; remove one of them from "
            "sys.path, or run the other in a process of its own" % (version, where, __version__, here)
        )


def _check_native() -> None:
    """The native half is of this very version."""
    try:
        from . import _native
    except ImportError as error:
        # A stale or foreign build, an interpreter without the stable ABI, a C library that is too old.
        raise ImportError(
            "the native part of weighbridge cannot be loaded by this Python (%s %d.%d): %s. Its wheels are for CPython 3.9 and newer "
            "with the interpreter lock; install one for this machine, pip install --force-reinstall weighbridge"
            % (sys.implementation.name, sys.version_info[0], sys.version_info[1], error)
        ) from error
    if _native.__version__ != __version__:
        raise ImportError(
            "weighbridge %s found the native part of version %s: two installations are mixed; reinstall it, "
            "pip install --force-reinstall weighbridge" % (__version__, _native.__version__)
        )


_check_process()
_check_native()

from ._errors import (  # noqa: E402
    AccessDenied,
    Error,
    FileMissing,
    Mismatch,
    MissingPackage,
    OutOfMemory,
    SafetensorError,
)
from ._model import File, Finding, Metadata, Model, Refusal, Report, Summary, TensorState, open  # noqa: E402
from ._runtime import Runtime  # noqa: E402
from ._safe_open import SafeSlice, safe_open  # noqa: E402
from ._tensor import Tensor, TensorInfo  # noqa: E402

__all__ = [
    "AccessDenied",
    "Error",
    "File",
    "FileMissing",
    "Finding",
    "Metadata",
    "Mismatch",
    "MissingPackage",
    "Model",
    "OutOfMemory",
    "Refusal",
    "Report",
    "Runtime",
    "SafeSlice",
    "SafetensorError",
    "Summary",
    "Tensor",
    "TensorInfo",
    "TensorState",
    "__version__",
    "open",
    "safe_open",
]
