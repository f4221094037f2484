"""The examples for PyTorch on the page "From skorch" run; the tests of docs/ have no PyTorch."""

import re
import warnings
from pathlib import Path

import pytest
from sklearn.exceptions import ConvergenceWarning

PAGE = Path(__file__).parents[3] / "docs" / "migration" / "skorch.md"


@pytest.mark.skipif(not PAGE.exists(), reason="the pages are in the repository only")
def test_the_examples_run() -> None:
    """All blocks but those of skorch, in one namespace."""
    blocks = re.findall(r"^```(?:{code-block} )?python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    blocks = [block for block in blocks if "NeuralNetClassifier" not in block]
    assert len(blocks) == 4
    names: dict[str, object] = {"__name__": "page"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for block in blocks:
            exec(compile(block, PAGE.name, "exec"), names)
