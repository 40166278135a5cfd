"""`safe_open`, side by side with that of the package safetensors."""
import numpy as np
import pytest
import safetensors

import weighbridge
from conftest import BIAS, SCALE


def test_everything_is_as_the_peer_has_it():
    with weighbridge.safe_open("model.safetensors", "np") as ours, safetensors.safe_open("model.safetensors", "np") as theirs:
        assert ours.keys() == theirs.keys() and ours.offset_keys() == theirs.offset_keys()
        assert ours.metadata() == theirs.metadata() == {"format": "pt"}
        for name in theirs.keys():
            assert np.array_equal(ours.get_tensor(name), theirs.get_tensor(name))
            mine, other = ours.get_slice(name), theirs.get_slice(name)
            assert mine.get_shape() == other.get_shape() and mine.get_dtype() == other.get_dtype()
            assert np.array_equal(mine[1:], other[1:]) and np.array_equal(mine[:], other[:]) and mine[-1] == other[-1]
        assert ours.get_tensors().keys() == theirs.get_tensors().keys()


@pytest.mark.parametrize("framework", ["np", "numpy"])
@pytest.mark.parametrize("backend", ["mmap", "pread"])
def test_backends(framework, backend):
    with weighbridge.safe_open("model.safetensors", framework=framework, device="cpu", backend=backend) as file:
        array = file.get_tensor("scale")
        assert file._model.tensor("scale").is_mapped == (backend == "mmap")
        assert file._model.stats["buffer_bytes"] == (0 if backend == "mmap" else 8), "no more than was asked for"
    assert np.array_equal(array, SCALE), "it outlives the file"
    with pytest.raises(weighbridge.SafetensorError, match="closed"):
        file.keys()


@pytest.mark.parametrize("name", ["array.npy", "arrays.npz", "model.gguf"])
def test_other_formats_open_alike(name):
    with weighbridge.safe_open(name, "np") as file:
        assert file.keys() == sorted(file.offset_keys())
        for key in file.keys():
            assert file.get_tensor(key).nbytes
    if name == "array.npy":
        assert np.array_equal(next(iter(weighbridge.numpy.load_file(name).values())), BIAS)


def test_metadata_of_other_formats_is_text():
    metadata = weighbridge.safe_open("model.gguf", "np").metadata()
    assert metadata["general.architecture"] == "demo" and metadata["demo.block_count"] == "7"
    assert metadata["tokenizer.ggml.tokens"] == '["a", "b", "c"]' and metadata["demo.attention.causal"] == "false"
    assert weighbridge.safe_open("array.npy", "np").metadata() is None
