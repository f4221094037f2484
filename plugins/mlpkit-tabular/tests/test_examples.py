"""The examples of the README and of docstrings run."""

import doctest
import warnings
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest

import mlpkit_tabular
from mlpkit.testing import run_examples

README = Path(__file__).parents[1] / "README.md"


def test_the_examples_of_the_readme_run() -> None:
    """All blocks run in one namespace."""
    assert run_examples(README) == 2


MODULES = [
    m.name
    for m in walk_packages(mlpkit_tabular.__path__, "mlpkit_tabular.")
    if not m.name.endswith("__main__")
]


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_docstrings_are_true(module: str) -> None:
    """Those of private functions too."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        failed, _ = doctest.testmod(import_module(module))
    assert failed == 0


def test_some_examples_run() -> None:
    """Each package has examples: a wrong path would find none."""
    packages = {
        name.split(".")[1]
        for name in MODULES
        if any(test.examples for test in doctest.DocTestFinder().find(import_module(name)))
    }
    assert packages == {"datasets", "encoding", "estimators", "networks"}
