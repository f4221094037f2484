"""Rare cases in which estimators behave like those of scikit-learn."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import neural_network

import mlpkit

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SMALL: dict[str, Any] = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0}
N = np.arange(20)
X = np.random.RandomState(0).rand(20, 2)


def pair(name: str, backend: str, **params: Any) -> list[Any]:
    """An estimator of mlpkit and the one of scikit-learn."""
    ours = getattr(mlpkit, name)(**{**SMALL, **params}, backend=backend)
    return [ours, getattr(neural_network, name)(**{**SMALL, **params})]


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_early_stopping_in_warm_starts(name: str, backend: str) -> None:
    """Warm starts with early stopping equal those of scikit-learn, also without improvement."""
    without_improvement = 0
    for seed in range(30 if backend == "numpy" else 4):
        rng = np.random.RandomState(seed)
        rows = rng.standard_normal((60, 4))
        y = rows[:, 0] + rng.standard_normal(60)
        y = (y > 0).astype(int) if name == "MLPClassifier" else y
        settings = {"random_state": seed, "n_iter_no_change": 2, "validation_fraction": 0.3}
        both = pair(name, backend, early_stopping=True, warm_start=True, **settings)
        for _ in range(4):
            ours, theirs = (estimator.fit(rows, y) for estimator in both)
            assert ours.n_iter_ == theirs.n_iter_
            for mine, other in zip(
                ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
            ):
                np.testing.assert_allclose(mine, other, atol=1e-9)
            np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)
            np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_)
            np.testing.assert_allclose(ours.best_validation_score_, theirs.best_validation_score_)
            best = max(ours.validation_scores_[: -ours.n_iter_], default=-np.inf)
            without_improvement += max(ours.validation_scores_[-ours.n_iter_ :]) <= best
    assert without_improvement > (4 if backend == "numpy" else 0)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_lbfgs_without_an_iteration(name: str, backend: str) -> None:
    """If L-BFGS converges at once, `loss_` is the loss of the initial weights."""
    both = pair(name, backend, solver="lbfgs", tol=1e9, warm_start=True)
    for _ in range(2):
        ours, theirs = (estimator.fit(X, N % 2) for estimator in both)
        assert ours.n_iter_ == theirs.n_iter_ == 0
        assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-9)
        assert ours.loss_curve_ == []
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X))
    for estimator in both:
        estimator.set_params(tol=1e-4)
    assert both[0].fit(X, N % 2).loss_ == pytest.approx(both[1].fit(X, N % 2).loss_, rel=1e-6)
    for estimator in both:
        estimator.set_params(tol=1e9)
    assert both[0].fit(X, N % 2).loss_ == pytest.approx(both[1].fit(X, N % 2).loss_, rel=1e-6)


TARGETS: dict[str, Any] = {
    "strings": N.astype(str),
    "a list of strings": [str(n) for n in N],
    "bytes": N.astype("S"),
    "words": np.array(["a", "b"] * 10),
    "two columns of strings": np.stack([N, N], axis=1).astype(str),
    "dates": N.astype("M8[D]"),
    "durations": N.astype("m8[s]"),
    "dates of pandas": pd.Series(N.astype("M8[ns]")),
    "dates as objects": np.array([pd.Timestamp(n) for n in N], object),
    "complex": N + 1j,
    "words as objects": np.array(["a", "b"] * 10, object),
    "missing": np.array([None] * 20, object),
    "strings as objects": N.astype(str).astype(object),
    "strings of pandas": pd.Series(N.astype(str), dtype="string"),
    "categories of numbers": pd.Series(N).astype("category"),
    "bools": N % 2 == 0,
    "bools as objects": (N % 2 == 0).astype(object),
    "decimals": np.array([Decimal(int(n)) for n in N], object),
    "small integers": N.astype("u1"),
    "half precision": N.astype("f2"),
    "nullable integers": pd.Series(N, dtype="Int64"),
}


@pytest.mark.parametrize("case", TARGETS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_regression_targets(case: str, method: str, backend: str) -> None:
    """Targets are accepted or rejected as by scikit-learn, with the same type of exception."""
    ours, theirs = pair("MLPRegressor", backend)
    try:
        getattr(theirs, method)(X, TARGETS[case])
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        with pytest.raises(kind):
            getattr(ours, method)(X, TARGETS[case])
    else:
        getattr(ours, method)(X, TARGETS[case])
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-9)


def test_messages_about_targets(backend: str) -> None:
    """The message names the dtype and says what to do, also for validation rows."""
    reg = mlpkit.MLPRegressor(**SMALL, backend=backend, metrics=["mae"])
    with pytest.raises(TypeError, match=r"must contain numbers, got dtype <U\d+.*astype\(float\)"):
        reg.fit(X, N.astype(str))
    with pytest.raises(TypeError, match=r"validation rows: y of a regressor.*datetime64\[D\]"):
        reg.fit(X, N, X_val=X, y_val=N.astype("M8[D]"))


@pytest.mark.once
@pytest.mark.parametrize("kind", ["backend", "builder", "trainer", "solver"])
def test_an_empty_name_is_unknown(kind: str) -> None:
    """An empty name does not mean the default."""
    reg = mlpkit.MLPRegressor(**SMALL).set_params(**{kind: ""})
    with pytest.raises(ValueError, match=f"unknown {kind} ''; installed: "):
        reg.fit(X, N)


@pytest.mark.once
def test_an_empty_environment_variable_is_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable is ignored, as usual in a shell."""
    monkeypatch.setenv("MLPKIT_BACKEND", "")
    assert mlpkit.MLPRegressor(**SMALL).fit(X, N)._network.spec.backend == "numpy"


@pytest.mark.parametrize("label", [0, 7, "a"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_one_class(label: Any, method: str, backend: str) -> None:
    """With one class, predict_proba has one column, in contrast to scikit-learn."""
    both = pair("MLPClassifier", backend)
    y = np.full(20, label)
    for clf in both:
        getattr(clf, method)(X, y, **({} if method == "fit" else {"classes": [label]}))
    ours, theirs = both
    assert ours.classes_.tolist() == theirs.classes_.tolist() == [label]
    assert ours.predict(X).tolist() == theirs.predict(X).tolist()
    assert ours.n_outputs_ == theirs.n_outputs_
    assert theirs.predict_proba(X).shape == (20, 2)
    np.testing.assert_array_equal(ours.predict_proba(X), np.ones((20, 1)))
    np.testing.assert_array_equal(ours.predict_log_proba(X), np.zeros((20, 1)))
