"""The examples of the README run in their order."""

from pathlib import Path

from mlpkit.testing import run_examples

README = Path(__file__).parents[1] / "README.md"


def test_the_examples_run() -> None:
    """All blocks run in one namespace."""
    assert run_examples(README) == 2
