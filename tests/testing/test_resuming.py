"""The comparison of fits that are killed and continue finds differences."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlpkit import MLPClassifier
from mlpkit.testing import assert_same_fit, fit_in_parts

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X = np.random.RandomState(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


def classifier(**params: Any) -> MLPClassifier:
    """A small classifier."""
    return MLPClassifier((4,), max_iter=5, random_state=0, metrics="accuracy", **params)


def change_weight(clf: Any) -> None:
    """Change the last bit of a weight."""
    weights = clf._network.arrays["coef_0"]
    weights[0, 0] = np.nextafter(weights[0, 0], np.inf)


CHANGES: dict[str, Any] = {
    "weights": change_weight,
    "optimizer state": lambda clf: clf._network.optimizer_state.update(m=np.zeros(1)),
    "attribute": lambda clf: setattr(clf, "n_iter_", 4),
    "losses": lambda clf: clf.loss_curve_.append(0.5),
    "history": lambda clf: clf.metric_history_.records[0].values.fill(0.0),
    "more": lambda clf: setattr(clf, "other_", 1),
    "fewer": lambda clf: delattr(clf, "n_iter_"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_differences_are_found(name: str) -> None:
    """Of weights by one bit, and of any attribute."""
    one, other = classifier().fit(X, Y), classifier().fit(X, Y)
    assert len(one.loss_curve_) == 5  # an access is not a difference
    assert_same_fit(one, other)
    CHANGES[name](other)
    with pytest.raises((AssertionError, AttributeError)):
        assert_same_fit(one, other)


def test_fits_must_reach_the_epochs(tmp_path: Path) -> None:
    """A fit that ends earlier was not killed."""
    with pytest.raises(AssertionError, match="the fit ended before epoch 9"):
        fit_in_parts(classifier, tmp_path / "run.ckpt", [2, 9], X, Y)
    epochs: list[int] = []
    clf = fit_in_parts(
        lambda: classifier(callbacks=lambda report: epochs.append(report.epoch)),
        tmp_path / "other.ckpt",
        [2, 4],
        *(X, Y),
    )
    assert epochs == [1, 2, 2, 3, 4, 4, 5] and clf.n_iter_ == 5
