"""Reads PyTorch checkpoints without PyTorch, and prints what it finds as JSON for the tests to compare with.

    pytorch.py DIR  →  {"file": {"tensors": {"name": {"dtype", "shape", "strided", "sha256"}}, "converted": "sha256"}}

A second opinion on the format: pickles are read by an interpreter of its own for the few opcodes that writers of checkpoints
use, which imports and calls nothing, and archives by Python's `zipfile`. The hash of a tensor is over its elements in the
order of its shape; `converted` is that of the whole file that `safetensors.numpy.save_file` makes of all tensors.

The archive form of PyTorch 1.6 and later (TorchScript too), and the stream form of before.
"""

import hashlib
import json
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import save

TYPES = {
    "FloatStorage": ("F32", "<f4"),
    "DoubleStorage": ("F64", "<f8"),
    "HalfStorage": ("F16", "<f2"),
    "LongStorage": ("I64", "<i8"),
    "IntStorage": ("I32", "<i4"),
    "ShortStorage": ("I16", "<i2"),
    "CharStorage": ("I8", "i1"),
    "ByteStorage": ("U8", "u1"),
    "BoolStorage": ("BOOL", "?"),
}


class Name:
    """A module and a name in it: a text, and nothing that could be called."""

    def __init__(self, module, name):
        self.module, self.name = module, name

    def is_of(self, *parts):
        return (self.module, self.name) == parts


class Made:
    """What a name would have made: with what, and its state."""

    def __init__(self, name, arguments):
        self.name, self.arguments, self.state, self.pairs = name, arguments, None, {}


class Mark:
    pass


def unpickle(data, at=0):
    """The value of the pickle that begins at `at`, and where it ends."""
    stack, memo, start = [], {}, Mark()

    def popped():
        index = max(i for i, value in enumerate(stack) if value is start)
        taken = stack[index + 1 :]
        del stack[index:]
        return taken

    def line():
        nonlocal at
        end = data.index(b"\n", at)
        text, at = data[at:end].decode(), end + 1
        return text

    def take(count):
        nonlocal at
        at += count
        return data[at - count : at]

    def put(pairs):
        for key, value in zip(pairs[::2], pairs[1::2]):
            (stack[-1] if isinstance(stack[-1], dict) else stack[-1].pairs)[key] = value

    while True:
        opcode = take(1)
        match opcode:
            case b"\x80":
                take(1)
            case b".":
                return stack.pop(), at
            case b"(":
                stack.append(start)
            case b"0":
                stack.pop()
            case b"c":
                module = line()
                stack.append(Name(module, line()))
            case b"q":
                memo[take(1)[0]] = stack[-1]
            case b"r":
                memo[struct.unpack("<I", take(4))[0]] = stack[-1]
            case b"h":
                stack.append(memo[take(1)[0]])
            case b"j":
                stack.append(memo[struct.unpack("<I", take(4))[0]])
            case b"}":
                stack.append({})
            case b"]":
                stack.append([])
            case b")":
                stack.append(())
            case b"t":
                stack.append(tuple(popped()))
            case b"\x85":
                stack[-1:] = [tuple(stack[-1:])]
            case b"\x86":
                stack[-2:] = [tuple(stack[-2:])]
            case b"\x87":
                stack[-3:] = [tuple(stack[-3:])]
            case b"a":
                value = stack.pop()
                stack[-1].append(value)
            case b"e":
                values = popped()
                stack[-1].extend(values)
            case b"s":
                value, key = stack.pop(), stack.pop()
                put([key, value])
            case b"u":
                put(popped())
            case b"N":
                stack.append(None)
            case b"\x88":
                stack.append(True)
            case b"\x89":
                stack.append(False)
            case b"K":
                stack.append(take(1)[0])
            case b"M":
                stack.append(struct.unpack("<H", take(2))[0])
            case b"J":
                stack.append(struct.unpack("<i", take(4))[0])
            case b"\x8a":
                stack.append(int.from_bytes(take(take(1)[0]), "little", signed=True))
            case b"G":
                stack.append(struct.unpack(">d", take(8))[0])
            case b"U":
                stack.append(take(take(1)[0]).decode())
            case b"X":
                stack.append(take(struct.unpack("<I", take(4))[0]).decode())
            case b"R" | b"\x81":
                arguments, name = stack.pop(), stack.pop()
                stack.append(Made(name, arguments))
            case b"b":
                state = stack.pop()
                stack[-1].state = state
            case b"Q":
                stack.append(("persistent", stack.pop()))
            case _:
                raise ValueError(f"opcode {opcode} at byte {at - 1}")


def of(value, storages):
    """The dtype and the elements of a tensor, where this is one."""
    if isinstance(value, Made) and value.name.is_of("torch._utils", "_rebuild_parameter"):
        value = value.arguments[0]
    rebuilt = isinstance(value, Made) and value.name.module == "torch._utils"
    if not (rebuilt and value.name.name in ("_rebuild_tensor", "_rebuild_tensor_v2")):
        return None
    storage, offset, shape, strides = value.arguments[:4]
    _, (_, kind, key, *_) = storage
    dtype, numpy = TYPES[kind.name]
    flat = np.frombuffer(storages[key], numpy)[offset:]
    steps = [step * flat.itemsize for step in strides]
    view = np.lib.stride_tricks.as_strided(flat, shape, steps, writeable=False)
    strided = view.size > 0 and not view.flags.c_contiguous
    return dtype, strided, np.ascontiguousarray(view).reshape(shape)


def tensors(value, storages, name=""):
    """All tensors by name: the keys and places that lead to them, with dots."""
    found = of(value, storages)
    if found is not None:
        yield name, found
        return
    if isinstance(value, Made):
        # A dictionary, which Python 2 gave its pairs when it made it; or a module of TorchScript, which is its attributes.
        given = dict(value.arguments[0]) if value.name.is_of("collections", "OrderedDict") and value.arguments else {}
        value = given or value.pairs or value.state or {}
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, (list, tuple)) and not (value and value[0] == "persistent"):
        inner = enumerate(value)
    else:
        inner = ()
    for key, value in inner:
        yield from tensors(value, storages, f"{name}.{key}" if name else str(key))


def of_archive(path):
    with zipfile.ZipFile(path) as archive:
        folder = archive.namelist()[0].split("/")[0]

        class Storages:
            def __init__(self, inside="data"):
                self.inside = inside

            def __getitem__(self, key):
                return archive.read(f"{folder}/{self.inside}/{key}")

        value, _ = unpickle(archive.read(f"{folder}/data.pkl"))
        yield from tensors(value, Storages())
        if f"{folder}/constants.pkl" in archive.namelist():
            # Of TorchScript: its tensors are in a folder of their own.
            value, _ = unpickle(archive.read(f"{folder}/constants.pkl"))
            yield from tensors(value, Storages("constants"), "constants")


def of_stream(path):
    data = path.read_bytes()
    at, values = 0, []
    for _ in range(5):
        value, at = unpickle(data, at)
        values.append(value)
    _, _, system, value, keys = values
    assert system["little_endian"], "a big-endian checkpoint"
    kinds = {}

    def storages_of(value):
        match value:
            case ("persistent", (_, kind, key, *_)):
                kinds[key] = kind.name
            case Made():
                storages_of((value.arguments, value.pairs, value.state))
            case dict():
                storages_of(list(value.values()))
            case list() | tuple():
                for inner in value:
                    storages_of(inner)

    storages_of(value)
    storages = {}
    for key in keys:
        (count,) = struct.unpack_from("<q", data, at)
        bytes_ = count * np.dtype(TYPES[kinds[key]][1]).itemsize
        storages[key], at = data[at + 8 : at + 8 + bytes_], at + 8 + bytes_
    assert at == len(data), f"{len(data) - at} bytes are left"
    yield from tensors(value, storages)


def read(path):
    found = dict(of_archive(path) if zipfile.is_zipfile(path) else of_stream(path))
    sha256 = lambda data: hashlib.sha256(data).hexdigest()
    return {
        "tensors": {
            name: {"dtype": dtype, "shape": list(array.shape), "strided": strided, "sha256": sha256(array.tobytes())}
            for name, (dtype, strided, array) in found.items()
        },
        "converted": sha256(save({name: array for name, (_, _, array) in found.items()})),
    }


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: pytorch.py DIR")
    folder = Path(sys.argv[1])
    files = sorted(path for path in folder.rglob("*") if path.suffix in (".pt", ".pth", ".jit"))
    json.dump({path.relative_to(folder).as_posix(): read(path) for path in files}, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
