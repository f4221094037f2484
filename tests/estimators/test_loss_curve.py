"""Loss curves: later calls leave them unchanged."""

import pickle

import pytest
from tiny_fits import SMALL, X, Y

from mlpkit import MLPClassifier
from mlpkit.estimators.loss_curve import LossCurve


@pytest.mark.once
def test_curves_share_values() -> None:
    """Extending a curve does not change it."""
    first = LossCurve([1.0])
    second, third = first.extended([2.0]), first.extended([3.0])
    assert [list(c) for c in (first, second, third)] == [[1.0], [1.0, 2.0], [1.0, 3.0]]
    assert second.extended([4.0])._shared is second._shared
    assert first.values is first.values
    first.values.append(5.0)
    assert list(first.extended([6.0])) == [1.0, 5.0, 6.0]
    assert pickle.loads(pickle.dumps(second)).values == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_earlier_curves_are_unchanged(backend: str) -> None:
    """`loss_curve_` and `validation_scores_` are new lists after each call."""
    clf = MLPClassifier(**SMALL, early_stopping=True, warm_start=True, backend=backend).fit(X, Y)
    lists = clf.loss_curve_, clf.validation_scores_
    values = [list(curve) for curve in lists]
    clf.fit(X, Y)
    assert [list(curve) for curve in lists] == values
    assert clf.loss_curve_[:2] == values[0] and len(clf.loss_curve_) == 4
    assert clf.loss_curve_ is clf.loss_curve_
