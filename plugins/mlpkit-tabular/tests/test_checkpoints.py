"""Fits of tables continue from a checkpoint: encoders, folds, cycles and calibration."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpkit import Cycles
from mlpkit.testing import assert_same_fit, fit_in_parts
from mlpkit_tabular import TabularClassifier, TabularRegressor

QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "n_members": 2,
    "n_folds": 3,
    "batch_size": 32,
    "trainer": Cycles(first_cycle=3, max_cycles=2, min_gain=0.0),
    "random_state": 0,
}


@pytest.mark.parametrize("cls", [TabularClassifier, TabularRegressor])
@pytest.mark.parametrize("n_folds", [None, 3])
def test_a_killed_fit_continues(
    cls: type, n_folds: int | None, rows: Any, new_rows: Any, tmp_path: Path
) -> None:
    """With the best epoch of each model, out-of-fold predictions, temperature and intervals."""
    X, y, path = rows[0], rows[1 if cls is TabularClassifier else 2], tmp_path / "run.ckpt"

    def make(**params: Any) -> Any:
        return cls(**{**QUICK, "n_folds": n_folds, **params})

    whole = make().fit(X, y)
    for parts in (fit_in_parts(make, path, ends, X, y) for ends in ([2, 7], [])):
        assert_same_fit(whole, parts)
        for method in ("predict_proba", "predict_interval"):
            if hasattr(cls, method):
                results = [getattr(estimator, method)(new_rows[0]) for estimator in (parts, whole)]
                np.testing.assert_equal(*results)
    with pytest.raises(ValueError, match=r"n_members is 3 instead of 2"):
        make(n_members=3, checkpoint=path).fit(X, y)
    with pytest.raises(ValueError, match=r"belongs to another fit: X has "):
        make(checkpoint=path).fit(X[:-1], y[:-1])


def test_a_time_limit(rows: Any) -> None:
    """It is a parameter of tables, too."""
    clf = TabularClassifier(**{**QUICK, "trainer": "cycles"}, time_limit=1e-3)
    with pytest.warns(match="since the time limit of 0.001 s was reached"):
        clf.fit(rows[0], rows[1])
    assert clf.n_iter_ == 1
