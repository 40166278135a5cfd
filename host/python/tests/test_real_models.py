"""The real weights that `cargo xtask models` fetches: every tensor, against what the packages safetensors and gguf find in it."""
import hashlib
import json
import pathlib

import pytest

import weighbridge

MODELS = pathlib.Path(__file__).resolve().parents[3] / "target/models"


@pytest.fixture(scope="module")
def hashes():
    assert (MODELS / "hashes.json").is_file(), "run `cargo xtask models` first"
    return json.loads((MODELS / "hashes.json").read_text())


def test_every_tensor_of_every_file(hashes):
    for name, tensors in hashes.items():
        with weighbridge.open(MODELS / name) as model:
            turned = model.summary.format == "gguf"
            for tensor, expected in tensors.items():
                view = model.tensor(tensor)
                shape = list(reversed(view.shape)) if turned else list(view.shape)
                found = {"dtype": view.dtype, "shape": shape, "sha256": hashlib.sha256(view).hexdigest()}
                assert found == expected, (name, tensor)
    assert len(hashes) > 5


def test_shards_are_one_model(hashes):
    whole = weighbridge.open(MODELS / "minilm.safetensors")
    sharded = weighbridge.open(MODELS / "minilm-sharded/model.safetensors.index.json")
    assert sorted(sharded.keys()) == sorted(whole.keys()) and len(sharded.files) == 4
    assert bytes(sharded.tensor("embeddings.LayerNorm.weight")) == bytes(whole.tensor("embeddings.LayerNorm.weight"))
    split = weighbridge.open(MODELS / "minilm-q8_0-00001-of-00003.gguf")
    assert len(split.files) == 3 and split.keys() == weighbridge.open(MODELS / "minilm-q8_0.gguf").keys()
