"""The example of the README runs."""

import re
import warnings
from pathlib import Path

import pytest
from sklearn.exceptions import ConvergenceWarning

README = Path(__file__).parents[1] / "README.md"


def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It writes an event file."""
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.M | re.S)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        exec(compile(block, README.name, "exec"), {"__name__": "readme"})
    (file,) = tmp_path.glob("runs/*/events.out.tfevents.*")
    assert b"validation/log_loss by target/2" in file.read_bytes()
