"""The example of the README runs."""

from pathlib import Path

import pytest

from mlpkit.testing import run_examples

README = Path(__file__).parents[1] / "README.md"


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes an event file."""
    monkeypatch.chdir(tmp_path)
    assert run_examples(README) == 1
    (file,) = tmp_path.glob("runs/*/events.out.tfevents.*")
    assert b"validation/log_loss by target/2" in file.read_bytes()
