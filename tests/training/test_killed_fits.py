"""A fit that is killed by the system at any moment continues from its checkpoint."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import killed_fits
import pytest

from mlpkit.testing.resuming import assert_same_fit

N_KILLS = {"numpy": 10, "jax": 3}  # of other backends, one


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot kill a process so")
@pytest.mark.parametrize("every", [1, pytest.param(4, marks=pytest.mark.once)])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_killed_fit_continues(backend: str, every: int, tmp_path: Path) -> None:
    """It loses `checkpoint_every` epochs at most, and ends as if it had never been killed."""
    path, n_kills = tmp_path / "run.ckpt", N_KILLS.get(backend, 1)
    command = [sys.executable, killed_fits.__file__, backend, str(path), str(every), str(n_kills)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    runs = json.loads(result.stdout)
    for killed, next_run in zip(runs, runs[1:], strict=False):
        saved = (killed[-1] - 1) // every * every  # before the last complete epoch
        assert saved + 1 <= next_run[0] <= killed[-1] + 1
    assert runs[-1][-1] == killed_fits.EPOCHS > max(run[0] for run in runs[1:]) > 1
    parts = pickle.loads(Path(f"{path}.pickle").read_bytes())
    whole = killed_fits.classifier(backend).fit(killed_fits.X, killed_fits.Y)
    assert_same_fit(whole, parts)
