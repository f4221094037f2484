"""The example of the README runs."""

from pathlib import Path

from mlpkit.testing import run_examples

README = Path(__file__).parents[1] / "README.md"


def test_the_example_runs() -> None:
    """It starts a cluster of its own."""
    assert run_examples(README) == 1
