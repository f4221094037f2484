"""scikit-learn's own checks of any estimator, on the backend that MLPKIT_BACKEND names."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlpkit import MLPClassifier, MLPRegressor


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_check(estimator: Any, check: Any) -> None:
    """Every check passes; there is no list of expected failures."""
    check(estimator)
