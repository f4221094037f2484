"""Signatures, attributes and conventions of scikit-learn, on any backend."""

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
    "encoder": None,
    "encoder_options": None,
    "solver_options": None,
    "loss_options": None,
    "dropout": 0.0,
    "weight_decay_schedule": None,
    "dropout_schedule": None,
    "max_gradient_norm": None,
    "average_decay": None,
    "trainer": None,
    "callbacks": None,
    "dtype": None,
    "metrics": None,
    "partitions": None,
    "train_metrics": "running",
    "metrics_window": 1000,
    "early_stopping_on": None,
    "n_folds": None,
    "checkpoint": None,
    "checkpoint_every": 1,
    "time_limit": None,
}


@pytest.fixture
def clf(backend: str) -> MLPClassifier:
    """A fitted classifier."""
    return MLPClassifier(**QUICK, backend=backend).fit(X, Y)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_those_of_scikit_learn_and_mlpkit(name: str) -> None:
    """Names, order, kinds and defaults are equal; those of mlpkit follow as keywords."""
    mine = list(inspect.signature(getattr(ours, name).__init__).parameters.values())
    their = list(inspect.signature(getattr(theirs, name).__init__).parameters.values())
    plain = [(p.name, p.kind, p.default) for p in mine]
    assert plain[: len(their)] == [(p.name, p.kind, p.default) for p in their]
    more = {"class_weight": None, "loss": None, "temperature_scaling": False}
    if name == "MLPRegressor":
        more = {"standardize_targets": False, "clip_predictions": False}
    own = {**OURS, **more}
    keyword = inspect.Parameter.KEYWORD_ONLY
    assert plain[len(their) :] == [(n, keyword, default) for n, default in own.items()]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "predict", "score"])
def test_arguments_of_methods(name: str, method: str) -> None:
    """Arguments are in the order of scikit-learn; those of mlpkit follow as keywords."""
    mine, their = (
        list(inspect.signature(getattr(getattr(m, name), method)).parameters.values())
        for m in (ours, theirs)
    )
    assert [p.name for p in mine[: len(their)]] == [p.name for p in their]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is None for p in mine[len(their) :])


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_documented(name: str) -> None:
    """The docstring contains each parameter and each fitted attribute."""
    estimator = getattr(ours, name)(**QUICK).fit(X, Y)
    doc = getattr(ours, name).__doc__
    for parameter in estimator.get_params():
        assert parameter in doc, parameter
    for attribute in [n for n in vars(estimator) if n.endswith("_") and not n.startswith("_")]:
        assert attribute in doc, attribute


@pytest.mark.parametrize("name", NAMES)
def test_fitted_attributes_are_those_of_scikit_learn(name: str) -> None:
    """Fitted estimators have all attributes of those of scikit-learn."""
    frame = pd.DataFrame(X, columns=list("abcd"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine, their = (getattr(m, name)(**QUICK).fit(frame, Y) for m in (ours, theirs))
    for attribute in [n for n in vars(their) if n.endswith("_") and not n.startswith("_")]:
        kinds = (type(getattr(their, attribute)), float)
        assert isinstance(getattr(mine, attribute), kinds), attribute
    assert mine.feature_names_in_.tolist() == list("abcd")


def test_lbfgs_has_no_partial_fit() -> None:
    """The cause of the AttributeError says why."""
    for estimator in (MLPClassifier(solver="lbfgs"), MLPRegressor(solver="lbfgs")):
        assert not hasattr(estimator, "partial_fit")
        with pytest.raises(AttributeError) as error:
            estimator.partial_fit  # noqa: B018
        assert "lbfgs is not stochastic" in str(error.value.__cause__)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_copies_predict_and_continue(copied: Any, clf: MLPClassifier) -> None:
    """A copy predicts the same and continues with the same steps."""
    for other in (copied(clf), copied(copied(clf))):
        np.testing.assert_array_equal(clf.predict_proba(X), other.predict_proba(X))
    other = copied(clf)
    clf.partial_fit(X, Y)
    other.partial_fit(X, Y)
    np.testing.assert_allclose(clf.coefs_[0], other.coefs_[0], rtol=1e-12)


def test_joblib_and_clone(clf: MLPClassifier, tmp_path: Any) -> None:
    """A loaded estimator predicts the same; a clone is not fitted and has the same parameters."""
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


def test_pickles_contain_arrays(clf: MLPClassifier) -> None:
    """Loading a pickle requires classes of mlpkit, NumPy and scikit-learn only."""
    modules: set[str] = set()

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            modules.add(module.split(".")[0])
            return super().find_class(module, name)

    Unpickler(io.BytesIO(pickle.dumps(clf))).load()
    assert modules <= {"mlpkit", "numpy", "sklearn", "builtins", "copyreg"}


def test_edited_weights_are_used(clf: MLPClassifier) -> None:
    """Predictions use weights that were edited in place or replaced."""
    clf.coefs_[-1][:] = 0
    clf.intercepts_[-1] = np.array([0.0, 50.0, 0.0])
    assert set(clf.predict(X)) == {1}
    clf.coefs_ = [np.zeros_like(coef) for coef in clf.coefs_]
    clf.intercepts_ = [np.zeros_like(b) for b in clf.intercepts_]
    np.testing.assert_allclose(clf.predict_proba(X), 1 / 3)
    assert pickle.loads(pickle.dumps(clf)).predict_proba(X[:1])[0, 0] == pytest.approx(1 / 3)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames(frame: Any, backend: str) -> None:
    """Frames of pandas and polars have feature names; other columns are rejected."""
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
    """Soft voting and ROC AUC scoring recognize the classifier."""
    clf = MLPClassifier(**QUICK, backend=backend)
    voting = VotingClassifier([("a", clf), ("b", clone(clf))], voting="soft").fit(X, Y)
    assert voting.score(X, Y) > 0.6
    assert cross_val_score(clf, X, Y, scoring="roc_auc_ovr", cv=2).min() > 0.6


def test_grid_search_over_backends_in_processes(backend: str) -> None:
    """Both backends have the same scores in two worker processes."""
    grid = {"backend": sorted({"numpy", backend}), "alpha": [1e-4, 1e-2]}
    search = GridSearchCV(MLPClassifier(**QUICK), grid, n_jobs=2, cv=2).fit(X, Y)
    by_backend: dict[str, list[float]] = {}
    for params, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        by_backend.setdefault(params["backend"], []).append(score)
    for scores in by_backend.values():
        np.testing.assert_allclose(scores, by_backend["numpy"], atol=1e-9)


def test_streams_continue_on_another_backend(backend: str) -> None:
    """Another backend continues with the weights and the optimizer state."""
    moved, stayed = (MLPClassifier(**QUICK) for _ in range(2))
    for clf in (moved, stayed):
        clf.partial_fit(X, Y, classes=[0, 1, 2])
    moved.set_params(backend=backend)
    for clf in (moved, stayed):
        clf.partial_fit(X, Y)
    np.testing.assert_allclose(moved.coefs_[0], stayed.coefs_[0], rtol=1e-9)


def test_prediction_from_several_threads(clf: MLPClassifier) -> None:
    """Eight threads predict before the weights were copied from the backend."""
    expected = copy.deepcopy(clf).predict_proba(X)
    probabilities: list[Any] = []
    threads = [
        threading.Thread(target=lambda: probabilities.append(clf.predict_proba(X)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(probabilities) == 8
    for proba in probabilities:
        np.testing.assert_allclose(proba, expected, rtol=1e-12)


def test_large_predictions(clf: MLPClassifier) -> None:
    """Predictions of 10,500 rows equal those of fewer rows."""
    many = np.tile(X, (70, 1))
    np.testing.assert_allclose(clf.predict_proba(many)[:150], clf.predict_proba(X), rtol=1e-12)


def test_batch_size_above_the_number_of_rows(backend: str) -> None:
    """A large batch_size has the effect of the number of rows."""
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
    """MLPKIT_BACKEND sets the default backend."""
    code = (
        "from sklearn.datasets import load_iris; from mlpkit import MLPClassifier\n"
        "clf = MLPClassifier((3,), tol=10.0, n_iter_no_change=1).fit(*load_iris(return_X_y=True))\n"
        "print(clf._network.spec.backend)"
    )
    env = {**os.environ, "MLPKIT_BACKEND": backend}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == backend


def test_the_backend_under_test_is_used(clf: MLPClassifier, backend: str) -> None:
    """The backend of a fitted estimator is defined in the module under test."""
    made_by, _ = clf._network._live.backend
    assert backend in made_by.__module__
    if backend not in ("numpy", "numba"):  # the programs of Numba may come from the disk
        assert backend in sys.modules
