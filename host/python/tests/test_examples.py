"""The examples: those in docstrings, and those of the README, which is followed as it stands."""
import doctest
import importlib
import pathlib
import pkgutil

import pytest

import weighbridge

README = pathlib.Path(__file__).parent.parent / "README.md"
FLAGS = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
MODULES = ["weighbridge", *(f"weighbridge.{module.name}" for module in pkgutil.iter_modules(weighbridge.__path__))]


@pytest.mark.parametrize("name", [name for name in MODULES if not name.endswith("._native")])
def test_docstrings(name):
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=FLAGS)
    assert failed == 0
    assert tried or name in ("weighbridge._dtypes", "weighbridge.torch"), "examples that nobody runs are none"


def test_readme():
    failed, tried = doctest.testfile(str(README), module_relative=False, optionflags=FLAGS)
    assert failed == 0 and tried > 10


def test_everything_public_is_documented():
    for name in MODULES:
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", []):
            found = getattr(module, public)
            foreign = getattr(found, "__module__", name).split(".")[0] != "weighbridge"
            assert foreign or isinstance(found, str) or found.__doc__, f"{name}.{public}"
