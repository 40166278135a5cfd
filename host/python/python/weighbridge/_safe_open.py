"""`safe_open`, as the package `safetensors` has it, for every format."""
from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, Optional, Union

from ._dtypes import numpy_module, torch_module
from ._errors import Error
from ._model import Model, open
from ._runtime import PathOrBytes
from ._tensor import Tensor, TensorInfo, device_of

_FRAMEWORKS = {"np": "np", "numpy": "np", "pt": "pt", "torch": "pt", "pytorch": "pt"}
_BACKENDS = ("mmap", "pread")


class safe_open:  # noqa: N801 (the name is safetensors')
    """Opens a model and hands out its tensors when they are asked for: `safetensors.safe_open`, for every format that is read.

    >>> from weighbridge import safe_open
    >>> with safe_open("model.safetensors", framework="np", device="cpu") as f:
    ...     f.metadata(), f.get_slice("scale").get_shape(), f.get_slice("scale")[1:]
    ({'format': 'pt'}, [2], array([2.], dtype=float32))
    >>> safe_open("model.gguf", "np").get_tensor("blocks").dtype  # quantized blocks are bytes
    dtype('uint8')

    NumPy arrays are read-only views of the file; torch tensors are copies (see `Tensor.torch`). `framework` is "np" or "pt".
    `backend` is "mmap", or "pread" for copies that a file which is truncated later does not reach.
    """

    def __init__(
        self,
        filename: Union[PathOrBytes, Sequence[PathOrBytes]],
        framework: str,
        device: Any = "cpu",
        *,
        backend: str = "mmap",
    ) -> None:
        self._framework = _FRAMEWORKS.get(framework, "")
        if not self._framework:
            raise Error(
                f"tensors are handed out to NumPy (np) and PyTorch (pt), and not to {framework!r}",
                field="framework",
                hint="most frameworks take NumPy arrays, or DLPack: weighbridge.open(path).tensor(name)",
            )
        if backend not in _BACKENDS:
            raise Error(f"{backend!r} is no backend; it is one of mmap, pread", field="backend")
        if self._framework == "pt":
            torch = torch_module('framework="pt"')
            self._device = device_of(device, torch)
        else:
            numpy_module('framework="np"')
            if device not in ("cpu", None):
                raise Error(f"NumPy arrays are on the device cpu, and not on {device!r}", field="device")
        self._model: Model = open(filename)
        if backend == "pread":
            # Tensor by tensor, so that no more is copied than is asked for.
            self._model._load_each("read-copy")

    def __enter__(self) -> safe_open:
        return self

    def __exit__(self, *_: object) -> None:
        self._model.close()

    def keys(self) -> list[str]:
        """The names of the tensors, sorted."""
        self._model.summary  # noqa: B018 (a closed model says so)
        return sorted(self._model.tensors)

    def offset_keys(self) -> list[str]:
        """The names of the tensors, in the order in which they lie in the files."""
        return [info.name for info in self._in_order()]

    def metadata(self) -> Optional[dict[str, str]]:
        """The metadata as texts; None where there is none. Arrays are JSON. `Model.metadata` has the values as they are."""
        entries = self._model.metadata
        return {key: _text(entries[key]) for key in entries} or None

    def get_tensor(self, name: str) -> Any:
        """A tensor, in the framework that was asked for."""
        return self._out(self._model.tensor(name))

    def get_tensors(self) -> dict[str, Any]:
        """Every tensor by its name, in the order in which they lie in the files."""
        infos = self._in_order()
        return {view.name: self._out(view) for view in self._model._views(infos)}

    def get_slice(self, name: str) -> SafeSlice:
        """A tensor to cut a part out of."""
        return SafeSlice(self, self._model._info(name))

    def _in_order(self) -> list[TensorInfo]:
        self._model.summary  # noqa: B018 (a closed model says so)
        return sorted(self._model.tensors.values(), key=lambda info: (info.source, info.offset))

    def _out(self, tensor: Tensor) -> Any:
        return tensor.numpy() if self._framework == "np" else tensor.torch(self._device)

    def __repr__(self) -> str:
        return f"<weighbridge.safe_open of {self._model!r}>"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


class SafeSlice:
    """A tensor that is not read yet: `safetensors`' slice. Index it as an array, with integers and slices."""

    def __init__(self, opened: safe_open, info: TensorInfo) -> None:
        self._opened = opened
        self._info = info

    def get_shape(self) -> list[int]:
        """Elements per dimension, the outermost first."""
        return list(self._info.shape)

    def get_dtype(self) -> str:
        """The format's name of the element type."""
        return self._info.dtype

    def __getitem__(self, part: Any) -> Any:
        parts = part if isinstance(part, tuple) else (part,)
        if isinstance(part, list):
            if part:
                raise Error("Non empty lists are not implemented", tensor=self._info.name, field="index")
            parts = (slice(0, 0),)
        view = self._opened._model.tensor(self._info.name)
        shape = list(view.block_shape if view.is_blocks else view.shape)
        self._check(parts, shape)
        if self._opened._framework == "np":
            return view.numpy()[parts]
        # A view is cut first, so that no more is copied than is asked for.
        cut = view.torch(share=True)[parts]
        return cut.clone() if self._opened._device.type == "cpu" else cut.to(self._opened._device)

    def _check(self, parts: tuple[Any, ...], shape: list[int]) -> None:
        """Refuses what leaves the tensor, in safetensors' words."""
        name = self._info.name
        if len(parts) > len(shape):
            raise Error(f"{len(parts)} indices for a tensor of shape {shape}", tensor=name, field="index")
        shown = ", ".join(_shown(one) for one in parts)
        for dimension, (one, size) in enumerate(zip(parts, shape)):
            if isinstance(one, slice):
                outside = (one.stop or 0) - 1
            elif isinstance(one, int):
                if one < -size:
                    raise Error(f"Invalid index {one} for dimension {dimension} of size {size}", cause="out-of-bounds", tensor=name, field="index")
                outside = one
            else:
                raise Error(
                    f"a tensor is cut with integers and slices, and not with {type(one).__name__}",
                    tensor=name,
                    field="index",
                    hint="take the whole tensor and index it in its framework",
                )
            if outside >= size:
                raise Error(
                    f"Error during slicing [{shown}] with shape {shape}: index {outside} out of bounds for tensor dimension "
                    f"#{dimension} of size {size}",
                    cause="out-of-bounds",
                    tensor=name,
                    field="index",
                )

    def __repr__(self) -> str:
        return f"<weighbridge.SafeSlice of {self._info.name!r} {self._info.dtype} {list(self._info.shape)}>"


def _shown(part: Any) -> str:
    """As one writes it."""
    if not isinstance(part, slice):
        return str(part)
    bounds = ":".join("" if bound is None else str(bound) for bound in (part.start, part.stop))
    return bounds if part.step is None else f"{bounds}:{part.step}"


def refuse_saving(name: str, module: str) -> Error:
    """Why nothing is written here."""
    return Error(
        f"weighbridge reads models and writes none, so it has no {name}",
        field=name,
        hint=f"pip install safetensors, and from {module} import {name}",
    )


def fspath(filename: Union[str, os.PathLike[str]]) -> str:
    """A path; what is none says so before anything is opened."""
    if not isinstance(filename, (str, os.PathLike)):
        raise Error(f"filename is a path, and not {type(filename).__name__}", field="filename", hint="of bytes use load(data)")
    return os.fspath(filename)
