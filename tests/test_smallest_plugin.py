"""The smallest plugin of the page "Writing plugins": built from its text, installed and used."""

import re
from pathlib import Path

import pytest
from environments import Environment

pytestmark = pytest.mark.once

PAGE = Path(__file__).parent.parent / "docs" / "user_guide" / "plugins" / "index.md"
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
    """At most ten lines of Python and ten of TOML; then the use that the page shows."""
    section = PAGE.read_text().partition("## The smallest plugin")[2]
    code, toml = re.findall(r"```(?:python|toml)\n(.*?)```", section, re.DOTALL)[:2]
    for text in (code, toml):
        assert len([line for line in text.splitlines() if line.strip()]) <= 10
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
    assert "passed       metric 'cost'" in done.stdout
