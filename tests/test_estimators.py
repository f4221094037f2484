"""The face: scikit-learn's signatures, attributes and habits, on any backend."""

import copy
import inspect
import io
import os
import pickle
import subprocess
import sys
import threading
import warnings
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import sklearn.neural_network as theirs
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

import mlpkit as ours
from mlpkit import MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)
X = scale(X)
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "learning_rate_init": 0.02,
    "tol": 0.01,
    "n_iter_no_change": 3,
    "random_state": 0,
}
NAMES = ("MLPClassifier", "MLPRegressor")
OURS = {
    "backend": None,
    "backend_options": None,
    "builder": None,
    "builder_options": None,
    "solver_options": None,
    "loss_options": None,
    "dropout": 0.0,
    "trainer": None,
    "callbacks": None,
    "dtype": None,
    "metrics": None,
    "partitions": None,
    "train_metrics": "running",
    "metrics_window": 1000,
    "early_stopping_on": None,
}


@pytest.fixture
def clf(backend: str) -> MLPClassifier:
    """A fitted classifier."""
    return MLPClassifier(**QUICK, backend=backend).fit(X, Y)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_scikit_learns_then_ours(name: str) -> None:
    """Names, order, kinds and defaults; ours come behind, by keyword only."""
    mine = list(inspect.signature(getattr(ours, name).__init__).parameters.values())
    their = list(inspect.signature(getattr(theirs, name).__init__).parameters.values())
    plain = [(p.name, p.kind, p.default) for p in mine]
    assert plain[: len(their)] == [(p.name, p.kind, p.default) for p in their]
    own = {**OURS, "class_weight": None, "loss": None} if name == "MLPClassifier" else OURS
    keyword = inspect.Parameter.KEYWORD_ONLY
    assert plain[len(their) :] == [(n, keyword, default) for n, default in own.items()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "score"])
def test_methods_take_what_scikit_learns_take(name: str, method: str) -> None:
    """The same arguments in the same order: partial_fit is (X, y, sample_weight, classes);
    ours come behind, by keyword only.
    """
    mine, their = (
        list(inspect.signature(getattr(getattr(m, name), method)).parameters.values())
        for m in (ours, theirs)
    )
    assert [p.name for p in mine[: len(their)]] == [p.name for p in their]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is None for p in mine[len(their) :])


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_documented(name: str) -> None:
    """Each parameter and each fitted attribute has its words in the docstring."""
    estimator = getattr(ours, name)(**QUICK).fit(X, Y)
    doc = getattr(ours, name).__doc__
    for parameter in estimator.get_params():
        assert parameter in doc, parameter
    for attribute in [n for n in vars(estimator) if n.endswith("_") and not n.startswith("_")]:
        assert attribute in doc, attribute


@pytest.mark.parametrize("name", NAMES)
def test_fitted_attributes_are_scikit_learns(name: str) -> None:
    """What a fitted scikit-learn MLP shows, ours shows."""
    frame = pd.DataFrame(X, columns=list("abcd"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine, their = (getattr(m, name)(**QUICK).fit(frame, Y) for m in (ours, theirs))
    for attribute in [n for n in vars(their) if n.endswith("_") and not n.startswith("_")]:
        kinds = (type(getattr(their, attribute)), float)
        assert isinstance(getattr(mine, attribute), kinds), attribute
    assert mine.feature_names_in_.tolist() == list("abcd")


def test_lbfgs_offers_no_partial_fit() -> None:
    """Neither class; and the reason can be read."""
    for estimator in (MLPClassifier(solver="lbfgs"), MLPRegressor(solver="lbfgs")):
        assert not hasattr(estimator, "partial_fit")
        with pytest.raises(AttributeError) as error:
            estimator.partial_fit  # noqa: B018
        assert "lbfgs is not stochastic" in str(error.value.__cause__)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_predict_and_go_on(copied: Any, clf: MLPClassifier) -> None:
    """A copy has the same predictions and the same future."""
    for other in (copied(clf), copied(copied(clf))):
        np.testing.assert_array_equal(clf.predict_proba(X), other.predict_proba(X))
    other = copied(clf)
    clf.partial_fit(X, Y)
    other.partial_fit(X, Y)
    np.testing.assert_allclose(clf.coefs_[0], other.coefs_[0], rtol=1e-12)


def test_joblib_and_clone(clf: MLPClassifier, tmp_path: Any) -> None:
    """Stored and loaded it is the same; cloned it is unfitted, with the same parameters."""
    joblib.dump(clf, tmp_path / "clf.joblib")
    loaded = joblib.load(tmp_path / "clf.joblib")
    np.testing.assert_array_equal(clf.predict(X), loaded.predict(X))
    fresh = clone(clf)
    assert fresh.get_params() == clf.get_params()
    with pytest.raises(NotFittedError):
        fresh.predict(X)
    assert not hasattr(fresh, "coefs_")
    for unfitted in (copy.deepcopy(fresh), pickle.loads(pickle.dumps(fresh))):
        assert unfitted.get_params() == fresh.get_params()


def test_pickle_holds_arrays_alone(clf: MLPClassifier) -> None:
    """Loading a pickle asks for classes of mlpkit, NumPy and scikit-learn alone."""
    asked: set[str] = set()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            asked.add(module.split(".")[0])
            return super().find_class(module, name)

    Unpickler(io.BytesIO(pickle.dumps(clf))).load()
    assert asked <= {"mlpkit", "numpy", "sklearn", "builtins", "copyreg"}


def test_edited_weights_count(clf: MLPClassifier) -> None:
    """Weights edited in place, or set, are those that predict."""
    clf.coefs_[-1][:] = 0
    clf.intercepts_[-1] = np.array([0.0, 50.0, 0.0])
    assert set(clf.predict(X)) == {1}
    clf.coefs_ = [np.zeros_like(coef) for coef in clf.coefs_]
    clf.intercepts_ = [np.zeros_like(b) for b in clf.intercepts_]
    np.testing.assert_allclose(clf.predict_proba(X), 1 / 3)
    assert pickle.loads(pickle.dumps(clf)).predict_proba(X[:1])[0, 0] == pytest.approx(1 / 3)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames(frame: Any, backend: str) -> None:
    """Pandas and polars give their names; other columns are refused."""
    data = frame(dict(zip("abcd", X.T, strict=True)))
    clf = MLPClassifier(**QUICK, backend=backend).fit(data, Y)
    assert clf.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_array_equal(
        clf.predict(data), MLPClassifier(**QUICK, backend=backend).fit(X, Y).predict(X)
    )
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(frame(dict(zip("abcx", X.T, strict=True))))


def test_metadata_routing(backend: str) -> None:
    """sample_weight is routed to fit and partial_fit on request."""
    w = np.where(Y == 0, 0.0, 1.0)
    clf = MLPClassifier(**QUICK, backend=backend)
    with sklearn.config_context(enable_metadata_routing=True):
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipe = make_pipeline(scaler, clf.set_fit_request(sample_weight=True))
        weighted = pipe.fit(X, Y, sample_weight=w)
        assert 0 not in weighted.predict(X[Y > 0])
        clf.set_partial_fit_request(sample_weight=True, classes=True)
        scorer = get_scorer("accuracy").set_score_request(sample_weight=False)
        scores = cross_val_score(pipe, X, Y, scoring=scorer, params={"sample_weight": w})
    assert np.isfinite(scores).all()


def test_meta_estimators(backend: str) -> None:
    """Soft voting and ROC-AUC scoring take it for a classifier."""
    clf = MLPClassifier(**QUICK, backend=backend)
    voting = VotingClassifier([("a", clf), ("b", clone(clf))], voting="soft").fit(X, Y)
    assert voting.score(X, Y) > 0.6
    assert cross_val_score(clf, X, Y, scoring="roc_auc_ovr", cv=2).min() > 0.6


def test_grid_search_over_backends_in_processes(backend: str) -> None:
    """NumPy and the backend under test, side by side, in two worker processes."""
    grid = {"backend": sorted({"numpy", backend}), "alpha": [1e-4, 1e-2]}
    search = GridSearchCV(MLPClassifier(**QUICK), grid, n_jobs=2, cv=2).fit(X, Y)
    by_backend: dict[str, list[float]] = {}
    for params, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        by_backend.setdefault(params["backend"], []).append(score)
    for scores in by_backend.values():
        np.testing.assert_allclose(scores, by_backend["numpy"], atol=1e-9)


def test_moving_to_another_backend_in_a_stream(backend: str) -> None:
    """A stream begun on NumPy goes on elsewhere, moments included, with the same numbers."""
    moved, stayed = (MLPClassifier(**QUICK) for _ in range(2))
    for clf in (moved, stayed):
        clf.partial_fit(X, Y, classes=[0, 1, 2])
    moved.set_params(backend=backend)
    for clf in (moved, stayed):
        clf.partial_fit(X, Y)
    np.testing.assert_allclose(moved.coefs_[0], stayed.coefs_[0], rtol=1e-9)


def test_prediction_from_several_threads(clf: MLPClassifier) -> None:
    """Eight threads, the weights not yet fetched from the backend."""
    expected = copy.deepcopy(clf).predict_proba(X)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(clf.predict_proba(X))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    for proba in found:
        np.testing.assert_allclose(proba, expected, rtol=1e-12)


def test_large_predictions_go_by_blocks(clf: MLPClassifier) -> None:
    """10,000 rows give what single rows give."""
    many = np.tile(X, (70, 1))
    np.testing.assert_allclose(clf.predict_proba(many)[:150], clf.predict_proba(X), rtol=1e-12)


def test_a_batch_size_beyond_the_rows(backend: str) -> None:
    """Steps are as large as their rows: the numbers are those of a batch of that size."""
    X, y = load_iris(return_X_y=True)
    huge, fitting = (
        MLPClassifier((4,), backend=backend, batch_size=size, max_iter=3, random_state=0)
        for size in (10**12, 150)
    )
    with pytest.warns(UserWarning, match="clipped|converged"):
        for clf in (huge, fitting):
            clf.fit(X, y)
            for rows in (slice(0, 150, 2), slice(0, 3), slice(10, 75)):
                clf.partial_fit(X[rows], y[rows])
    np.testing.assert_allclose(huge.predict_proba(X), fitting.predict_proba(X), rtol=1e-9)


def test_the_environment_chooses_the_backend(backend: str) -> None:
    """MLPKIT_BACKEND runs a program as it is on another backend."""
    code = (
        "from sklearn.datasets import load_iris; from mlpkit import MLPClassifier\n"
        "clf = MLPClassifier((3,), tol=10.0, n_iter_no_change=1).fit(*load_iris(return_X_y=True))\n"
        "print(clf._model.spec.backend)"
    )
    env = {**os.environ, "MLPKIT_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == backend


def test_the_run_is_on_the_backend_it_claims(clf: MLPClassifier, backend: str) -> None:
    """The live functions come from the module of the backend under test."""
    made_by, _ = clf._model._live.backend
    assert backend in made_by.__module__
    if backend != "numpy":
        assert backend in sys.modules
