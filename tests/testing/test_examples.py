"""Examples of pages that run as tests."""

import traceback
from pathlib import Path

import pytest

from mlpkit.testing import run_examples

pytestmark = pytest.mark.once


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page with two examples, of which the second one uses the first one."""
    page = tmp_path / "README.md"
    page.write_text("# Title\n\n```python\nx = 1\n```\n\n```python\nassert x == 1, x\n```\n")
    return page


def test_examples_share_a_namespace(page: Path) -> None:
    """The number of examples is returned."""
    assert run_examples(page) == 2


def test_tracebacks_show_the_line_of_the_page(page: Path) -> None:
    """An example that fails, fails the test."""
    with pytest.raises(AssertionError, match="2") as error:
        run_examples(page, {"x = 1": "x = 2"})
    last = traceback.extract_tb(error.tb)[-1]
    assert (last.filename, last.lineno, last.line) == (str(page), 8, "assert x == 1, x")


def test_changes_that_change_nothing(page: Path) -> None:
    """The page has another text than the test."""
    with pytest.raises(ValueError, match=r"no example of .*README.md contains 'backend=\"jax\"'"):
        run_examples(page, {'backend="jax"': 'backend="numpy"'})
