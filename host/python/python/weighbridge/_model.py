"""A model: what its headers say, its tensors, and what was done with it."""
from __future__ import annotations

import builtins
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, Optional, Union

from . import _native
from ._errors import Error, of_record
from ._runtime import PathOrBytes, Runtime, files_of, native
from ._tensor import Tensor, TensorInfo

Select = Union[None, str, Sequence[str]]


class Summary(NamedTuple):
    """What the headers say of the whole model."""

    format: str
    version: int
    architecture: Optional[str]
    sources: int
    tensors: int
    metadata_entries: int
    tensor_bytes: int
    alignment: int


class File(NamedTuple):
    """A file of the model."""

    name: str
    path: Optional[str]
    size: int


class Refusal(NamedTuple):
    """A strategy that was considered and not used, and why."""

    strategy: str
    reason: Error


class Report(NamedTuple):
    """What a load did."""

    used: Optional[str]
    """The strategy that mapped or moved the bytes; None where there was nothing to do."""
    refused: tuple[Refusal, ...]
    """Those before it, each with its reason."""
    tensors: int
    """Tensors made resident by this load."""
    bytes: int
    """Their bytes."""
    moved: int
    """Bytes really moved: 0 for mappings."""
    mapped: int
    """Bytes of those tensors that are mapped."""
    extents: int
    """Pieces mapped or allocated."""
    slots_peak: int
    """Most mappings owned at once since the model was opened."""


class Finding(NamedTuple):
    """Something that was noticed of a model that could be opened all the same."""

    rule: str
    severity: str
    message: str
    file: Optional[str]
    tensor: Optional[str]
    offset: Optional[int]


class TensorState(NamedTuple):
    """Residency of a tensor."""

    lifecycle: str
    strategy: Optional[str]


class Metadata(Mapping[str, Any]):
    """The metadata, typed as in the file. An array is read when it is asked for, and `len` of a vocabulary reads nothing."""

    def __init__(self, model: Model) -> None:
        self._model = model
        # Of a key that several files of a model have, the first.
        self._entries: dict[str, tuple[int, str, Any]] = {}
        for index, (key, kind, _source, value) in enumerate(model._native.metadata()):
            self._entries.setdefault(key, (index, kind, value))
        self._arrays: dict[str, list[Any]] = {}

    def __getitem__(self, key: str) -> Any:
        index, kind, value = self._entries[key]
        if kind != "array" and not isinstance(value, tuple):
            return value
        if key not in self._arrays:
            self._arrays[key] = self._model._native.elements(index)
        return self._arrays[key]

    def kind(self, key: str) -> str:
        """The format's name of the type; of an array, with the type of its elements and their number: `array of 3 string`."""
        _, kind, value = self._entries[key]
        return f"{kind} of {value[1]} {value[0]}" if isinstance(value, tuple) else kind

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<weighbridge.Metadata, {len(self)} entries>"


def open(
    model: Union[PathOrBytes, Sequence[PathOrBytes]],
    *,
    deadline: Optional[float] = None,
    follow_links: bool = False,
    mmap: bool = True,
    observe: str = "off",
    names_in_trace: bool = False,
    runtime: Optional[Runtime] = None,
) -> Model:
    """Opens a model: by the path of its file, of its first shard or of its index, where the others are found in the same folder;
    or by several paths; or by bytes. Reads its headers, and moves no tensor.

    >>> import weighbridge
    >>> with weighbridge.open("model.safetensors") as model:
    ...     model.summary.format, list(model.tensors)
    ('safetensors', ['scale', 'bias'])

    `deadline`: seconds that any call may take.
    `follow_links`: whether a link to a further file may lead anywhere, and not to the hub's cache alone.
    `mmap`: whether files may be mapped; without it they are copied.
    `observe`: what is recorded beside the calls: "off", "outcomes", "transitions".
    `names_in_trace`: whether a recording may hold the names of the files.
    """
    options: _native.Options = {
        "deadline": deadline,
        "follow_links": follow_links,
        "mmap": mmap,
        "observe": observe,
        "names_in_trace": names_in_trace,
    }
    engine = native() if runtime is None else runtime._native
    return Model(engine.open(files_of(model), options))


class Model:
    """One model. Any thread may use it. Made by `weighbridge.open`.

    Closing it gives back what no tensor uses: arrays that are out stay good, and the pages that they are in stay mapped until the
    last of them is gone.

    >>> import weighbridge
    >>> model = weighbridge.open("model.safetensors")
    >>> scale = model.tensor("scale").numpy()
    >>> model.close()
    >>> scale.tolist()
    [0.5, 2.0]
    >>> model.tensor("scale")
    Traceback (most recent call last):
    weighbridge._errors.Error: the model is closed; open it again (arrays that it already gave out stay good)
    """

    def __init__(self, opened: _native.Model) -> None:
        if not isinstance(opened, _native.Model):
            raise TypeError("a model is made by weighbridge.open(path)")
        self._native = opened
        self._tensors: Optional[Mapping[str, TensorInfo]] = None
        self._metadata: Optional[Metadata] = None
        self._report: Optional[Report] = None
        # Whether everything is mapped; None while nobody knows.
        self._whole: Optional[bool] = None
        # How what is not is loaded when it is asked for; none for "auto".
        self._each: list[str] = []

    @property
    def summary(self) -> Summary:
        """What the headers say of the whole model."""
        return Summary(**{"architecture": None, **_fields(json.loads(self._native.summary()))})

    @property
    def files(self) -> tuple[File, ...]:
        """Its files, in the order in which tensors name them."""
        return tuple(
            File(name, None if path is None else os.fspath(path), size) for path, name, size in self._native.files()
        )

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """What the headers say of each tensor, in the order of the files."""
        if self._tensors is None:
            turned = self.summary.format == "gguf"
            tensors: dict[str, TensorInfo] = {}
            for index, (name, dtype, shape, source, offset, nbytes) in enumerate(self._native.tensors()):
                outer_first = tuple(reversed(shape)) if turned else tuple(shape)
                tensors.setdefault(name, TensorInfo(name, dtype, outer_first, nbytes, source, offset, index))
            self._tensors = MappingProxyType(tensors)
        return self._tensors

    @property
    def metadata(self) -> Metadata:
        """The metadata, typed as in the file; arrays are read when they are asked for.

        >>> import weighbridge
        >>> metadata = weighbridge.open("model.gguf").metadata
        >>> metadata["general.architecture"], metadata["tokenizer.ggml.tokens"]
        ('demo', ['a', 'b', 'c'])
        """
        if self._metadata is None:
            self._metadata = Metadata(self)
        return self._metadata

    def keys(self) -> list[str]:
        """The names of the tensors."""
        return list(self.tensors)

    def load(
        self,
        select: Select = None,
        *,
        policy: Union[str, Sequence[str]] = "auto",
        extent: Union[str, int] = "whole-file",
        staging_bytes: int = 0,
        structure: bool = False,
        architecture: bool = False,
    ) -> Report:
        """Makes tensors resident: all, those whose names match a glob, or those of a list of names. On an error residency is
        what it was before.

        >>> import weighbridge
        >>> model = weighbridge.open("model.safetensors")
        >>> report = model.load("s*", policy="read-copy")
        >>> report.used, report.tensors, report.moved
        ('read-copy', 1, 8)

        `policy`: "auto", a strategy ("mapped-file", "read-copy", "staged-read"), or several in the order in which they are tried.
        `extent`: what is mapped or allocated together: "whole-file", "per-tensor", or windows of so many bytes.
        `staging_bytes`: bytes moved at most between two looks at deadline and cancellation; 0 for 4 MiB.
        `structure`, `architecture`: check that every layer is whole, and that what the architecture requires is there.
        """
        strategies = ([] if policy == "auto" else [policy]) if isinstance(policy, str) else list(policy)
        if not isinstance(policy, str) and not strategies:
            raise Error("an empty policy allows no strategy", field="policy", hint='leave it out, or say "auto"')
        loaded = self._native.load(self._which(select), strategies, extent, staging_bytes, (structure, architecture))
        fields = _fields(json.loads(loaded))
        refused = tuple(Refusal(one["strategy"], of_record(one["reason"])) for one in fields["refused"])
        self._report = Report(**{"used": None, **fields, "refused": refused})
        return self._report

    @property
    def report(self) -> Optional[Report]:
        """What the last load did; None before the first."""
        return self._report

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was noticed of the model that did not keep it from being opened.

        >>> import weighbridge
        >>> weighbridge.open("model.safetensors").findings
        ()
        """
        files, names = self.files, list(self._native.tensors())
        found = []
        for one in json.loads(self._native.findings()):
            source, tensor = one.get("source"), one.get("tensor")
            file = files[source] if source is not None and source < len(files) else None
            name = names[tensor][0] if tensor is not None and tensor < len(names) else None
            shown = None if file is None else file.path or file.name
            found.append(Finding(one["rule"], one["severity"], one["message"], shown, name, one.get("offset")))
        return tuple(found)

    def tensor(self, name: str) -> Tensor:
        """The view of a tensor, which is made resident if it is not yet."""
        info = self._info(name)
        return self._views([info])[0]

    __getitem__ = tensor

    def _views(self, infos: Sequence[TensorInfo]) -> list[Tensor]:
        indices = [info.position for info in infos]
        if self._whole is None:
            # One mapping of each file serves all tensors. Where that cannot be, each is loaded when it is asked for.
            try:
                if self._report is None:
                    self.load(policy="mapped-file")
                self._whole = True
            except Error as error:
                if error.message.startswith("the model is closed") or error.cause in ("cancelled", "deadline"):
                    raise
                self._whole = False
        try:
            views = self._native.views(Tensor, indices)
        except Error as error:
            if error.cause != "not-resident":
                raise
            self._native.load(indices, self._each, "per-tensor", 0, (False, False))
            views = self._native.views(Tensor, indices)
        for view, info in zip(views, infos):
            view.info = info
        return views

    def _load_each(self, strategy: str) -> None:
        """From now on each tensor is loaded by this strategy when it is asked for."""
        self._whole = False
        self._each = [strategy]

    def _info(self, name: str) -> TensorInfo:
        info = self.tensors.get(name)
        if info is None:
            raise Error(
                f"the model has no tensor {name!r}",
                cause="not-found",
                tensor=name if isinstance(name, str) else None,
                field="name",
                hint=_nearest(name, self.tensors),
            )
        return info

    def _which(self, select: Select) -> Union[None, str, list[int]]:
        if select is None or isinstance(select, str):
            return select
        return [self._info(name).position for name in select]

    def release(self, select: Select = None) -> int:
        """Unmaps tensors and returns of how many; `busy` while views of them are out."""
        self._whole = None if select is None else self._whole
        return self._native.release(self._which(select))

    def evict(self, select: Select = None) -> int:
        """Drops copies of tensors and returns of how many; `busy` while views of them are out."""
        return self._native.evict(self._which(select))

    def advise(self, name: str, advice: str) -> str:
        """Advice for the pages of a mapped tensor ("will-need", "dont-need", "sequential", "random", "normal"), and what became
        of it: "applied", "ignored" or "unsupported"."""
        return self._native.advise(self._info(name).position, advice)

    @property
    def states(self) -> dict[str, TensorState]:
        """Residency of each tensor."""
        states = json.loads(self._native.states())
        return {
            name: TensorState(states[info.position]["lifecycle"], states[info.position].get("strategy"))
            for name, info in self.tensors.items()
        }

    @property
    def stats(self) -> dict[str, int]:
        """What the session holds and what it did, in bytes, counts and nanoseconds (`ns_…`)."""
        held, took = json.loads(self._native.stats())
        return {**_fields(held), **{f"ns_{key}": value for key, value in _fields(took).items()}}

    def record(self, path: Union[str, os.PathLike[str]]) -> int:
        """Writes what happened so far to a file that `weighbridge replay`, `compare` and the inspector read, and returns its
        bytes. It holds no byte of a tensor and no path.

        >>> import weighbridge
        >>> model = weighbridge.open("model.safetensors", observe="transitions")
        >>> model.record("model.wbrec") > 0
        True
        """
        recording = self._native.recording()
        with _builtin_open(path, "wb") as file:
            return file.write(recording)

    def cancel(self) -> None:
        """Ends the load that runs in another thread, if one does, and every later one."""
        self._native.cancel()

    def close(self) -> None:
        """Gives back everything that no tensor uses. A second time it does nothing."""
        self._native.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError("a model is open in this process and is not pickled: send its path, and open it in the other process")

    def __repr__(self) -> str:
        try:
            summary, files = self.summary, self.files
        except Error:
            return "<weighbridge.Model, closed>"
        return f"<weighbridge.Model {files[0].name!r}, {summary.format}, {summary.tensors} tensors, {summary.tensor_bytes} bytes>"


_builtin_open = builtins.open


def _fields(record: dict[str, Any]) -> dict[str, Any]:
    return {key.replace("-", "_"): value for key, value in record.items()}


def _nearest(name: object, names: Mapping[str, TensorInfo]) -> str:
    """What might have been meant, of models whose names are few enough to compare."""
    import difflib

    near = difflib.get_close_matches(name, names, 1) if isinstance(name, str) and len(names) <= 10_000 else []
    return f"did you mean {near[0]!r}?" if near else "its names are model.keys()"
