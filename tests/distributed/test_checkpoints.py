"""A fit of several processes that was killed continues from the checkpoint of any of them."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer

from mlpkit import MLPClassifier
from mlpkit.plugin import Report
from mlpkit.testing import ThreadGroup, in_group
from mlpkit.testing.resuming import KillAfter, Killed, assert_same_fit
from tests.helpers.thread_groups import shard_of

X, Y = load_breast_cancer(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)


class HalvesTwice:
    """Halves the learning rate after the second and the fourth epoch, which it counts."""

    def __init__(self) -> None:
        self.epochs, self.rate = 0, 0.01

    def __call__(self, report: Report) -> float | None:
        """Return the learning rate after these epochs."""
        self.epochs += 1
        if self.epochs not in (2, 4):
            return None
        self.rate /= 2
        return self.rate

    def get_state(self) -> dict[str, float]:
        """Return the count and the learning rate."""
        return vars(self).copy()

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue with a count and a learning rate."""
        vars(self).update(state)


def fit(size: int, folder: Path, *callbacks: Any, n_owners: int = 2) -> MLPClassifier:
    """Fit in a group whose processes have a checkpoint each, and return the first estimator."""

    def fitted(group: ThreadGroup) -> MLPClassifier:
        clf = MLPClassifier(
            (8,),
            max_iter=6,
            random_state=0,
            learning_rate_init=0.01,
            early_stopping=True,
            callbacks=[HalvesTwice(), *callbacks],
            checkpoint=folder / f"{group.rank}.ckpt",
        )
        return clf.fit(shard_of(group, X, np.arange(len(X)) % n_owners), Y)

    estimators: list[MLPClassifier] = in_group(size, fitted)
    return estimators[0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("survivor", [0, 1])
def test_killed(tmp_path: Path, survivor: int) -> None:
    """Also from the file of a process that has no callbacks."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    killed.mkdir()
    whole.mkdir()
    with pytest.raises(Killed):
        fit(2, killed, KillAfter(3))
    shutil.copy(killed / f"{survivor}.ckpt", killed / f"{1 - survivor}.ckpt")
    resumed = fit(2, killed)
    assert_same_fit(resumed, fit(2, whole))
    assert resumed.n_iter_ == 6


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_epochs", [3, 6])
def test_a_process_without_a_file(tmp_path: Path, n_epochs: int) -> None:
    """All continue from the file of the first one, also if the fit is complete."""
    if n_epochs == 6:
        fit(2, tmp_path)
    else:
        with pytest.raises(Killed):
            fit(2, tmp_path, KillAfter(n_epochs))
    (tmp_path / "1.ckpt").unlink()
    resumed = fit(2, tmp_path)
    (tmp_path / "whole").mkdir()
    assert_same_fit(resumed, fit(2, tmp_path / "whole"))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_another_layout(tmp_path: Path) -> None:
    """The checkpoint does not depend on which process has which rows."""
    with pytest.raises(Killed):
        fit(2, tmp_path, KillAfter(3))
    shutil.copy(tmp_path / "0.ckpt", tmp_path / "2.ckpt")
    resumed = fit(3, tmp_path, n_owners=3)
    (tmp_path / "whole").mkdir()
    whole = fit(1, tmp_path / "whole", n_owners=1)
    np.testing.assert_allclose(resumed.coefs_[0], whole.coefs_[0], rtol=0, atol=1e-9)
