"""The README's smallest plugin: built from its text, installed where only mlpkit is, and used."""

import re
from pathlib import Path

import pytest
from environments import Environment

pytestmark = pytest.mark.once

README = (Path(__file__).parent.parent / "README.md").read_text()
USE = """
import numpy as np
import pytest
from mlpkit import MLPClassifier, evaluate
X = np.random.RandomState(0).rand(60, 3)
y = (X[:, 0] > 0.5).astype(int)
clf = MLPClassifier((4,), max_iter=5, random_state=0)
print({use})
"""


def test_it_works_as_it_is_printed(tmp_path: Path) -> None:
    """Under ten lines of Python and ten of TOML; then the use that the README shows."""
    section = README[README.index("The smallest one is two files") :]
    code, toml = re.findall(r"```(?:python|toml)\n(.*?)```", section, re.DOTALL)[:2]
    for text in (code, toml):
        assert len([line for line in text.splitlines() if line.strip()]) < 12
    assert len([line for line in code.splitlines() if line.strip()]) < 10
    source = tmp_path / "source"
    source.mkdir()
    (source / "mlpkit_cost.py").write_text(code)
    (source / "pyproject.toml").write_text(toml)
    made = Environment(tmp_path / "venv").install(source)
    (use,) = re.findall(r"`(evaluate\(clf, X, y, metrics=\[\"cost\"\]\))`", section)
    program = USE.format(use=use.replace("clf,", "clf.fit(X, y),"))
    done = made.run("-W", "ignore", "-c", program)
    assert (done.returncode, "cost" in done.stdout) == (0, True), done.stderr
    done = made.run("-m", "mlpkit", "check", "cost")
    assert done.returncode == 0, done.stdout
    assert "kept         metric 'cost'" in done.stdout
