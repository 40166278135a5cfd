"""Element types: what each is called in the frameworks. The names are those of safetensors, and GGUF's beyond them."""
from __future__ import annotations

from typing import Any, NamedTuple, Optional

from ._errors import Error, missing_package


class Dtype(NamedTuple):
    """One element type. A framework that has no such type has None."""

    bits: int
    numpy: Optional[str]
    ml_dtypes: Optional[str]
    torch: Optional[str]
    dlpack: Optional[int]
    """The type's code in `dlpack.h`."""


DTYPES: dict[str, Dtype] = {
    "BOOL": Dtype(8, "bool", None, "bool", 6),
    "U8": Dtype(8, "uint8", None, "uint8", 1),
    "I8": Dtype(8, "int8", None, "int8", 0),
    "U16": Dtype(16, "uint16", None, "uint16", 1),
    "I16": Dtype(16, "int16", None, "int16", 0),
    "U32": Dtype(32, "uint32", None, "uint32", 1),
    "I32": Dtype(32, "int32", None, "int32", 0),
    "U64": Dtype(64, "uint64", None, "uint64", 1),
    "I64": Dtype(64, "int64", None, "int64", 0),
    "F16": Dtype(16, "float16", None, "float16", 2),
    "F32": Dtype(32, "float32", None, "float32", 2),
    "F64": Dtype(64, "float64", None, "float64", 2),
    "C64": Dtype(64, "complex64", None, "complex64", 5),
    "C128": Dtype(128, "complex128", None, "complex128", 5),
    "BF16": Dtype(16, None, "bfloat16", "bfloat16", 4),
    "F8_E4M3": Dtype(8, None, "float8_e4m3fn", "float8_e4m3fn", 10),
    "F8_E4M3FNUZ": Dtype(8, None, "float8_e4m3fnuz", "float8_e4m3fnuz", 11),
    "F8_E5M2": Dtype(8, None, "float8_e5m2", "float8_e5m2", 12),
    "F8_E5M2FNUZ": Dtype(8, None, "float8_e5m2fnuz", "float8_e5m2fnuz", 13),
    "F8_E8M0": Dtype(8, None, "float8_e8m0fnu", "float8_e8m0fnu", 14),
}

PACKED = {"F4": "float4_e2m1fn_x2"}
"""Types of less than a byte that torch has: two elements are one of its own."""


def for_numpy(dtype: str, tensor: str) -> Any:
    """NumPy's dtype, or that of `ml_dtypes`; none for blocks, which are bytes."""
    known = DTYPES.get(dtype)
    if known is None:
        return None
    if known.numpy is not None:
        return known.numpy
    try:
        import ml_dtypes
    except ImportError:
        raise _lacking("NumPy", dtype, tensor, "pip install ml_dtypes, or take its bytes: np.frombuffer(tensor, np.uint8)") from None
    found = getattr(ml_dtypes, known.ml_dtypes or "", None)
    if found is None:
        raise _lacking("this version of ml_dtypes", dtype, tensor, "pip install --upgrade ml_dtypes, or take its bytes: np.frombuffer(tensor, np.uint8)")
    return found


def for_torch(dtype: str, tensor: str, torch: Any) -> Any:
    """Torch's dtype; none for blocks, which are bytes."""
    known = DTYPES.get(dtype)
    name = PACKED.get(dtype) if known is None else known.torch
    if name is None:
        return None
    found = getattr(torch, name, None)
    if found is None:
        raise _lacking(f"torch {torch.__version__}", dtype, tensor, "install a newer torch, or take its bytes: torch.frombuffer(bytearray(tensor), dtype=torch.uint8)")
    return found


def _lacking(who: str, dtype: str, tensor: str, hint: str) -> Error:
    return Error(
        f"{who} has no element type {dtype}, which tensor {tensor!r} has",
        cause="unsupported-dtype",
        tensor=tensor,
        field="dtype",
        hint=hint,
    )


def numpy_module(what: str) -> Any:
    """NumPy, or a sentence."""
    try:
        import numpy
    except ImportError:
        raise missing_package("numpy", what) from None
    return numpy


def torch_module(what: str) -> Any:
    """Torch, or a sentence."""
    try:
        import torch
    except ImportError:
        raise missing_package("torch", what) from None
    return torch
