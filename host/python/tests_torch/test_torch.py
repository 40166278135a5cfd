"""Torch tensors. Run by `cargo xtask test --only python-torch`, whose environment has torch."""
import subprocess
import sys

import numpy as np
import pytest
import torch

import weighbridge
import weighbridge.torch
from weighbridge import Error, safe_open


def test_types_are_torchs():
    tensors = weighbridge.torch.load_file("types.safetensors")
    assert tensors["bf16"].dtype == torch.bfloat16 and tensors["bf16"].tolist() == [1.0, -2.0]
    assert tensors["e4m3"].dtype == torch.float8_e4m3fn and tensors["e4m3"].float().tolist() == [1.0, -2.0]
    assert tensors["e5m2"].dtype == torch.float8_e5m2
    assert tensors["one"].shape == () and tensors["one"].item() == -7
    assert tensors["none"].shape == (0, 3) and tensors["waves"].tolist() == [1 - 2j] and tensors["flags"].tolist() == [False, True]
    assert tensors["six"].dtype == torch.uint8, "blocks are bytes"


def test_copies_are_ones_own_and_views_are_the_file():
    tensor = weighbridge.open("model.safetensors").tensor("scale")
    mine = tensor.torch()
    mine[0] = 7
    assert tensor.numpy().tolist() == [0.5, 2.0]
    view = tensor.torch(share=True)
    assert view.data_ptr() == tensor.numpy().__array_interface__["data"][0]
    shared = weighbridge.torch.load_file("model.safetensors", share=True)
    assert shared["scale"].tolist() == [0.5, 2.0], "it keeps the mapping, though the model is closed"


def test_a_write_to_a_shared_tensor_ends_the_process():
    code = "import weighbridge; weighbridge.open('model.safetensors').tensor('scale').torch(share=True)[0] = 1"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == -11


def test_from_dlpack():
    model = weighbridge.open("types.safetensors")
    assert torch.from_dlpack(model.tensor("bf16")).tolist() == [1.0, -2.0]
    assert torch.from_dlpack(weighbridge.open("model.safetensors").tensor("bias")).tolist() == [1, 2, 3]
    assert torch.frombuffer(bytearray(model.tensor("one")), dtype=torch.int64).item() == -7


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has such a device")
def test_devices_that_are_not_there():
    for device in ("cuda", "cuda:0", 0):
        with pytest.raises(Error, match=r"the device cuda(:0)? is not there: .*; load to device=\"cpu\"") as caught:
            weighbridge.torch.load_file("model.safetensors", device=device)
        assert caught.value.cause == "strategy-unavailable" and caught.value.field == "device"
    with pytest.raises(Error, match="'abacus' is no device of torch"):
        safe_open("model.safetensors", "pt", "abacus")


def test_a_type_that_torch_lacks(monkeypatch):
    monkeypatch.delattr(torch, "float8_e4m3fn")
    with pytest.raises(Error, match=r"torch .* has no element type F8_E4M3, which tensor 'e4m3' has; install a newer torch"):
        weighbridge.open("types.safetensors").tensor("e4m3").torch()


def test_slices():
    with safe_open("model.safetensors", "pt") as file:
        assert file.get_slice("bias")[1:].tolist() == [2, 3]
        assert file.get_tensor("scale").dtype == torch.float32


def test_a_module_is_loaded(tmp_path):
    import safetensors.torch

    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first = torch.nn.Linear(3, 3)
            self.second = torch.nn.Linear(3, 3)
            self.second.weight = self.first.weight

    source, target = Tied(), Tied()
    path = tmp_path / "tied.safetensors"
    safetensors.torch.save_model(source, path)
    assert weighbridge.torch.load_model(target, path) == ([], [])
    assert torch.equal(source.first.weight, target.second.weight)
    with pytest.raises(RuntimeError, match=r'does not fit Linear. Missing key\(s\) in state_dict: "bias", "weight". Unexpected key\(s\)'):
        weighbridge.torch.load_model(torch.nn.Linear(3, 3), path)


def test_gguf_blocks_go_to_torch():
    tensors = weighbridge.torch.load_file("model.gguf")
    assert tensors["blocks"].dtype == torch.uint8 and tensors["blocks"].shape == (2, 34)
    assert tensors["brain"].dtype == torch.bfloat16 and np.allclose(tensors["brain"].float().numpy(), np.linspace(-1, 1, 64).reshape(2, 32), atol=0.01)
