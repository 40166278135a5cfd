"""Prints what the Python readers find in each model file, as JSON for the tests to compare with.

    hashes.py DIR  →  {"file": {"tensor": {"dtype", "shape", "sha256"}}}

Files are named relative to DIR. The hash is over the tensor's raw bytes as the file stores them; the shape is in the
file's own order (GGUF: fastest dimension first; safetensors: slowest first).
"""

import hashlib
import json
import sys
from pathlib import Path

from gguf import GGUFReader
from safetensors import safe_open


def entry(dtype, shape, data):
    return {"dtype": dtype, "shape": [int(n) for n in shape], "sha256": hashlib.sha256(data).hexdigest()}


def of_gguf(path):
    return {t.name: entry(t.tensor_type.name, t.shape, t.data.tobytes()) for t in GGUFReader(path).tensors}


def of_safetensors(path):
    with safe_open(path, "numpy") as file:
        return {
            name: entry(piece.get_dtype(), piece.get_shape(), file.get_tensor(name).tobytes())
            for name in sorted(file.keys())
            for piece in [file.get_slice(name)]
        }


READERS = {".gguf": of_gguf, ".safetensors": of_safetensors}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: hashes.py DIR")
    folder = Path(sys.argv[1])
    # Only what make_gguf.py made: DIR may hold other people's models too.
    files = sorted(p for p in folder.rglob("*") if p.suffix in READERS and p.relative_to(folder).parts[0].startswith("minilm"))
    hashes = {p.relative_to(folder).as_posix(): READERS[p.suffix](p) for p in files}
    json.dump(hashes, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
