"""How often XLA compiles: TensorFlow counts only what it traces."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FITS = """
import sys
import warnings
from pathlib import Path

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)
rng = np.random.RandomState(0)
params = {"max_iter": 3, "batch_size": 8, "backend": "tensorflow"} | PARAMS


def compiled(n_rows, seed=0, weights=None, alpha=0.1):
    X, y = rng.standard_normal((n_rows, 6)), np.arange(n_rows) % 2
    MLPClassifier((7,), random_state=seed, alpha=alpha, **params).fit(X, y, weights)
    return len(list(Path(sys.argv[1]).glob("*cpu_after_optimizations.txt")))


weights = np.ones(64)
weights[rng.permutation(64)[:50]] = 0  # some steps of each epoch have no weight
print(compiled(64))
print(*[compiled(n) for n in (48, 56, 62)], compiled(64, 1, weights), compiled(64, 2, alpha=0.2))
"""


@pytest.mark.parametrize(
    "params",
    [{}, {"dropout": 0.2}, {"solver": "sgd", "learning_rate": "adaptive"}, {"solver": "lbfgs"}],
    ids=str,
)
def test_values_are_never_compiled(params: dict[str, object], tmp_path: Path) -> None:
    """One program for 18 to 24 steps in a call, and for any rows, weights, seeds and strengths."""
    out = subprocess.run(
        [sys.executable, "-c", FITS.replace("PARAMS", repr(params)), str(tmp_path)],
        env={**os.environ, "XLA_FLAGS": f"--xla_dump_to={tmp_path}"},
        capture_output=True,
        text=True,
    )
    assert out.returncode == 0, out.stderr
    first, *later = map(int, out.stdout.split())
    assert first > 0
    assert later == [first] * 5
