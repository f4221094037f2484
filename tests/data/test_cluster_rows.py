"""Rows on a cluster are copied, with a warning that names the plugin for them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlpkit import MLPClassifier, MLPRegressor, evaluate

pytestmark = pytest.mark.once
X, Y = np.eye(6), np.array([0, 1] * 3)
COPIED = r"X, y are collections of Dask, .* `evaluate` of mlpkit_dask .*plugins/mlpkit-dask"


class Collection:
    """Something like a collection of Dask, which copies its rows when they are computed."""

    def __init__(self, values: Any) -> None:
        self.values, self.shape = values, values.shape

    def compute(self) -> Any:
        """All rows."""
        return self.values


Collection.__module__ = "dask.array.core"


@pytest.fixture
def clf() -> MLPClassifier:
    """A classifier that is fitted fast."""
    return MLPClassifier((2,), max_iter=2, random_state=0, tol=1.0, n_iter_no_change=1)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize(
    "call",
    [
        lambda clf, X, y: clf.fit(X, y),
        lambda clf, X, y: clf.fit(np.eye(6), Y, X_val=X, y_val=y),
        lambda clf, X, y: clf.fit(np.eye(6), Y, eval_sets={"more": (X, y)}),
        lambda clf, X, y: clf.partial_fit(X, y, classes=[0, 1]),
        lambda clf, X, y: clf.fit(np.eye(6), Y).score(X, y),
        lambda clf, X, y: MLPRegressor(max_iter=1).fit(np.eye(6), Y).score(X, y),
        lambda clf, X, y: evaluate(clf.fit(np.eye(6), Y), X, y)["accuracy"],
    ],
)
def test_rows_and_targets_are_copied(
    clf: MLPClassifier, call: Callable[[MLPClassifier, Any, Any], Any]
) -> None:
    """There is one warning for both."""
    with pytest.warns(UserWarning, match=COPIED) as warned:
        call(clf, Collection(X), Collection(Y))
    assert sum("collections of Dask" in str(warning.message) for warning in warned) == 1


@pytest.mark.parametrize("encoder", [None, "standard"])
def test_rows_to_predict_are_copied(clf: MLPClassifier, encoder: str | None) -> None:
    """The predictions are those of the rows."""
    clf.set_params(solver="lbfgs", max_iter=50, encoder=encoder).fit(X, Y)
    with pytest.warns(UserWarning, match="X is a collection of Dask"):
        predicted = clf.predict(Collection(X))
    assert predicted.tolist() == clf.predict(X).tolist()


def test_labels_are_copied(clf: MLPClassifier) -> None:
    """Also within a dict."""
    with pytest.warns(UserWarning, match="labels is a collection of Dask"):
        evaluate(None, X, Y, y_pred=Y, labels={"group": Collection(Y)}, metrics="accuracy")
