"""The examples of the README run in their order."""

from pathlib import Path

import pytest

from mlpkit.testing import run_examples

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of skl2onnx
def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All blocks run in one namespace."""
    monkeypatch.chdir(tmp_path)
    assert run_examples(README) == 2
