"""Fits of tables continue from a checkpoint: encoders, folds, cycles and calibration."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpkit import Cycles
from mlpkit.plugin import Report
from mlpkit_tabular import TabularClassifier, TabularRegressor

QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "n_members": 2,
    "n_folds": 3,
    "batch_size": 32,
    "trainer": Cycles(first_cycle=3, max_cycles=2, min_gain=0.0),
    "random_state": 0,
}


class Killed(BaseException):
    """Ends a fit at once."""


class KillAfter:
    """A callback that ends the fit in an epoch, before it is saved."""

    only_observes = True

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def __call__(self, report: Report) -> None:
        """End the fit."""
        if report.epoch == self.epoch:
            raise Killed


@pytest.mark.parametrize("cls", [TabularClassifier, TabularRegressor])
@pytest.mark.parametrize("n_folds", [None, 3])
def test_a_killed_fit_continues(
    cls: type, n_folds: int | None, rows: Any, new_rows: Any, tmp_path: Path
) -> None:
    """With the best epoch of each model, out-of-fold predictions, temperature and intervals."""
    X, y, path = rows[0], rows[1 if cls is TabularClassifier else 2], tmp_path / "run.ckpt"

    def make(checkpoint: Any, *callbacks: Any, **params: Any) -> Any:
        settings = {**QUICK, "n_folds": n_folds, **params}
        return cls(**settings, checkpoint=checkpoint, callbacks=list(callbacks))

    whole = make(None).fit(X, y)
    for end in (2, 7):
        with pytest.raises(Killed):
            make(path, KillAfter(end)).fit(X, y)
    for parts in (make(path).fit(X, y), make(path, KillAfter(1)).fit(X, y)):
        np.testing.assert_equal(parts._network.arrays, whole._network.arrays)
        np.testing.assert_equal(parts._network.optimizer_state, whole._network.optimizer_state)
        assert parts.loss_curve_ == whole.loss_curve_
        assert parts.validation_scores_ == whole.validation_scores_
        assert (parts.n_iter_, parts.t_) == (whole.n_iter_, whole.t_)
        if n_folds is not None:
            np.testing.assert_equal(parts.oof_predictions_, whole.oof_predictions_)
        if cls is TabularClassifier:
            assert parts.temperature_ == whole.temperature_
            np.testing.assert_equal(
                parts.predict_proba(new_rows[0]), whole.predict_proba(new_rows[0])
            )
        else:
            intervals = [reg.predict_interval(new_rows[0]) for reg in (parts, whole)]
            np.testing.assert_equal(*intervals)
    with pytest.raises(ValueError, match=r"n_members is 3 instead of 2"):
        make(path, n_members=3).fit(X, y)
    with pytest.raises(ValueError, match=r"belongs to another fit: X has "):
        make(path).fit(X[:-1], y[:-1])


def test_a_time_limit(rows: Any) -> None:
    """It is a parameter of tables, too."""
    clf = TabularClassifier(**{**QUICK, "trainer": "cycles"}, time_limit=1e-3)
    with pytest.warns(match="since the time limit of 0.001 s was reached"):
        clf.fit(rows[0], rows[1])
    assert clf.n_iter_ == 1
