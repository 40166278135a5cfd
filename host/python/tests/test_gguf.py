"""The reader of GGUF files, side by side with that of the package gguf."""
import gguf
import numpy as np
import pytest

import weighbridge
from conftest import write_gguf
from weighbridge.gguf import GGUFReader


@pytest.fixture
def readers():
    return GGUFReader("model.gguf"), gguf.GGUFReader("model.gguf")


def test_fields_are_those_of_the_peer(readers):
    ours, theirs = readers
    assert list(ours.fields) == list(theirs.fields)
    for name, field in theirs.fields.items():
        mine = ours.fields[name]
        assert mine.types == field.types and mine.contents() == field.contents(), name
        assert mine.data == field.data and mine.offset == field.offset and mine.name == field.name, name
        assert len(mine.parts) == len(field.parts), name
        for one, other in zip(mine.parts, field.parts):
            assert one.dtype == other.dtype and np.array_equal(one, other), name
        for index in field.data:
            assert bytes(mine.parts[index]) == bytes(field.parts[index]), name
    tokens = ours.get_field("tokenizer.ggml.tokens")
    assert tokens.contents(1) == "b" and tokens.contents(slice(0, 2)) == ["a", "b"]
    assert ours.get_field("no.such.key") is None


def test_tensors_are_those_of_the_peer(readers):
    ours, theirs = readers
    assert len(ours.tensors) == len(theirs.tensors)
    for mine, other in zip(ours.tensors, theirs.tensors):
        for attribute in ("name", "tensor_type", "n_elements", "n_bytes", "data_offset"):
            assert getattr(mine, attribute) == getattr(other, attribute), (mine, attribute)
        assert np.array_equal(mine.shape, other.shape)
        assert mine.data.dtype == other.data.dtype and mine.data.shape == other.data.shape
        assert np.array_equal(mine.data, other.data) and not mine.data.flags.writeable
        assert mine.field.offset == other.field.offset and mine.field.data == other.field.data
        assert all(np.array_equal(one, two) for one, two in zip(mine.field.parts, other.field.parts))
    assert ours.get_tensor(1).name == theirs.get_tensor(1).name
    assert (ours.byte_order, ours.alignment, ours.data_offset) == (theirs.byte_order, theirs.alignment, theirs.data_offset)


def test_what_programs_of_the_peer_do(readers):
    """As in `gguf_dump` and in loaders of models: the last part, decoded."""
    for reader in readers:
        architecture = reader.fields["general.architecture"]
        assert str(bytes(architecture.parts[architecture.data[-1]]), "utf-8") == "demo"
        assert reader.fields["demo.block_count"].parts[-1][0] == 7
        dequantized = [gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors if tensor.name == "blocks"]
        assert dequantized[0].shape == (2, 32)


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
    path = tmp_path / "vocabulary.gguf"
    write_gguf(path, tokens=[f"token {number} \U0001f600" for number in range(50_000)])
    reader = GGUFReader(path)
    held = reader._model.stats["bytes_to_guest"]
    field = reader.fields["tokenizer.ggml.tokens"]
    assert len(field.data) == 50_000 and field.types == [gguf.GGUFValueType.ARRAY, gguf.GGUFValueType.STRING]
    assert reader._model.stats["bytes_to_guest"] == held and reader._model.stats["mappings"] == 0
    assert field.contents(49_999) == "token 49999 \U0001f600"
    assert reader._model.stats["bytes_to_guest"] > held
    assert reader.tensors[1].data.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_types_are_those_of_the_peer():
    from weighbridge.gguf import _TENSORS, _VALUES

    for kind in gguf.GGMLQuantizationType:
        assert _TENSORS[kind.name] == kind
    assert _VALUES == [kind.name for kind in gguf.GGUFValueType]


def test_the_peer_need_not_be_installed(readers):
    import subprocess
    import sys

    code = """
import sys
sys.modules["gguf"] = None
from weighbridge.gguf import GGUFReader
reader = GGUFReader("model.gguf")
print(reader.tensors[0].tensor_type.name, reader.fields["general.name"].types[0].name, reader.fields["demo.numbers"].contents())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "Q8_0 STRING [1, 2, 300]"), done.stderr


def test_places_that_cannot_be_known_are_refused(tmp_path):
    path = tmp_path / "replaced.gguf"
    write_gguf(path, tokens=["a", "\ufffd", "c"])
    reader = GGUFReader(path)
    assert reader.fields["tokenizer.ggml.tokens"].offset > 0
    with pytest.raises(weighbridge.Error, match="cannot be counted"):
        reader.fields["tokenizer.ggml.scores"].offset
