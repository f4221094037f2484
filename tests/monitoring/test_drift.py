"""Evaluation sets that were not transformed like the training data raise a warning."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.sparse import csc_matrix, csr_matrix
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler, scale

from mlpkit import MLPClassifier
from mlpkit.monitoring.drift import drift

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

LOADERS = [load_iris, load_wine, load_breast_cancer, load_digits, load_diabetes]
WINE = train_test_split(*load_wine(return_X_y=True), random_state=0)


def splits(X: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield random and small splits, and the ends of sorted rows."""
    rng = np.random.RandomState(0)
    for _ in range(10):
        order = rng.permutation(len(X))
        for n in (1, 2, 5, len(X) // 4):
            yield order[n:], order[:n]
            yield order[n : n + 30], order[:n]
    for key in (np.arange(len(X)), y, scale(X).sum(axis=1), *X.T[:5]):
        for order in (np.argsort(key), np.argsort(key)[::-1]):
            yield order[: len(X) * 9 // 10], order[len(X) * 9 // 10 :]


@pytest.mark.once
@pytest.mark.parametrize("load", LOADERS)
def test_splits_of_the_same_data_do_not_warn(load: Any) -> None:
    """Random splits, few rows, and the last tenth of sorted rows."""
    X, y = load(return_X_y=True)
    for train, held in splits(X, y):
        assert not drift(X[train], X[held])
        assert not drift(csr_matrix(X[train]), csc_matrix(X[held]))


@pytest.mark.once
@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler((-1, 1)), RobustScaler()])
def test_unscaled_rows_warn(load: Any, scaler: Any) -> None:
    """With each scaler of the training rows."""
    X, y = load(return_X_y=True)
    for seed in range(3):
        train, held = train_test_split(X, random_state=seed)
        scaled = scaler.fit_transform(train)
        assert drift(scaled, held)
        assert not drift(scaled, scaler.transform(held))


@pytest.mark.once
def test_indicators_sparse_and_constant_columns() -> None:
    """Rare indicators and constant columns are ignored; impossible values are reported."""
    rng = np.random.RandomState(0)
    rare = (rng.rand(600, 40) < rng.rand(40) ** 4).astype(float)
    rare[:, 0] = 7.0
    for n in (300, 550):
        assert not drift(rare[:n], rare[n:]) and not drift(csr_matrix(rare[:n]), rare[n:])
    assert drift(scale(rare[:300]), rare[300:])
    shifted = np.hstack([rare, np.arange(600.0)[:, None]])  # one column of time
    assert not drift(shifted[:60], shifted[60:])
    assert not drift(rare[:5], 1000 + rare)  # too few training rows
    assert not drift(np.ones((50, 3)), np.zeros((50, 3)))


def test_a_pipeline_that_does_not_transform(backend: str) -> None:
    """The warning contains the arguments that solve the problem."""
    X, X_val, y, y_val = WINE
    clf = MLPClassifier(
        (16,),
        early_stopping_on="log_loss",
        learning_rate_init=0.01,
        random_state=0,
        backend=backend,
    )
    with pytest.warns(UserWarning, match="differ greatly from the training data") as caught:
        ruined = make_pipeline(StandardScaler(), clf).fit(
            X, y, mlpclassifier__X_val=X_val, mlpclassifier__y_val=y_val
        )
    (text,) = (str(w.message) for w in caught if "differ greatly" in str(w.message))
    assert 'transform_input=["X_val"]' in text and "set_fit_request(X_val=True" in text
    assert "column 0: 11.4 to 14.8, in the training data -2.46 to 2.19" in text
    assert ruined.score(X_val, y_val) < 0.9
    with sklearn.config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*differ greatly")
        pipe = make_pipeline(
            StandardScaler(),
            sklearn.clone(clf).set_fit_request(X_val=True, y_val=True),
            transform_input=["X_val"],
        )
        pipe.fit(X, y, X_val=X_val, y_val=y_val)
    assert pipe.score(X_val, y_val) > 0.95
    curve = pipe[-1].metric_history_.select("log_loss", split="validation", by="all")
    assert min(r.value for r in curve) == pytest.approx(-pipe[-1].best_validation_score_)


@pytest.mark.once
def test_one_warning_for_all_sets() -> None:
    """It names the sets and a column. The estimator is unchanged if the warning is an error."""
    X, X_val, y, y_val = WINE
    names = load_wine().feature_names
    frame, raw = pd.DataFrame(scale(X), columns=names), pd.DataFrame(X_val, columns=names)
    clf = MLPClassifier((4,), max_iter=1)
    with pytest.warns(UserWarning, match="differ greatly") as caught:
        clf.fit(frame, y, X_val=raw, y_val=y_val, eval_sets={"2025": (raw, y_val)})
    (text,) = (str(w.message) for w in caught if "differ greatly" in str(w.message))
    assert "'validation' differs in" in text and "'2025' differs in" in text and "'alcohol'" in text
    assert "A Pipeline does not transform eval_sets" in text
    fresh = MLPClassifier((4,), max_iter=1)
    with pytest.raises(UserWarning, match="differ greatly"):
        fresh.fit(frame, y, X_val=raw, y_val=y_val)
    assert not hasattr(fresh, "coefs_") and not hasattr(fresh, "n_features_in_")


@pytest.mark.once
def test_rows_of_another_width() -> None:
    """The error for a different number of columns contains the same hint."""
    X, X_val, y, y_val = WINE
    with pytest.raises(ValueError, match=r"validation rows: X has 13 .*transform_input=\[\"X_val"):
        MLPClassifier().fit(X[:, :5], y, X_val=X_val, y_val=y_val)
