"""The examples in the docstrings of the plugin run."""

import doctest
import pkgutil
from importlib import import_module

import pytest
from conftest import BACKEND

import mlpkit_keras

MODULES = [module.name for module in pkgutil.iter_modules(mlpkit_keras.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_run(name: str) -> None:
    """Examples that name JAX are valid with the other backend, too."""
    module = import_module(f"mlpkit_keras.{name}")
    runner = doctest.DocTestRunner()
    for test in doctest.DocTestFinder().find(module):
        for example in test.examples:
            example.source = example.source.replace('"jax"', repr(BACKEND))
        runner.run(test)
    assert runner.summarize().failed == 0


def test_public_names_are_importable() -> None:
    """`mlpkit_keras.__all__` is sorted, and each name can be imported."""
    assert mlpkit_keras.__all__ == sorted(mlpkit_keras.__all__)
    for name in mlpkit_keras.__all__:
        assert callable(getattr(mlpkit_keras, name))
