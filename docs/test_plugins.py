"""The pages on plugins: their examples run, and they name every law."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mlpkit import testing
from mlpkit.commands.checking import LAWS

PAGES = Path(__file__).parent / "plugins"


@pytest.mark.parametrize("kind", LAWS)
def test_the_example_runs(kind: str) -> None:
    """In a namespace with X (n, 3) and y of two classes."""
    X = np.random.RandomState(0).standard_normal((60, 3))
    names = {"X": X, "y": (X[:, 0] > 0).astype(int), "__name__": "page"}
    blocks = re.findall(r"^```python\n(.*?)^```", (PAGES / f"{kind}.md").read_text(), re.M | re.S)
    assert blocks
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for block in blocks:
            exec(compile(block, f"{kind}.md", "exec"), names)


@pytest.mark.parametrize("kind", LAWS)
def test_every_law_is_named(kind: str) -> None:
    """With its name in words."""
    text = (PAGES / f"{kind}.md").read_text()
    for name in dir(getattr(testing, LAWS[kind])):  # type: ignore[index]
        if name.startswith("test_"):
            assert f"- {name.removeprefix('test_').replace('_', ' ')}: " in text, name
