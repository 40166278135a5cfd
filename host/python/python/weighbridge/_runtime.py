"""The engine with the compiled component: one for each process."""
from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, Optional, Union

from . import _native
from ._errors import Error

PathOrBytes = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview]

# A child by fork has no clock for its parent's engine, so it makes one of its own. What is here of the parent is left alone.
_of_process: dict[int, _native.Runtime] = {}


class Runtime:
    """An engine with a component of your own, which is trusted no more than any other. Most programs need none: `weighbridge.open`
    runs the component that is part of this package.

    >>> import weighbridge
    >>> weighbridge.Runtime(component=b"no component")
    Traceback (most recent call last):
    weighbridge._errors.Error: ...
    >>> [format["name"] for format in weighbridge.Runtime().formats]
    ['gguf', 'safetensors', 'npy', 'pytorch', 'npz']
    """

    def __init__(self, component: Optional[bytes] = None) -> None:
        self._native = native() if component is None else _native.Runtime(component)

    @property
    def component_id(self) -> str:
        """SHA-256 of the component, in hexadecimal."""
        return self._native.component_id()

    @property
    def formats(self) -> list[dict[str, Any]]:
        """The formats that the component reads: name, title, versions, extensions, and how models of several files are cut."""
        formats: list[dict[str, Any]] = json.loads(self._native.formats())
        return [{key.replace("-", "_"): value for key, value in format.items()} for format in formats]

    def __repr__(self) -> str:
        return f"<weighbridge.Runtime of component {self.component_id[:12]}>"


def native() -> _native.Runtime:
    """This process's engine, made when it is first asked for."""
    process = os.getpid()
    found = _of_process.get(process)
    return found if found is not None else _of_process.setdefault(process, _native.Runtime())


def files_of(model: Union[PathOrBytes, Sequence[PathOrBytes]]) -> list[Any]:
    """What the native half opens: paths, and bytes under a name."""
    single = isinstance(model, (str, bytes, bytearray, memoryview, os.PathLike))
    files = [model] if single else model
    if not isinstance(files, (list, tuple)):
        raise Error(
            f"a model is opened from a path, from bytes, or from a list of these, and not from {type(model).__name__}",
            field="path",
            hint="of a file that is open, give its name or its bytes: file.name, file.read()",
        )
    made: list[Any] = []
    for index, file in enumerate(files):
        if isinstance(file, (bytearray, memoryview)):
            file = bytes(file)
        if isinstance(file, bytes):
            made.append((f"bytes-{index}" if len(files) > 1 else "bytes", file))
        elif isinstance(file, (str, os.PathLike)):
            made.append(os.fspath(file))
        else:
            raise Error(f"a file of a model is a path or bytes, and not {type(file).__name__}", field="path")
    return made
