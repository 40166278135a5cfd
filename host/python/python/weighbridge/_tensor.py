"""One tensor: its bytes where they lie, and what they mean."""
from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from . import _native
from ._dtypes import DTYPES, PACKED, for_numpy, for_torch, numpy_module, torch_module
from ._errors import Error, missing_package

if TYPE_CHECKING:
    from numpy import ndarray
    from torch import Tensor as TorchTensor


class TensorInfo(NamedTuple):
    """What the header says of a tensor."""

    name: str
    """As in the file."""
    dtype: str
    """The format's name of the element type, such as BF16 or Q4_K."""
    shape: tuple[int, ...]
    """Elements per dimension, the outermost first, whatever the file's own order."""
    nbytes: int
    """Bytes."""
    source: int
    """Index of the file that has it."""
    offset: int
    """Byte offset in that file."""
    position: int
    """Its index in the model."""


class Tensor(_native.Memory):
    """The bytes of one tensor, where they lie: read-only, and not copied.

    It has the buffer protocol (`memoryview(tensor)`, `bytes(tensor)`, `file.write(tensor)`: the bytes, in one dimension) and
    DLPack (`numpy.from_dlpack(tensor)`, `torch.from_dlpack(tensor)`: the elements, in its shape). It keeps the memory that it
    is in, and whatever was made of it does so too, also when the model is closed.

    Bytes of a mapped file are the file itself. If somebody truncates the file meanwhile, what was lost reads as zeros; if
    somebody writes to it, the bytes change. `read` refuses both with an error, and so does a model that was loaded with the
    policy "read-copy".

    >>> import weighbridge
    >>> model = weighbridge.open("model.safetensors")
    >>> scale = model.tensor("scale")
    >>> scale.dtype, scale.shape, bytes(scale[:4])
    ('F32', (2,), b'\\x00\\x00\\x00?')
    >>> memoryview(scale).readonly
    True
    """

    __slots__ = ("__weakref__", "info")

    info: TensorInfo
    """What the header says of it."""

    @property
    def name(self) -> str:
        """Its name, as in the file."""
        return self.info.name

    @property
    def dtype(self) -> str:
        """The format's name of the element type."""
        return self.info.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Elements per dimension, the outermost first."""
        return self.info.shape

    @property
    def nbytes(self) -> int:
        """Bytes."""
        return self.info.nbytes

    @property
    def is_mapped(self) -> bool:
        """Whether the bytes are the mapped file's, and not a copy."""
        return _native.is_mapped(self)

    @property
    def is_blocks(self) -> bool:
        """Whether the elements are packed in blocks (quantized, or of less than a byte), which frameworks see as bytes."""
        return self.info.dtype not in DTYPES

    @property
    def block_shape(self) -> tuple[int, ...]:
        """The shape of the bytes: as `shape`, with the bytes of a row instead of its elements. Of scalars, (bytes,)."""
        rows = 1
        for size in self.info.shape[:-1]:
            rows *= size
        if not self.info.shape or not rows or self.info.nbytes % rows:
            return (self.info.nbytes,)
        return (*self.info.shape[:-1], self.info.nbytes // rows)

    def __getitem__(self, part: Any) -> Any:
        """Bytes of it, as of a `memoryview`."""
        return memoryview(self)[part]

    def __len__(self) -> int:
        return self.info.nbytes

    def read(self, offset: int = 0, length: Optional[int] = None) -> bytearray:
        """A copy of its bytes from `offset` on, read from the file by position: where the file was truncated or changed since it
        was opened, this is an `Error`.

        >>> import weighbridge
        >>> weighbridge.open("model.safetensors").tensor("scale").read(4)
        bytearray(b'\\x00\\x00\\x00@')
        """
        if offset < 0 or (length is not None and length < 0):
            raise Error("offset and length are bytes, 0 or more", field="offset", tensor=self.name)
        rest = max(self.info.nbytes - offset, 0)
        if length is not None and length > rest:
            raise Error(
                f"tensor {self.name!r} has {self.info.nbytes} bytes, and {length} from {offset} on were asked for",
                cause="out-of-bounds",
                tensor=self.name,
                field="length",
            )
        return _native.read(self, offset, rest if length is None else length)

    def numpy(self) -> ndarray[Any, Any]:
        """As a read-only NumPy array, without a copy. Types that NumPy lacks (BF16, F8) are those of the package `ml_dtypes`;
        blocks are bytes, `uint8` in `block_shape`.

        >>> import weighbridge
        >>> array = weighbridge.open("model.safetensors").tensor("scale").numpy()
        >>> array
        array([0.5, 2. ], dtype=float32)
        >>> array[0] = 1
        Traceback (most recent call last):
        ValueError: assignment destination is read-only
        >>> mine = array.copy()  # the copy is yours
        """
        np = numpy_module("tensors as arrays")
        dtype = for_numpy(self.dtype, self.name)
        shape = self.shape
        if dtype is None:
            dtype, shape = np.uint8, self.block_shape
        if not self.info.nbytes:
            array: ndarray[Any, Any] = np.empty(shape, dtype)
            array.flags.writeable = False
        else:
            array = np.frombuffer(self, dtype).reshape(shape)
        return array

    def torch(self, device: Any = "cpu", *, share: bool = False) -> TorchTensor:
        """As a torch tensor. Torch has no read-only tensors, so this is a copy, unless `share` is true: then nothing is copied,
        and **writing to it in place ends the process** (a mapped file's pages cannot be written to). Share what is only read.

        Types that torch has are torch's, BF16 and F8 as well; blocks are bytes, `uint8` in `block_shape`.
        """
        torch = torch_module("tensors of torch")
        place = device_of(device, torch)
        dtype = for_torch(self.dtype, self.name, torch)
        shape: tuple[int, ...] = self.shape
        if dtype is None:
            dtype, shape = torch.uint8, self.block_shape
        elif self.dtype in PACKED and shape:
            shape = (*shape[:-1], shape[-1] // 2)
        view: TorchTensor
        if not self.info.nbytes:
            view = torch.empty(shape, dtype=dtype, device=place)
            return view
        # As bytes, which every version of torch takes; the type is put on afterwards.
        flat = torch.utils.dlpack.from_dlpack(_native.dlpack(self, 1, 8, (self.info.nbytes,), False))
        view = flat.view(dtype).reshape(shape)
        if place.type != "cpu":
            return view.to(place)
        return view if share else view.clone()

    def dequantize(self) -> ndarray[Any, Any]:
        """The values of quantized blocks as 32-bit floats, by the functions of the package `gguf`. Of other types, `numpy()`.

        >>> import weighbridge
        >>> blocks = weighbridge.open("model.gguf").tensor("blocks")
        >>> blocks.dtype, blocks.shape, blocks.numpy().shape, blocks.dequantize().shape
        ('Q8_0', (2, 32), (2, 34), (2, 32))
        """
        if not self.is_blocks:
            return self.numpy()
        numpy_module("dequantizing")
        try:
            from gguf import GGMLQuantizationType
            from gguf.quants import dequantize
        except ImportError:
            raise missing_package("gguf", "dequantizing") from None
        kind = getattr(GGMLQuantizationType, self.dtype, None)
        try:
            if kind is None:
                raise NotImplementedError
            values: ndarray[Any, Any] = dequantize(self.numpy(), kind)
        except NotImplementedError:
            raise Error(
                f"the installed package gguf cannot dequantize {self.dtype}, which tensor {self.name!r} has",
                cause="unsupported-dtype",
                tensor=self.name,
                field="dtype",
                hint="pip install --upgrade gguf, or take the blocks: tensor.numpy()",
            ) from None
        return values.reshape(self.shape)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Of DLPack: the processor."""
        return (1, 0)

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: Optional[tuple[int, int]] = None,
        dl_device: Optional[tuple[int, int]] = None,
        copy: Optional[bool] = None,
    ) -> Any:
        """Of DLPack: a capsule of the elements. It is marked read-only where the consumer's version knows that mark."""
        if dl_device is not None and tuple(dl_device) != (1, 0):
            raise BufferError("the tensor is in this machine's memory; copy it to the device afterwards")
        if copy:
            raise BufferError("DLPack makes no copy of a tensor of weighbridge; copy what is made of it")
        known = DTYPES.get(self.dtype)
        code, bits, shape = (1, 8, self.block_shape) if known is None else (known.dlpack, known.bits, self.shape)
        return _native.dlpack(self, code or 0, bits, shape, max_version is not None and max_version[0] >= 1)

    def __reduce__(self) -> Any:
        raise TypeError(
            f"tensor {self.name!r} is a view of memory of this process and is not pickled: open the model in the other process, "
            "or send a copy (bytes(tensor), tensor.numpy().copy())"
        )

    def __repr__(self) -> str:
        return f"<weighbridge.Tensor {self.name!r} {self.dtype} {list(self.shape)}, {self.nbytes} bytes>"


def device_of(device: Any, torch: Any) -> Any:
    """The device of torch that a program named, which has to be there."""
    try:
        found = torch.device("cuda", device) if isinstance(device, int) else torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise Error(f"{device!r} is no device of torch: {_first_sentence(error)}", field="device") from None
    if found.type == "cpu":
        return found
    try:
        torch.empty(0, device=found)
    except Exception as error:  # What torch raises differs from device to device.
        raise Error(
            f"the device {found} is not there: {_first_sentence(error)}",
            cause="strategy-unavailable",
            field="device",
            hint='load to device="cpu", or use a torch that was built for it, on a machine that has it',
        ) from None
    return found


def _first_sentence(error: Exception) -> str:
    """What torch says first; what follows may be a page long."""
    text = str(error).strip().splitlines()
    return text[0].split(". ")[0].rstrip(".") if text else type(error).__name__
