"""`GGUFReader`, as the package `gguf` has it: what is asked for is read, and no more.

>>> from weighbridge.gguf import GGUFReader
>>> reader = GGUFReader("model.gguf")
>>> reader.fields["tokenizer.ggml.tokens"].contents(), reader.tensors[0].name, reader.tensors[0].data.shape
(['a', 'b', 'c'], 'blocks', (2, 34))
"""
from __future__ import annotations

import enum
import os
import sys
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from ._dtypes import numpy_module
from ._errors import Error
from ._model import Model, open
from ._tensor import Tensor, TensorInfo

if TYPE_CHECKING:
    import numpy

__all__ = ["GGMLQuantizationType", "GGUFReader", "GGUFValueType", "ReaderField", "ReaderTensor"]

_VALUES = (
    "UINT8 INT8 UINT16 INT16 UINT32 INT32 FLOAT32 BOOL STRING ARRAY UINT64 INT64 FLOAT64".split()
)
_TENSORS = {
    "F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q5_0": 6, "Q5_1": 7, "Q8_0": 8, "Q8_1": 9, "Q2_K": 10, "Q3_K": 11, "Q4_K": 12,
    "Q5_K": 13, "Q6_K": 14, "Q8_K": 15, "IQ2_XXS": 16, "IQ2_XS": 17, "IQ3_XXS": 18, "IQ1_S": 19, "IQ4_NL": 20, "IQ3_S": 21,
    "IQ2_S": 22, "IQ4_XS": 23, "I8": 24, "I16": 25, "I32": 26, "I64": 27, "F64": 28, "IQ1_M": 29, "BF16": 30, "TQ1_0": 34,
    "TQ2_0": 35, "MXFP4": 39, "NVFP4": 40, "Q1_0": 41, "Q2_0": 42,
}  # fmt: skip
_ARRAYS = frozenset(("F16", "F32", "F64", "I8", "I16", "I32", "I64"))
"""Types whose tensors are arrays of elements in `gguf`; all others are bytes there, and here."""

if TYPE_CHECKING:

    class GGUFValueType(enum.IntEnum):
        """Types of metadata, by their numbers in the file."""

    class GGMLQuantizationType(enum.IntEnum):
        """Types of tensors, by their numbers in the file."""

else:
    try:
        # Those of the package, where it is there: members of one are not members of another.
        from gguf import GGMLQuantizationType, GGUFValueType
    except ImportError:
        GGUFValueType = enum.IntEnum("GGUFValueType", [(name, number) for number, name in enumerate(_VALUES)])
        GGMLQuantizationType = enum.IntEnum("GGMLQuantizationType", _TENSORS)

_KINDS = dict(zip("u8 i8 u16 i16 u32 i32 f32 bool string array u64 i64 f64".split(), range(len(_VALUES))))
_NUMPY = dict(
    zip(_KINDS, "uint8 int8 uint16 int16 uint32 int32 float32 bool str object uint64 int64 float64".split())
)


class _Parts(Sequence[Any]):
    """The pieces that a field is made of, each made when it is asked for."""

    def __init__(self, head: list[Any], values: Any, kind: str) -> None:
        self._head = head
        self._values = values
        self._kind = kind
        self._each = 2 if kind == "string" else 1

    def __len__(self) -> int:
        return len(self._head) + len(self._values()) * self._each

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        if index < len(self._head):
            return self._head[index]
        at, half = divmod(index - len(self._head), self._each)
        return _piece(self._values()[at], self._kind, half)


def _piece(value: Any, kind: str, half: int) -> Any:
    """A value as its bytes are in the file; of a string, its length and its text."""
    import numpy as np

    if kind != "string":
        return np.array([value], _NUMPY[kind])
    text = np.frombuffer(value.encode(), np.uint8)
    return text if half else np.array([len(text)], np.uint64)


class ReaderField:
    """A metadata field: `gguf`'s `ReaderField`, whose parts are read when they are asked for."""

    def __init__(self, reader: GGUFReader, name: str, kind: str, length: Optional[int], values: Any, place: int) -> None:
        self._reader = reader
        self._kind = kind
        self._length = length
        self._values = values
        self._place = place
        self.name = name
        """Its key."""
        main = "array" if length is not None else kind
        # Of an array without elements gguf knows no type of them.
        kinds = [main] if length is None or not length else [main, kind]
        self.types = [GGUFValueType(_KINDS[one]) for one in kinds]
        """Its type; of an array, also that of its elements."""

    @property
    def offset(self) -> int:
        """Byte offset in the file, which is counted from what lies before it: all of that is read for it."""
        return self._reader._offset_of(self._place)

    @property
    def parts(self) -> Sequence[Any]:
        """The pieces that it is made of, as arrays: lengths, texts, numbers. They are made anew, and are no views of the file."""
        import numpy as np

        if self._place < 0:
            return _Parts([], self._values, self._kind)
        key = [_piece(self.name, "string", 0), _piece(self.name, "string", 1)]
        head = [*key, np.array([int(self.types[0])], np.uint32)]
        if self._length is not None:
            head += [np.array([_KINDS[self._kind]], np.uint32), np.array([self._length], np.uint64)]
        return _Parts(head, self._values, self._kind)

    @property
    def data(self) -> list[int]:
        """Which of its parts are its values."""
        first = 0 if self._place < 0 else 5 if self._length is not None else 3
        count = 1 if self._length is None else self._length
        if self._kind == "string":
            return list(range(first + 1, first + 1 + 2 * count, 2))
        return list(range(first, first + count))

    def contents(self, index_or_slice: Union[int, slice] = slice(None)) -> Any:
        """Its value; of an array the values, or those that are asked for."""
        values = self._values()
        return values[index_or_slice] if self._length is not None else values[0]

    def _size(self) -> int:
        """Bytes in the file."""
        if self._place < 0:
            return sum(part.nbytes for part in self.parts)
        import numpy as np

        size = 8 + len(self.name.encode()) + 4 + (12 if self._length is not None else 0)
        values = self._values()
        if self._kind != "string":
            return size + len(values) * np.dtype(_NUMPY[self._kind]).itemsize
        if any("\ufffd" in value for value in values):
            raise Error(
                f"where fields behind {self.name!r} lie cannot be counted: it has text that may be no UTF-8 in the file",
                cause="other",
                field=self.name,
            )
        return size + sum(8 + len(value.encode()) for value in values)

    def __repr__(self) -> str:
        return f"<weighbridge.gguf.ReaderField {self.name!r} {'/'.join(kind.name for kind in self.types)}>"


class ReaderTensor:
    """A tensor: `gguf`'s `ReaderTensor`, whose data are mapped when they are asked for."""

    def __init__(self, reader: GGUFReader, info: TensorInfo) -> None:
        self._reader = reader
        self._info = info
        self.name = info.name
        """Its name."""

    @property
    def tensor_type(self) -> GGMLQuantizationType:
        """Its type."""
        number = _TENSORS.get(self._info.dtype)
        try:
            if number is None:
                raise ValueError
            return GGMLQuantizationType(number)
        except ValueError:
            raise Error(
                f"tensor {self.name!r} is of the type {self._info.dtype}, which is not known",
                cause="unsupported-dtype",
                tensor=self.name,
                hint="a newer gguf may know it: pip install --upgrade gguf",
            ) from None

    @property
    def shape(self) -> numpy.ndarray[Any, Any]:
        """Elements per dimension in the file's order, the innermost first."""
        import numpy as np

        return np.array(self._info.shape[::-1], np.uint64)

    @property
    def n_elements(self) -> int:
        """Elements."""
        elements = 1
        for size in self._info.shape:
            elements *= size
        return elements

    @property
    def n_bytes(self) -> int:
        """Bytes."""
        return self._info.nbytes

    @property
    def data_offset(self) -> int:
        """Byte offset of its data in the file."""
        return self._info.offset

    @property
    def tensor(self) -> Tensor:
        """The tensor of weighbridge, for its `dequantize`, `torch` and the like."""
        return self._reader._model.tensor(self.name)

    @property
    def data(self) -> numpy.ndarray[Any, Any]:
        """Its data without a copy, read-only: elements, the outermost dimension first, of the types that NumPy has; of all others
        the bytes."""
        import numpy as np

        tensor = self.tensor
        if self._info.dtype in _ARRAYS or not tensor.nbytes:
            return tensor.numpy()
        return np.frombuffer(memoryview(tensor), np.uint8).reshape(tensor.block_shape)

    @property
    def field(self) -> ReaderField:
        """Where the header describes it."""
        return _TensorField(self._reader, self._info, int(self.tensor_type))

    def __repr__(self) -> str:
        return f"<weighbridge.gguf.ReaderTensor {self.name!r} {self._info.dtype} {list(self._info.shape[::-1])}>"


class _TensorField(ReaderField):
    """The description of a tensor, as a field."""

    def __init__(self, reader: GGUFReader, info: TensorInfo, number: int) -> None:
        self._info = info
        self._number = number
        super().__init__(reader, info.name, "string", None, lambda: [info.name], len(reader._places) + info.position)
        self.types = []

    @property
    def parts(self) -> Sequence[Any]:
        import numpy as np

        text, dims = np.frombuffer(self.name.encode(), np.uint8), np.array(self._info.shape[::-1], np.uint64)
        relative = self._info.offset - self._reader.data_offset
        kinds = [np.array([len(dims)], np.uint32), dims, np.array([self._number], np.uint32)]
        return [np.array([len(text)], np.uint64), text, *kinds, np.array([relative], np.uint64)]

    @property
    def data(self) -> list[int]:
        return [1, 3, 4, 5]

    def contents(self, index_or_slice: Union[int, slice] = slice(None)) -> Any:
        return None

    def _size(self) -> int:
        return 8 + len(self.name.encode()) + 4 + 8 * len(self._info.shape) + 4 + 8


class GGUFReader:
    """Reads a GGUF file: `gguf.GGUFReader`, by the sandbox. It opens as fast for a large vocabulary as for none.

    What differs: a field's `parts` are made of its value and are no views of the file; a split model is read whole, from its first
    part; nothing can be written (`mode` is "r"); files of the other byte order are refused.
    """

    def __init__(self, path: Union[str, os.PathLike[str]], mode: Literal["r", "r+", "c"] = "r") -> None:
        if mode != "r":
            raise Error(
                f"weighbridge reads models and writes none, and mode={mode!r} is for writing",
                field="mode",
                hint='leave it out, or write with the package gguf: gguf.GGUFReader(path, "r+")',
            )
        numpy_module("GGUFReader")
        self._model: Model = open(path)
        summary = self._model.summary
        if summary.format != "gguf":
            found = self._model.files[0]
            self._model.close()
            raise Error(
                f"{found.path or found.name} is no GGUF file: it is {summary.format}",
                phase="parse",
                cause="unsupported-format",
                file=found.path or found.name,
                hint="weighbridge.open and weighbridge.safe_open read it",
            )
        self.byte_order: Literal["I", "S"] = "I" if sys.byteorder == "little" else "S"
        self.alignment = summary.alignment
        metadata = self._model.metadata
        counts = {"version": ("u32", summary.version), "tensor_count": ("u64", summary.tensors), "kv_count": ("u64", len(metadata))}
        self.fields: OrderedDict[str, ReaderField] = OrderedDict()
        for place, (name, (kind, value)) in enumerate(counts.items()):
            self.fields[f"GGUF.{name}"] = ReaderField(self, f"GGUF.{name}", kind, None, lambda value=value: [value], place - 3)
        self._places: list[ReaderField] = []
        for place, (key, (_, kind, value)) in enumerate(metadata._entries.items()):
            if isinstance(value, tuple):
                field = ReaderField(self, key, value[0], value[1], lambda key=key: metadata[key], place)
            else:
                field = ReaderField(self, key, kind, None, lambda value=value: [value], place)
            self.fields[key] = field
            self._places.append(field)
        self.tensors = [ReaderTensor(self, info) for info in self._model.tensors.values()]
        self._offsets: list[int] = []

    def get_field(self, key: str) -> Optional[ReaderField]:
        """A field by its key; None where there is none."""
        return self.fields.get(key)

    def get_tensor(self, idx: int) -> ReaderTensor:
        """A tensor by its index."""
        return self.tensors[idx]

    @property
    def data_offset(self) -> int:
        """Where tensor data begin in the file."""
        end = self._offset_of(len(self._places) + len(self.tensors))
        return -(-end // self.alignment) * self.alignment

    def _offset_of(self, place: int) -> int:
        """Where the field at this place of the header begins."""
        if place < 0:
            return (4, 8, 16)[place + 3]
        if len(self._model.files) > 1:
            raise Error("where the fields of a split model lie is not counted; open one of its parts alone with the package gguf")
        if not self._offsets:
            # Behind the magic number, the version and the counts.
            self._offsets = [24]
        while len(self._offsets) <= place:
            at = len(self._offsets) - 1
            done = len(self._places)
            field = self._places[at] if at < done else self.tensors[at - done].field
            self._offsets.append(self._offsets[-1] + field._size())
        return self._offsets[place]

    def __repr__(self) -> str:
        return f"<weighbridge.gguf.GGUFReader of {self._model!r}>"
