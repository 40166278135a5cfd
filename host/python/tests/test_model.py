"""The model: its headers, residency, reports, recordings."""
import os
import pathlib

import pytest

import weighbridge


def test_summary_files_and_tensors(here):
    with weighbridge.open(here / "model.gguf") as model:
        assert model.summary.format == "gguf" and model.summary.architecture == "demo" and model.summary.tensors == 4
        assert [(file.name, file.path, file.size) for file in model.files] == [
            ("model.gguf", str(here / "model.gguf"), os.path.getsize(here / "model.gguf"))
        ]
        assert model.tensors["plain"].shape == (2, 3), "the outermost first, whatever the file's order"
        assert repr(model).startswith("<weighbridge.Model 'model.gguf', gguf, 4 tensors")
    assert repr(model) == "<weighbridge.Model, closed>"


@pytest.mark.parametrize("given", [str, pathlib.Path, lambda path: [path], lambda path: pathlib.Path(path).read_bytes(),
                                   lambda path: bytearray(pathlib.Path(path).read_bytes()),
                                   lambda path: memoryview(pathlib.Path(path).read_bytes())])
def test_what_a_model_is_opened_from(given):
    assert weighbridge.open(given("model.safetensors")).keys() == ["scale", "bias"]


def test_metadata_is_typed_and_lazy():
    metadata = weighbridge.open("model.gguf").metadata
    assert metadata["demo.block_count"] == 7 and metadata["demo.attention.causal"] is False
    assert metadata["general.name"] == "Größe"
    assert metadata["tokenizer.ggml.tokens"] == ["a", "b", "c"]
    assert metadata["tokenizer.ggml.scores"][0] == pytest.approx(0.1) and metadata["demo.numbers"] == [1, 2, 300]
    assert metadata.kind("tokenizer.ggml.tokens") == "array of 3 string" and metadata.kind("general.name") == "string"
    assert "no.such.key" not in metadata
    with pytest.raises(KeyError):
        metadata["no.such.key"]


@pytest.mark.parametrize("policy", ["mapped-file", "read-copy", "staged-read", ["mapped-file", "read-copy"], "auto"])
def test_policies_and_reports(policy):
    model = weighbridge.open("model.safetensors")
    assert model.report is None
    report = model.load(policy=policy)
    assert model.report == report and report.tensors == 2 and report.bytes == 20
    assert report.used == (policy if isinstance(policy, str) and policy != "auto" else "mapped-file")
    assert report.moved == (0 if report.used == "mapped-file" else 20)
    assert model.tensor("scale").is_mapped == (report.used == "mapped-file")


def test_a_refused_strategy_is_reported_with_its_reason():
    report = weighbridge.open("model.safetensors", mmap=False).load()
    assert report.used != "mapped-file" and report.refused[0].strategy == "mapped-file"
    assert report.refused[0].reason.cause == "strategy-unavailable" and str(report.refused[0].reason)


def test_selections():
    model = weighbridge.open("model.safetensors")
    assert model.load("sc*").tensors == 1
    assert model.load(["bias"], extent="per-tensor").tensors == 1
    assert {state.lifecycle for state in model.states.values()} == {"mmap-resident"}
    assert model.advise("scale", "will-need") in ("applied", "ignored", "unsupported")
    assert model.release() == 2 and model.states["scale"].lifecycle == "evicted"
    model.load(policy="read-copy", extent=4096)
    assert model.evict(["scale"]) == 1


def test_a_tensor_is_made_resident_when_it_is_asked_for():
    model = weighbridge.open("model.safetensors")
    model.load("bias")
    assert model["scale"].numpy().tolist() == [0.5, 2.0], "also after a load that left it out"
    del model
    model = weighbridge.open("model.safetensors", mmap=False)
    assert model["scale"].numpy().tolist() == [0.5, 2.0] and not model["scale"].is_mapped


def test_after_a_release_it_can_be_asked_for_again():
    model = weighbridge.open("model.safetensors")
    model["scale"].read()
    assert model.release() == 2
    assert model["scale"].is_mapped


def test_stats_and_recording(tmp_path):
    model = weighbridge.open("model.safetensors", observe="transitions")
    model.load()
    assert model.stats["mappings"] == 1 and model.stats["ns_open"] > 0
    path = tmp_path / "load.wbrec"
    assert model.record(path) == path.stat().st_size
    text = path.read_text()
    assert "io/mmap" in text and "model.safetensors" not in text and str(tmp_path) not in text


def test_findings_name_their_place(here):
    import struct

    from conftest import write_safetensors

    path = here / "odd.safetensors"
    write_safetensors(path, {"weight": ("F32", [1], struct.pack("<f", 1))})
    path.write_bytes(path.read_bytes()[:-4].replace(b'"F32"', b'"F99"') + b"\0\0\0\0")
    model = weighbridge.open(path)
    found = model.findings
    assert found and found[0].tensor == "weight" and found[0].severity in ("warning", "error") and found[0].message
    with pytest.raises(weighbridge.Error) as caught:
        model.tensor("weight")
    assert caught.value.cause == "unsupported-dtype" and caught.value.tensor == "weight"


def test_a_sharded_model_is_one_model(here):
    import json

    from safetensors.numpy import save_file

    from conftest import BIAS, SCALE

    folder = here / "sharded"
    folder.mkdir()
    save_file({"scale": SCALE}, folder / "model-00001-of-00002.safetensors")
    save_file({"bias": BIAS}, folder / "model-00002-of-00002.safetensors")
    shards = {"scale": "model-00001-of-00002.safetensors", "bias": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": shards}))
    model = weighbridge.open(folder / "model.safetensors.index.json")
    assert model["scale"].numpy().tolist() == [0.5, 2.0] and model["bias"].numpy().tolist() == [1, 2, 3]
    assert {info.source for info in model.tensors.values()} != {0} or len(model.files) > 1
