"""Arrays: right, read-only, not copied, and alive as long as anybody has them."""
import gc
import hashlib
import os
import sys
import weakref

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

import weighbridge
import weighbridge.numpy
from conftest import BIAS, SCALE


def test_arrays_are_those_of_the_peer():
    ours, theirs = weighbridge.numpy.load_file("model.safetensors"), safetensors.numpy.load_file("model.safetensors")
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        assert ours[name].dtype == array.dtype and np.array_equal(ours[name], array)


@pytest.mark.parametrize("name", ["arrays.npz", "model.safetensors"])
def test_every_format_is_read_alike(name):
    arrays = weighbridge.numpy.load_file(name)
    assert np.array_equal(arrays["scale"], SCALE) and np.array_equal(arrays["bias"], BIAS)


def test_bytes_are_loaded_where_they_are(here):
    data = (here / "model.safetensors").read_bytes()
    array = weighbridge.numpy.load(data)["scale"]
    assert np.array_equal(array, SCALE)
    start = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    assert start <= array.__array_interface__["data"][0] < start + len(data), "no copy was made"


def test_types_that_numpy_lacks_are_those_of_ml_dtypes():
    arrays = weighbridge.numpy.load_file("types.safetensors")
    assert arrays["bf16"].dtype == ml_dtypes.bfloat16 and arrays["bf16"].tolist() == [1.0, -2.0]
    assert arrays["e4m3"].dtype == ml_dtypes.float8_e4m3fn and arrays["e4m3"].tolist() == [1.0, -2.0]
    assert arrays["e5m2"].dtype == ml_dtypes.float8_e5m2 and arrays["e5m2"].tolist() == [1.0]
    assert arrays["one"].shape == () and arrays["one"] == -7
    assert arrays["none"].shape == (0, 3) and not arrays["none"].flags.writeable
    assert arrays["flags"].tolist() == [False, True] and arrays["waves"].tolist() == [1 - 2j]
    assert (arrays["four"].dtype, arrays["four"].shape) == (np.uint8, (2, 2)), "blocks are bytes"
    assert (arrays["six"].dtype, arrays["six"].shape) == (np.uint8, (3,))


def test_a_mapped_array_is_the_file_and_no_copy():
    model = weighbridge.open("model.safetensors")
    tensor = model.tensor("scale")
    assert tensor.is_mapped and model.report.moved == 0
    first, second = tensor.numpy(), tensor.numpy()
    assert first.__array_interface__["data"] == second.__array_interface__["data"]


def test_nobody_writes():
    tensor = weighbridge.open("model.safetensors").tensor("scale")
    array = tensor.numpy()
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    with pytest.raises(ValueError):
        array.flags.writeable = True
    with pytest.raises(TypeError, match="read-only"):
        memoryview(tensor)[0] = 1
    with pytest.raises(BufferError, match=r"are read-only: .* Write to a copy \(bytearray\(tensor\)"), open("array.npy", "rb") as file:
        os.readv(file.fileno(), [tensor])
    mine = array.copy()
    mine[0] = 1
    assert array[0] == 0.5


def test_it_is_a_buffer_like_others():
    tensor = weighbridge.open("model.safetensors").tensor("scale")
    assert bytes(tensor) == SCALE.tobytes() == tensor.read()
    assert hashlib.sha256(tensor).digest() == hashlib.sha256(SCALE.tobytes()).digest()
    view = memoryview(tensor)
    assert (view.nbytes, view.ndim, view.format, view.contiguous) == (8, 1, "B", True)
    assert len(tensor) == 8 and bytes(tensor[4:]) == SCALE.tobytes()[4:]


def test_dlpack_has_type_and_shape():
    model = weighbridge.open("types.safetensors")
    assert np.from_dlpack(model.tensor("one")) == -7
    array = np.from_dlpack(weighbridge.open("model.safetensors").tensor("scale"))
    assert np.array_equal(array, SCALE) and not array.flags.writeable
    gc.collect()
    assert np.array_equal(array, SCALE), "the capsule's owner keeps the mapping"
    with pytest.raises(BufferError, match="copy it to the device"):
        model.tensor("one").__dlpack__(dl_device=(2, 0))
    with pytest.raises(BufferError, match="makes no copy"):
        model.tensor("one").__dlpack__(copy=True)


def test_a_capsule_that_nobody_takes_frees_its_view():
    model = weighbridge.open("model.safetensors")
    tensor = model.tensor("scale")
    capsules = [tensor.__dlpack__(), tensor.__dlpack__(max_version=(1, 0))]
    del tensor
    with pytest.raises(weighbridge.Error, match="busy|in use|view"):
        model.release()
    capsules.clear()
    assert model.release() == 2


def mapped(name):
    """Whether this process has the file mapped."""
    with open("/proc/self/maps") as maps:
        return any(line.rstrip().endswith(f"/{name}") for line in maps)


def test_closing_a_model_leaves_arrays_and_the_last_one_unmaps(here):
    copy = here / "lifetime.safetensors"
    copy.write_bytes((here / "model.safetensors").read_bytes())
    model = weighbridge.open(copy)
    arrays = [model.tensor(name).numpy() for name in model.keys()]
    gone = weakref.ref(model)
    model.close()
    del model
    gc.collect()
    assert gone() is None and mapped(copy.name)
    assert {array.tolist()[0] for array in arrays} == {0.5, 1}
    part = arrays.pop()[1:]
    arrays.clear()
    gc.collect()
    assert mapped(copy.name), "a slice of an array is enough"
    del part
    gc.collect()
    assert not mapped(copy.name)


def test_quantized_blocks_are_bytes_and_gguf_dequantizes_them():
    tensor = weighbridge.open("model.gguf").tensor("blocks")
    assert (tensor.dtype, tensor.shape, tensor.block_shape, tensor.is_blocks) == ("Q8_0", (2, 32), (2, 34), True)
    assert tensor.numpy().dtype == np.uint8
    assert np.allclose(tensor.dequantize(), np.linspace(-1, 1, 64).reshape(2, 32), atol=0.01)
    plain = weighbridge.open("model.gguf").tensor("plain")
    assert np.array_equal(plain.dequantize(), np.arange(6).reshape(2, 3)), "what is no blocks is itself"


def test_read_survives_what_a_mapping_does_not(here):
    path = here / "cut.safetensors"
    path.write_bytes((here / "model.safetensors").read_bytes())
    tensor = weighbridge.open(path).tensor("scale")
    assert tensor.read(4, 4) == SCALE.tobytes()[4:]
    with open(path, "r+b") as file:
        file.truncate(16)
    with pytest.raises(weighbridge.Error) as caught:
        tensor.read()
    assert caught.value.cause == "source-changed" and caught.value.file == str(path)


def test_nothing_is_left_of_tensors_that_are_gone():
    model = weighbridge.open("model.safetensors")
    tensors = model._views(list(model.tensors.values()) * 500)
    arrays = [tensor.numpy() for tensor in tensors]
    capsules = [tensor.__dlpack__(max_version=(1, 0)) for tensor in tensors]
    held = sys.getrefcount(weighbridge.Tensor)
    del tensors, arrays, capsules
    gc.collect()
    left = sys.getrefcount(weighbridge.Tensor)
    assert held - left == 1000, "each gave its hold on its class back, once"
    assert model.release() == 2, "no view is out"
