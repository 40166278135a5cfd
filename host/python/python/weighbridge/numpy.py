"""Whole models as NumPy arrays: the functions of `safetensors.numpy`, for every format.

>>> from weighbridge.numpy import load_file
>>> load_file("model.safetensors")["scale"]
array([0.5, 2. ], dtype=float32)
"""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NoReturn, Optional, Union

from ._safe_open import fspath, refuse_saving, safe_open

if TYPE_CHECKING:
    import numpy

__all__ = ["load", "load_file", "save", "save_file"]


def load_file(filename: Union[str, os.PathLike[str]], *, backend: str = "mmap") -> dict[str, numpy.ndarray[Any, Any]]:
    """Every tensor of a model as a read-only array, by its name. Nothing is copied: an array is the mapped file, and keeps it
    mapped. `array.copy()` makes one that can be written to.

    Types that NumPy lacks are those of the package `ml_dtypes`; quantized blocks are bytes (`Tensor.dequantize` has their values).

    >>> from weighbridge.numpy import load_file
    >>> sorted(load_file("model.safetensors"))
    ['bias', 'scale']
    """
    with safe_open(fspath(filename), "np", backend=backend) as file:
        return file.get_tensors()


def load(data: bytes) -> dict[str, numpy.ndarray[Any, Any]]:
    """As `load_file`, of a model's bytes. The arrays are views of `data`.

    >>> from weighbridge.numpy import load
    >>> with open("model.safetensors", "rb") as file:
    ...     load(file.read())["bias"].tolist()
    [1, 2, 3]
    """
    with safe_open(data, "np") as file:
        return file.get_tensors()


def save_file(tensor_dict: Any, filename: Any, metadata: Optional[dict[str, str]] = None) -> NoReturn:
    """Refused: this package reads only. Use `safetensors.numpy.save_file`."""
    raise refuse_saving("save_file", "safetensors.numpy")


def save(tensor_dict: Any, metadata: Optional[dict[str, str]] = None) -> NoReturn:
    """Refused: this package reads only. Use `safetensors.numpy.save`."""
    raise refuse_saving("save", "safetensors.numpy")
