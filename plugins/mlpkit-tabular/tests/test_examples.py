"""The examples of the README and of docstrings run."""

import doctest
import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

from mlpkit_tabular import encoding

README = Path(__file__).parents[1] / "README.md"


def test_the_examples_of_the_readme_run() -> None:
    """All blocks run in one namespace."""
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.M | re.S)
    assert blocks
    names: dict[str, object] = {"__name__": "readme"}
    for block in blocks:
        exec(compile(block, README.name, "exec"), names)


@pytest.mark.parametrize("module", [m.name for m in iter_modules(encoding.__path__)])
def test_the_examples_of_docstrings_are_true(module: str) -> None:
    """Those of the encoder."""
    failed, _ = doctest.testmod(import_module(f"{encoding.__name__}.{module}"))
    assert failed == 0
