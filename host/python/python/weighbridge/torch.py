"""Whole models as torch tensors: the functions of `safetensors.torch`, for every format.

    from weighbridge.torch import load_file

    model.load_state_dict(load_file("model.safetensors"))
"""
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NoReturn, Optional, Union

from ._dtypes import torch_module
from ._errors import Mismatch
from ._safe_open import fspath, refuse_saving, safe_open
from ._tensor import Tensor

if TYPE_CHECKING:
    import torch

__all__ = ["load", "load_file", "load_model", "save", "save_file", "save_model"]


class _Sharing(safe_open):
    def _out(self, tensor: Tensor) -> Any:
        return tensor.torch(self._device, share=True)


def load_file(
    filename: Union[str, os.PathLike[str]], device: Any = "cpu", *, backend: str = "mmap", share: bool = False
) -> dict[str, torch.Tensor]:
    """Every tensor of a model, by its name, on a device.

    Tensors are copies, which are yours to write to. With `share` nothing is copied on the processor, and **writing to such a
    tensor in place ends the process**: torch has no read-only tensors. Share weights that are only read.
    """
    kind = _Sharing if share else safe_open
    with kind(fspath(filename), "pt", device, backend=backend) as file:
        return file.get_tensors()


def load(data: bytes) -> dict[str, torch.Tensor]:
    """As `load_file`, of a model's bytes."""
    with safe_open(data, "pt") as file:
        return file.get_tensors()


def load_model(
    model: torch.nn.Module,
    filename: Union[str, os.PathLike[str]],
    strict: bool = True,
    device: Any = "cpu",
    *,
    backend: str = "mmap",
) -> tuple[list[str], list[str]]:
    """Loads a model's weights into a module, and returns the names that were missing and those that were not expected. Weights
    that the module shares between names (tied ones) may be in the file once. With `strict` any other difference is an `Error`, which is also a `RuntimeError`.
    """
    torch_module("load_model")
    found = load_file(filename, device, backend=backend)
    own = model.state_dict()
    missing, unexpected = model.load_state_dict(found, strict=False)
    # A name that is missing, but whose memory another name of the file has filled, was loaded; of two names of the file that are
    # one tensor in the module, only one counts.
    filled: set[tuple[Any, ...]] = set()
    twice = []
    for name in sorted(name for name in found if name in own):
        if _place(own[name]) in filled:
            twice.append(name)
        filled.add(_place(own[name]))
    absent = sorted(name for name in missing if name not in own or _place(own[name]) not in filled)
    unexpected = sorted([*unexpected, *twice])
    if strict and (absent or unexpected):
        raise Mismatch(
            f"{os.fspath(filename)} does not fit {type(model).__name__}"
            + _names("Missing key(s) in state_dict", absent)
            + _names("Unexpected key(s) in state_dict", unexpected),
            cause="not-found",
            file=os.fspath(filename),
            hint="load with strict=False to leave differences alone",
        )
    return absent, unexpected


def _names(what: str, names: list[str]) -> str:
    """In torch's words, that programs look for."""
    return f". {what}: " + ", ".join(f'"{name}"' for name in names) if names else ""


def _place(tensor: torch.Tensor) -> tuple[Any, ...]:
    return (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride())


def save_file(tensors: Any, filename: Any, metadata: Optional[dict[str, str]] = None) -> NoReturn:
    """Refused: this package reads only. Use `safetensors.torch.save_file`."""
    raise refuse_saving("save_file", "safetensors.torch")


def save(tensors: Any, metadata: Optional[dict[str, str]] = None) -> NoReturn:
    """Refused: this package reads only. Use `safetensors.torch.save`."""
    raise refuse_saving("save", "safetensors.torch")


def save_model(model: Any, filename: Any, metadata: Any = None, force_contiguous: bool = True) -> NoReturn:
    """Refused: this package reads only. Use `safetensors.torch.save_model`."""
    raise refuse_saving("save_model", "safetensors.torch")
