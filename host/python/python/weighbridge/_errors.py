"""The one exception, and the classes of it that are also Python's own."""
from __future__ import annotations

from typing import Any, Optional


class Error(Exception):
    """Why something was not done: where in the work, why, about which file, tensor and field, and a sentence for a person.

    >>> import weighbridge
    >>> try:
    ...     weighbridge.open("broken.gguf")
    ... except weighbridge.Error as error:
    ...     print(error.phase, error.cause, error.file, error.offset)
    parse malformed broken.gguf 36

    Attributes that do not apply are None.
    """

    phase: str
    """Where in the work: request, parse, bind, plan, transfer, …"""
    cause: str
    """Why, for programs: not-found, malformed, busy, out-of-bounds, …"""
    message: str
    """The sentence."""
    strategy: Optional[str]
    """The strategy that was at work."""
    tensor: Optional[str]
    """The name of the tensor that it is about."""
    tensor_index: Optional[int]
    """Its index."""
    file: Optional[str]
    """The file: its path, or the name that it was given."""
    source: Optional[int]
    """The file's index in the model."""
    offset: Optional[int]
    """Byte offset in the file."""
    field: Optional[str]
    """The field at that offset, or the argument that is wrong."""
    os_code: Optional[int]
    """The operating system's code."""
    hint: Optional[str]
    """What to do about it, where the sentence does not say so itself."""

    def __init__(
        self,
        message: str,
        *,
        phase: str = "request",
        cause: str = "invalid-request",
        strategy: Optional[str] = None,
        tensor: Optional[str] = None,
        tensor_index: Optional[int] = None,
        file: Optional[str] = None,
        source: Optional[int] = None,
        offset: Optional[int] = None,
        field: Optional[str] = None,
        os_code: Optional[int] = None,
        hint: Optional[str] = None,
        shown: Optional[str] = None,
    ) -> None:
        self._shown = shown or message
        super().__init__(self._shown)
        self.phase = phase
        self.cause = cause
        self.message = message
        self.strategy = strategy
        self.tensor = tensor
        self.tensor_index = tensor_index
        self.file = file
        self.source = source
        self.offset = offset
        self.field = field
        self.os_code = os_code
        self.hint = hint
        if isinstance(self, OSError):
            # Where programs look for them in Python's own.
            for name, value in (("errno", os_code), ("filename", file)):
                setattr(self, name, value)

    def __str__(self) -> str:
        return f"{self._shown}; {self.hint}" if self.hint else self._shown

    def __reduce__(self) -> Any:
        # What travels to another process has its fields with it.
        return _made_again, (type(self), self.message, {name: getattr(self, name) for name in _FIELDS}, self._shown)


_FIELDS = ("phase", "cause", "strategy", "tensor", "tensor_index", "file", "source", "offset", "field", "os_code", "hint")


def _made_again(kind: type[Error], message: str, fields: dict[str, Any], shown: str) -> Error:
    return kind(message, shown=shown, **fields)


class FileMissing(Error, FileNotFoundError):
    """A file that is not there."""


class AccessDenied(Error, PermissionError):
    """A file that may not be read."""


class OutOfMemory(Error, MemoryError):
    """There is no memory for what was asked for."""


class Mismatch(Error, RuntimeError):
    """A model that does not fit the module that it is loaded into."""


class MissingPackage(Error, ImportError):
    """A package that is needed for this and is not installed."""


SafetensorError = Error
"""The name that the package `safetensors` has for its exception, so that `except SafetensorError` goes on working."""


def make(message: str, **fields: Any) -> Error:
    """The exception for an error of the native half."""
    cause = fields["cause"]
    if cause == "not-found" and fields["os_code"] is not None:
        return FileMissing(message, **fields)
    if cause == "access-denied":
        return AccessDenied(message, **fields)
    if cause == "out-of-memory":
        return OutOfMemory(message, **fields)
    return Error(message, **fields)


def of_record(record: dict[str, Any]) -> Error:
    """The exception for an error that a report holds."""
    fields = {key.replace("-", "_"): value for key, value in record.items()}
    message = fields.pop("message")
    fields["tensor_index"] = fields.pop("tensor", None)
    known = {"phase", "cause", "strategy", "tensor_index", "source", "offset", "field", "os_code"}
    return make(message, **{"os_code": None, **{key: value for key, value in fields.items() if key in known}})


def missing_package(package: str, what: str) -> MissingPackage:
    """A package that is not installed."""
    return MissingPackage(
        f"{what} needs the package {package}, which is not installed here",
        cause="not-found",
        hint=f"pip install {package}",
    )
