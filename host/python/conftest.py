"""What the tests share: small models of every kind, in a folder of their own that is the current one."""
import struct

import gguf
import numpy as np
import pytest
from safetensors.numpy import save_file

SCALE = np.array([0.5, 2.0], np.float32)
BIAS = np.array([1, 2, 3], np.int32)


def write_safetensors(path, tensors):
    """A file of tensors given as (dtype, shape, bytes), of types that no framework here may have."""
    header, data = [], b""
    for name, (dtype, shape, content) in tensors.items():
        span = [len(data), len(data) + len(content)]
        header.append(f'"{name}":{{"dtype":"{dtype}","shape":{list(shape)},"data_offsets":{span}}}')
        data += content
    text = ("{" + ",".join(header) + "}").encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_gguf(path, tokens=("a", "b", "c")):
    writer = gguf.GGUFWriter(path, "demo")
    writer.add_name("Größe")
    writer.add_block_count(7)
    writer.add_layer_norm_eps(1e-5)
    writer.add_causal_attention(False)
    writer.add_token_list(list(tokens))
    writer.add_token_scores([0.1, -1.5, 3.0])
    writer.add_key_value("demo.numbers", [1, 2, 300], gguf.GGUFValueType.ARRAY, gguf.GGUFValueType.INT32)
    rows = np.linspace(-1, 1, 64, dtype=np.float32).reshape(2, 32)
    writer.add_tensor("blocks", gguf.quants.quantize(rows, gguf.GGMLQuantizationType.Q8_0), raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("plain", np.arange(6, dtype=np.float32).reshape(2, 3))
    writer.add_tensor("half", np.arange(4, dtype=np.float16))
    writer.add_tensor("brain", gguf.quants.quantize(rows, gguf.GGMLQuantizationType.BF16), raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A folder of small models."""
    folder = tmp_path_factory.mktemp("models")
    save_file({"scale": SCALE, "bias": BIAS}, folder / "model.safetensors", metadata={"format": "pt"})
    write_gguf(folder / "model.gguf")
    np.save(folder / "array.npy", BIAS)
    np.savez(folder / "arrays.npz", scale=SCALE, bias=BIAS)
    # Its one metadata entry is of the type 99.
    (folder / "broken.gguf").write_bytes(b"GGUF" + struct.pack("<IQQQ4sI", 3, 0, 1, 4, b"name", 99) + bytes(64))
    one = {
        "bf16": ("BF16", [2], struct.pack("<HH", 0x3F80, 0xC000)),
        "e4m3": ("F8_E4M3", [2], bytes([0x38, 0xC0])),
        "e5m2": ("F8_E5M2", [1], bytes([0x3C])),
        "four": ("F4", [2, 4], bytes([1, 2, 3, 4])),
        "six": ("F6_E3M2", [4], bytes([1, 2, 3])),
        "none": ("F32", [0, 3], b""),
        "one": ("I64", [], struct.pack("<q", -7)),
        "flags": ("BOOL", [2], b"\0\1"),
        "waves": ("C64", [1], struct.pack("<ff", 1, -2)),
    }
    write_safetensors(folder / "types.safetensors", one)
    return folder


@pytest.fixture(autouse=True)
def here(models, monkeypatch):
    """The folder is the current one, as for a person who tries an example."""
    monkeypatch.chdir(models)
    return models
