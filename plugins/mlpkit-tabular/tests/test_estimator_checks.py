"""scikit-learn's own checks of any estimator."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlpkit.training.cycles import Cycles
from mlpkit_tabular import TabularClassifier, TabularRegressor

SMALL: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "n_members": 2,
    "n_folds": None,
    "trainer": Cycles(first_cycle=60, max_cycles=1),
    "random_state": 0,
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([TabularClassifier(**SMALL), TabularRegressor(**SMALL)])
def test_check(estimator: Any, check: Any) -> None:
    """Every check passes; there is no list of expected failures."""
    check(estimator)
