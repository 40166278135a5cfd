"""Runs the tests of the package `safetensors` against this one: a pytest plugin (`-p weighbridge_peer`).

What reads is put in the place of the peer's (`safe_open`, `load_file`, `load`, `load_model`); what writes stays the peer's, as
this package writes nothing. `differences.txt` lists the tests that are not passed, each with its reason: one that passes all the
same fails the run, as does one that fails and is not listed. Without torch, tests that name it are not run, and are counted.
"""
import inspect
import pathlib
import sys
import unittest.mock

import pytest

try:
    import torch
except ImportError:
    torch = None
    # Modules that hold other tests as well import it at their top.
    sys.modules["torch"] = unittest.mock.MagicMock()

import safetensors
import safetensors.numpy

import weighbridge
import weighbridge.numpy

# Frameworks to which nothing is handed here, and a test of half a minute that the peer's own writing lets other threads go on.
_OTHERS = {"test_tf_comparison.py", "test_paddle_comparison.py", "test_flax_comparison.py", "test_mlx_comparison.py", "test_threadable.py"}
# Without torch nothing of these can be run.
_TORCH = {"test_pt_comparison.py", "test_pt_model.py", "test_pread_backend.py"}

safetensors.safe_open = safetensors.numpy.safe_open = weighbridge.safe_open
safetensors.SafetensorError = (safetensors.SafetensorError, weighbridge.SafetensorError)
for name in ("load_file", "load"):
    setattr(safetensors.numpy, name, getattr(weighbridge.numpy, name))
if torch is not None:
    import safetensors.torch

    import weighbridge.torch

    for name in ("load_file", "load", "load_model"):
        setattr(safetensors.torch, name, getattr(weighbridge.torch, name))


def _differences():
    found = {}
    for line in pathlib.Path(__file__).with_name("differences.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            test, reason = line.split(" | ", 1)
            found[test.strip()] = reason.strip()
    return found


def pytest_ignore_collect(collection_path):
    if collection_path.name in _OTHERS or (torch is None and collection_path.name in _TORCH):
        return True
    return None


def _needs_torch(item):
    source = inspect.getsource(item.function)
    return "torch" in source or "_pt(" in source or '"pt"' in source


def pytest_collection_modifyitems(config, items):
    left = [item for item in items if torch is None and _needs_torch(item)]
    # The peer itself runs these with a device or a network that is not here.
    skipped = [item for item in items if item not in left and getattr(item.function, "__unittest_skip__", False)]
    config.hook.pytest_deselected(items=left + skipped)
    items[:] = [item for item in items if item not in left and item not in skipped]
    config.weighbridge_left = len(left)
    config.weighbridge_skipped = len(skipped)
    listed = _differences()
    for item in items:
        name = item.nodeid.split("/")[-1]
        reason = listed.pop(name, None)
        if reason is not None:
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason))
    names = {item.nodeid.split("/")[-1] for item in left}
    gone = [name for name in listed if name not in names and (torch is not None or name.split("::")[0] not in _TORCH)]
    if gone and not config.option.keyword:
        raise pytest.UsageError(f"differences.txt lists tests that the peer does not have: {', '.join(gone)}")


def pytest_terminal_summary(terminalreporter, config):
    if getattr(config, "weighbridge_left", 0):
        terminalreporter.write_line(
            f"{config.weighbridge_left} of the peer's tests need torch, which is not installed, and were not run: "
            "cargo xtask test --only python-torch"
        )
    if getattr(config, "weighbridge_skipped", 0):
        terminalreporter.write_line(f"{config.weighbridge_skipped} of the peer's tests are for devices that this machine does not have.")
