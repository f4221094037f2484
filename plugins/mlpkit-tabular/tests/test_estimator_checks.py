"""scikit-learn's own checks of any estimator."""

from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlpkit import Cycles
from mlpkit_tabular import TabularClassifier, TabularRegressor

SMALL: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "n_members": 2,
    "n_folds": None,
    "trainer": Cycles(first_cycle=60, max_cycles=1),
    "random_state": 0,
    "dtype": "float64",  # products of float32 depend on the place of a row in its block
}


def expected_failures(estimator: Any) -> dict[str, str]:
    """The checks that fail, with reasons."""
    reason = "the rows that are held out, and their number, depend on the number of rows"
    return dict.fromkeys(
        (
            "check_sample_weight_equivalence_on_dense_data",
            "check_sample_weight_equivalence_on_sparse_data",
        ),
        reason,
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [TabularClassifier(**SMALL), TabularRegressor(**SMALL)],
    expected_failed_checks=expected_failures,
)
def test_check(estimator: Any, check: Any) -> None:
    """Every check passes but those on copies of rows in place of weights."""
    check(estimator)
