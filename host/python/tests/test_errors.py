"""Everything that a person can get wrong here has a sentence, and programs get fields."""
import pickle
import pathlib
import subprocess
import sys

import pytest

import weighbridge
import weighbridge.gguf
import weighbridge.numpy
import weighbridge.torch
from weighbridge import Error, safe_open


def refused(call, cause, words, kind=Error):
    with pytest.raises(kind, match=words) as caught:
        call()
    assert isinstance(caught.value, Error) and caught.value.cause == cause
    return caught.value


def test_fields_of_a_malformed_file():
    error = refused(lambda: weighbridge.open("broken.gguf"), "malformed", "broken.gguf")
    assert (error.phase, error.file, error.offset) == ("parse", "broken.gguf", 36)
    assert error.field and error.message in str(error) and error.tensor is None


def test_files_that_are_not_there_or_may_not_be_read(here):
    error = refused(lambda: safe_open("no/such/file", "np"), "not-found", "no/such/file", FileNotFoundError)
    assert (error.file, error.os_code) == (error.filename, error.errno) == ("no/such/file", 2)
    with pytest.raises(Error, match="folder|directory|regular"):
        weighbridge.open(here)
    refused(lambda: weighbridge.open([]), "invalid-request", "give the file of a model")
    refused(lambda: weighbridge.open(7), "invalid-request", "from a path, from bytes, or from a list of these, and not from int")
    refused(lambda: weighbridge.open([7]), "invalid-request", "a path or bytes, and not int")
    with open("model.safetensors", "rb") as file:
        refused(lambda: weighbridge.open(file), "invalid-request", r"file\.name, file\.read\(\)")
    refused(lambda: weighbridge.numpy.load_file(b"bytes"), "invalid-request", r"use load\(data\)")


def test_errors_travel_to_other_processes_with_their_fields():
    error = refused(lambda: safe_open("no/such/file", "np"), "not-found", "no/such/file", FileNotFoundError)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and str(copy) == str(error) and copy.os_code == copy.errno == 2 and copy.file == error.file


def test_names_that_are_not_there_are_compared():
    model = weighbridge.open("model.safetensors")
    error = refused(lambda: model.tensor("scal"), "not-found", "no tensor 'scal'; did you mean 'scale'")
    assert error.tensor == "scal" and error.hint
    refused(lambda: model.load(["scale", "other"]), "not-found", "no tensor 'other'")
    refused(lambda: model.load("nothing*"), "not-found", "nothing")


def test_options_that_are_none():
    model = weighbridge.open("model.safetensors")
    refused(lambda: model.load(policy="mmap"), "invalid-request", '"mmap" is no strategy; it is one of mapped-file')
    refused(lambda: model.load(policy=[]), "invalid-request", "an empty policy")
    refused(lambda: model.load(extent="page"), "invalid-request", '"page" is no extent')
    refused(lambda: model.advise("scale", "soon"), "invalid-request", '"soon" is no advice')
    refused(lambda: weighbridge.open("model.safetensors", observe="all"), "invalid-request", '"all" is no level')
    refused(lambda: weighbridge.open("model.safetensors", deadline=-1), "invalid-request", "a deadline is a number of seconds")
    refused(lambda: safe_open("model.safetensors", "tf"), "invalid-request", "NumPy .* and PyTorch")
    refused(lambda: safe_open("model.safetensors", "np", "cuda"), "invalid-request", "on the device cpu")
    refused(lambda: safe_open("model.safetensors", "np", backend="uring"), "invalid-request", "one of mmap, pread")
    refused(lambda: model.tensor("scale").read(-1), "invalid-request", "0 or more")
    refused(lambda: model.tensor("scale").read(4, 5), "out-of-bounds", "has 8 bytes, and 5 from 4")


def test_saving_is_refused_with_who_does_it():
    for module in (weighbridge.numpy, weighbridge.torch):
        name = module.__name__.replace("weighbridge", "safetensors")
        for function in ("save_file", "save"):
            words = f"pip install safetensors, and from {name} import {function}$"
            refused(lambda: getattr(module, function)({}, "x"), "invalid-request", words)
    refused(lambda: weighbridge.torch.save_model(None, "x"), "invalid-request", "save_model")


def test_a_package_that_is_missing(monkeypatch):
    model = weighbridge.open("types.safetensors")
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    error = refused(model.tensor("bf16").numpy, "unsupported-dtype", "NumPy has no element type BF16, which tensor 'bf16' has; pip install ml_dtypes")
    assert error.tensor == "bf16" and error.field == "dtype"
    monkeypatch.setitem(sys.modules, "gguf", None)
    refused(weighbridge.open("model.gguf").tensor("blocks").dequantize, "not-found", "needs the package gguf, .*; pip install gguf", ImportError)
    monkeypatch.setitem(sys.modules, "numpy", None)
    refused(model.tensor("one").numpy, "not-found", "needs the package numpy, .*; pip install numpy", ImportError)
    refused(lambda: safe_open("model.safetensors", "np"), "not-found", "needs the package numpy", ImportError)
    refused(lambda: weighbridge.gguf.GGUFReader("model.gguf"), "not-found", "GGUFReader needs the package numpy", ImportError)
    assert bytes(model.tensor("one")), "bytes need nothing"
    monkeypatch.setitem(sys.modules, "torch", None)
    refused(lambda: safe_open("model.safetensors", "pt"), "not-found", "needs the package torch, .*; pip install torch", ImportError)


def test_a_component_that_is_none_or_of_another_version(here):
    refused(lambda: weighbridge.Runtime(component=b"\0asm"), "unsupported-format", "component")
    # A component that has none of the contract's interfaces.
    empty = b"\0asm\x0d\0\x01\0"
    error = refused(lambda: weighbridge.Runtime(component=empty), "unsupported-format", "weighbridge:loader")
    assert "0.1.0" in str(error), "the version that is spoken is said"


def test_a_closed_model_and_a_copy_of_one():
    model = weighbridge.open("model.safetensors")
    tensor = model.tensor("scale")
    model.close()
    model.close()
    for call in (lambda: model.summary, model.load, model.release, lambda: model.tensor("scale"), lambda: model.record("x")):
        refused(call, "invalid-request", "the model is closed; open it again")
    with pytest.raises(TypeError, match="send its path"):
        pickle.dumps(model)
    with pytest.raises(TypeError, match="open the model in the other process"):
        pickle.dumps(tensor)
    with pytest.raises(TypeError, match="ask a model for them"):
        weighbridge.Tensor()
    with pytest.raises(TypeError, match="weighbridge.open"):
        weighbridge.Model("model.safetensors")


def test_busy_while_arrays_are_out():
    model = weighbridge.open("model.safetensors")
    array = model.tensor("scale").numpy()
    refused(model.release, "busy", "still in use")
    del array
    assert model.release() == 2


def test_slices_that_leave_the_tensor():
    with safe_open("model.safetensors", "np") as file:
        piece = file.get_slice("bias")
        refused(lambda: piece[3], "out-of-bounds", r"Error during slicing \[3\] with shape \[3\]: index 3 out of bounds")
        refused(lambda: piece[:4], "out-of-bounds", "index 3 out of bounds for tensor dimension #0 of size 3")
        refused(lambda: piece[-4], "out-of-bounds", "Invalid index -4 for dimension 0 of size 3")
        refused(lambda: piece[0, 0], "invalid-request", "2 indices for a tensor of shape")
        refused(lambda: piece["a"], "invalid-request", "with integers and slices, and not with str")


def test_readers_of_gguf_say_what_they_do_not_do():
    from weighbridge.gguf import GGUFReader

    refused(lambda: GGUFReader("model.gguf", "r+"), "invalid-request", "writes none, .*; leave it out")
    refused(lambda: GGUFReader("model.safetensors"), "unsupported-format", "is no GGUF file: it is safetensors")


# What is said before anything else works runs in an interpreter of its own.


def in_python(code, *arguments):
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.stdout.strip()


def test_an_old_python():
    code = "import sys; sys.version_info = (3, 8, 20, 'final', 0); import weighbridge"
    returned, said = in_python(code)
    assert returned == 1 and said == "ImportError: weighbridge needs Python 3.9 or newer, and this is Python 3.8: run it with a newer one"


def test_the_check_of_the_version_is_read_by_old_pythons():
    import ast

    source = pathlib.Path(weighbridge.__file__).read_text()
    ast.parse(source, feature_version=(3, 4))


def test_two_versions_in_one_process(tmp_path):
    import shutil

    package = pathlib.Path(weighbridge.__file__).parent
    copy = tmp_path / "weighbridge"
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("*.so"))
    for file in package.glob("_native*.so"):
        (copy / file.name).symlink_to(file)
    source = copy / "__init__.py"
    source.write_text(source.read_text().replace('__version__ = "0.1.0"', '__version__ = "0.2.0"'))
    code = """
import sys, weighbridge
for name in [name for name in sys.modules if name.split(".")[0] == "weighbridge"]:
    del sys.modules[name]
sys.path.insert(0, sys.argv[1])
import weighbridge
"""
    returned, said = in_python(code, str(tmp_path))
    assert returned == 1 and "two copies of weighbridge in one process: 0.1.0 in" in said and f"0.2.0 in {copy}" in said
    # The same files, and the native half of another version.
    returned, said = in_python(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import weighbridge")
    assert returned == 1 and "weighbridge 0.2.0 found the native part of version 0.1.0" in said


def test_a_native_half_that_cannot_be_loaded(tmp_path):
    import shutil

    package = pathlib.Path(weighbridge.__file__).parent
    shutil.copytree(package, tmp_path / "weighbridge", ignore=shutil.ignore_patterns("*.so"))
    returned, said = in_python(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import weighbridge")
    assert returned == 1 and "cannot be loaded by this Python" in said and "pip install --force-reinstall weighbridge" in said


def test_importing_needs_nothing_else():
    code = """
import sys
for name in ("numpy", "torch", "gguf", "ml_dtypes", "safetensors"):
    sys.modules[name] = None
import weighbridge, weighbridge.numpy, weighbridge.torch, weighbridge.gguf
print(len(bytes(weighbridge.open("model.safetensors").tensor("scale"))))
"""
    assert in_python(code) == (0, "8")
