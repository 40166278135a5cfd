"""Opens models and hands out every tensor, here and with the packages safetensors and gguf: medians of rounds in turn.

    python host/python/benches/compare.py MODEL.safetensors [MODEL.gguf …] [--rounds N]

Needs numpy, safetensors and gguf beside weighbridge; with torch there are rows for it. Every array is compared before anything is timed. Files are in the page cache.
"""
import argparse
import importlib.util
import pathlib
import statistics
import time

import gguf
import numpy as np
import safetensors
import safetensors.numpy

import weighbridge
import weighbridge.gguf
import weighbridge.numpy


def timed(work):
    start = time.perf_counter()
    kept = work()
    spent = time.perf_counter() - start
    del kept
    return spent


def summed(load):
    """Every byte is looked at, so that what a mapping puts off is paid."""
    return lambda: sum(int(np.ascontiguousarray(array).view(np.uint8).sum(dtype=np.uint64)) if array.nbytes else 0 for array in load().values())


def keys(module, path):
    def work():
        with module.safe_open(path, "np") as file:
            return list(file.keys())

    return work


def arrays_of(reader, path):
    return {tensor.name: tensor.data for tensor in reader(path).tensors}


def vocabulary(reader, path):
    field = reader(path).fields.get("tokenizer.ggml.tokens")
    return field.contents() if field else []


def contests(path):
    """Rows of a table: what, with weighbridge, with the peer."""
    if path.suffix == ".gguf":
        ours, theirs = weighbridge.gguf.GGUFReader, gguf.GGUFReader
        return "gguf", [
            ("open, and list fields and tensors", lambda: ours(path), lambda: theirs(path)),
            ("… and every tensor as an array", lambda: arrays_of(ours, path), lambda: arrays_of(theirs, path)),
            ("… and the vocabulary as texts", lambda: vocabulary(ours, path), lambda: vocabulary(theirs, path)),
        ]
    ours, theirs = weighbridge.numpy.load_file, safetensors.numpy.load_file
    return "safetensors", [
        *torch_contests(path),
        ("keys", keys(weighbridge, path), keys(safetensors, path)),
        ("every tensor as an array", lambda: ours(path), lambda: theirs(path)),
        ("… and every byte summed", summed(lambda: ours(path)), summed(lambda: theirs(path))),
    ]


def torch_contests(path):
    """Rows for torch, where it is installed. The peer's tensors are a mapping that is copied when it is written to."""
    if importlib.util.find_spec("torch") is None:
        return []
    import safetensors.torch

    import weighbridge.torch

    ours, theirs = weighbridge.torch.load_file, safetensors.torch.load_file
    return [
        ("torch: every tensor, ours copied", lambda: ours(path), lambda: theirs(path)),
        ("torch: every tensor, ours shared", lambda: ours(path, share=True), lambda: theirs(path)),
    ]


def check(path):
    """That both find the same."""
    if path.suffix == ".gguf":
        mine, other = arrays_of(weighbridge.gguf.GGUFReader, path), arrays_of(gguf.GGUFReader, path)
        assert vocabulary(weighbridge.gguf.GGUFReader, path) == vocabulary(gguf.GGUFReader, path)
    else:
        mine, other = weighbridge.numpy.load_file(path), safetensors.numpy.load_file(path)
    assert mine.keys() == other.keys()
    for name, array in other.items():
        assert mine[name].dtype == array.dtype and mine[name].tobytes() == array.tobytes(), name


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="+", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=11)
    options = parser.parse_args()
    weighbridge.Runtime()  # Once for a program.
    print("| file | what | weighbridge | peer | times as fast |\n|---|---|---:|---:|---:|")
    for path in options.model:
        check(path)
        peer, rows = contests(path)
        for what, ours, theirs in rows:
            spent = [(timed(ours), timed(theirs)) for _ in range(options.rounds)]
            mine, other = (statistics.median(times) * 1e3 for times in zip(*spent))
            print(f"| {path.name} | {what} | {mine:.2f} ms | {other:.2f} ms ({peer}) | {other / mine:.2g} |")


if __name__ == "__main__":
    main()
