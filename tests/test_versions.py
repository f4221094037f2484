"""Pickles carry versions, and load where parameters were added."""

import copy
import io
import pickle
import warnings
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from distributions import install, offering, run
from sklearn.base import clone

import mlpkit
from mlpkit import InconsistentVersionWarning, MLPClassifier, MLPRegressor
from mlpkit.estimators import pickle_versions as versions
from mlpkit.estimators.routing import parameter_defaults

X, Y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
SMALL: dict[str, Any] = {"tol": 9.0, "n_iter_no_change": 1, "random_state": 0}


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """From the call on, another version of mlpkit is installed."""
    before = versions.installed_version

    def version_of(distribution: str) -> str | None:
        return "9.9" if distribution == "mlpkit" else before(distribution)

    def upgrade() -> None:
        monkeypatch.setattr(versions, "installed_version", version_of)

    return upgrade


def by_joblib(dumped: bytes) -> Any:
    """What `joblib.load` makes of the bytes."""
    return joblib.load(io.BytesIO(dumped))


@pytest.mark.parametrize("load", [pickle.loads, by_joblib])
@pytest.mark.parametrize("fitted", [True, False])
def test_another_version_warns(load: Any, fitted: bool, newer: Any, backend: str) -> None:
    """The warning names estimator, distribution, and both versions; the estimator works."""
    clf = MLPClassifier((2,), **SMALL, backend=backend)
    clf = clf.fit(X, Y) if fitted else clf
    dumped = io.BytesIO()
    if load is by_joblib:
        joblib.dump(clf, dumped)
    else:
        pickle.dump(clf, dumped)
    newer()
    expected = (
        f"MLPClassifier was pickled with mlpkit {mlpkit.__version__} and is loaded with mlpkit"
        r" 9\.9\. .* Install mlpkit=="
    )
    with pytest.warns(InconsistentVersionWarning, match=expected) as said:
        loaded = load(dumped.getvalue())
    warning = next(w.message for w in said if "mlpkit 9.9" in str(w.message))
    assert isinstance(warning, UserWarning) and isinstance(warning, InconsistentVersionWarning)
    assert warning.estimator_name == "MLPClassifier" and warning.distribution == "mlpkit"
    assert (warning.original_version, warning.current_version) == (mlpkit.__version__, "9.9")
    assert versions.STATE_KEY not in vars(loaded)
    if fitted:
        np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))


def test_the_same_version_does_not_warn(backend: str) -> None:
    """Nor do copies of any kind, which are not marked."""
    clf = MLPClassifier((2,), **SMALL, backend=backend).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copies = [pickle.loads(pickle.dumps(clf)), copy.copy(clf), copy.deepcopy(clf), clone(clf)]
        copies += joblib.Parallel(n_jobs=2)(joblib.delayed(clone)(clf) for _ in range(2))
    for each in copies:
        assert versions.STATE_KEY not in vars(each)


def test_the_backends_distribution_is_carried(backend: str) -> None:
    """That of mlpkit always, that of the plugin that trained."""
    state = MLPClassifier((2,), **SMALL, backend=backend).fit(X, Y).__getstate__()
    found = state[versions.STATE_KEY]
    assert found["mlpkit"] == mlpkit.__version__
    assert len(found) == (1 if backend == "numpy" else 2)


@pytest.mark.once
@pytest.mark.parametrize("name", ["dropout", "loss_options", "metrics", "alpha"])
def test_a_pickle_without_a_newer_parameter_loads(name: str) -> None:
    """It has the default, fits, and can be cloned and shown."""
    reg = MLPRegressor(**SMALL).fit(X, Y)
    state = reg.__getstate__()
    del state[name]
    state["_last_call"].values.pop(name, None)
    loaded = MLPRegressor.__new__(MLPRegressor)
    loaded.__setstate__(state)
    assert getattr(loaded, name) == parameter_defaults(MLPRegressor)[name]
    np.testing.assert_array_equal(loaded.predict(X), reg.predict(X))
    assert loaded.partial_fit(X, Y).t_ == reg.t_ + 20
    assert clone(loaded).get_params() == {**reg.get_params(), name: getattr(loaded, name)}
    repr(loaded)


class Wide(MLPRegressor):
    """A subclass with a parameter of its own."""

    def __init__(self, width: int = 3, random_state: int | None = 0) -> None:
        super().__init__(random_state=random_state, tol=9.0, n_iter_no_change=1)
        self.width = width


@pytest.mark.once
@pytest.mark.parametrize("name", ["width", "metrics_window", "random_state"])
def test_of_a_subclass(name: str) -> None:
    """Its own defaults come first."""
    state = Wide(width=5).fit(X, Y).__getstate__()
    del state[name]
    loaded = Wide.__new__(Wide)
    loaded.__setstate__(state)
    assert getattr(loaded, name) == {"width": 3, "metrics_window": 1000, "random_state": 0}[name]
    loaded.partial_fit(X, Y)


BACKEND = offering("mlpkit_backends", "'acme', 'mlpkit.numpy_backend.steps:backend'")
SOLVER = offering("mlpkit_solvers", "'calm', 'acme_solvers:calm'")
FIT = """
import pickle, sys, numpy as np
from mlpkit import MLPClassifier
X, y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
clf = MLPClassifier((2,), backend="acme", solver="calm", tol=9., n_iter_no_change=1).fit(X, y)
with open(sys.argv[1], "wb") as file:
    pickle.dump(clf, file)
"""
LOAD = """
import pickle, sys, warnings
with open(sys.argv[1], "rb") as file, warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    pickle.load(file)
print(sorted(str(w.message).partition(". ")[0] for w in said))
"""


@pytest.mark.once
def test_another_version_of_a_plugin(tmp_path: Path) -> None:
    """Of each whose component an estimator was trained with; one that is missing is passed
    over, because a dense network predicts without it.
    """
    code = {"acme_solvers": "from mlpkit.objectives.solvers import sgd as calm\n"}
    for where, version in (("then", "1.0"), ("now", "2.0"), ("never", "")):
        (tmp_path / where).mkdir()
        if version:
            install(tmp_path / where, "acme-mlp", {"acme": BACKEND}, version)
            install(tmp_path / where, "calm-mlp", {"calm": SOLVER}, version, code)
    path = str(tmp_path / "model.pkl")
    assert run(tmp_path / "then", "-c", FIT, path).stderr == ""
    assert run(tmp_path / "then", "-c", LOAD, path).stdout == "[]\n"
    assert run(tmp_path / "never", "-c", LOAD, path).stdout == "[]\n"
    assert eval(run(tmp_path / "now", "-c", LOAD, path).stdout) == [
        f"MLPClassifier was pickled with {d} 1.0 and is loaded with {d} 2.0"
        for d in ("acme-mlp", "calm-mlp")
    ]
