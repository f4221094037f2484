"""The smallest plugin of the page "Writing plugins" can be built, installed and used."""

import re
from pathlib import Path

import pytest
from environments import Environment

pytestmark = pytest.mark.once

PAGE = Path(__file__).parents[2] / "docs" / "user_guide" / "plugins" / "index.md"
PROGRAM = """
import numpy as np
import pytest
from mlpkit import MLPClassifier, evaluate
X = np.random.RandomState(0).rand(60, 3)
y = (X[:, 0] > 0.5).astype(int)
clf = MLPClassifier((4,), max_iter=5, random_state=0)
print({example})
"""


def test_smallest_plugin_works(tmp_path: Path) -> None:
    """It has at most ten lines of Python and of TOML, and the example of the page runs."""
    section = PAGE.read_text().partition("## The smallest plugin")[2]
    code, toml = re.findall(r"```(?:python|toml)\n(.*?)```", section, re.DOTALL)[:2]
    for text in (code, toml):
        assert len([line for line in text.splitlines() if line.strip()]) <= 10
    source = tmp_path / "source"
    source.mkdir()
    (source / "mlpkit_cost.py").write_text(code)
    (source / "pyproject.toml").write_text(toml)
    environment = Environment(tmp_path / "venv").install(source)
    (example,) = re.findall(r"`(evaluate\(clf, X, y, metrics=\[\"cost\"\]\))`", section)
    program = PROGRAM.format(example=example.replace("clf,", "clf.fit(X, y),"))
    process = environment.run("-W", "ignore", "-c", program)
    assert (process.returncode, "cost" in process.stdout) == (0, True), process.stderr
    process = environment.run("-m", "mlpkit", "check", "cost")
    assert process.returncode == 0, process.stdout
    assert "passed       metric 'cost'" in process.stdout
