"""Pickles contain versions, and can be loaded after parameters were added."""

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
from mlpkit.estimators import stored_versions as versions
from mlpkit.estimators.routing import parameter_defaults

X, Y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
SMALL: dict[str, Any] = {"tol": 9.0, "n_iter_no_change": 1, "random_state": 0}


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function after whose call another version of mlpkit seems to be installed."""
    before = versions.installed_version

    def version_of(distribution: str) -> str | None:
        return "9.9" if distribution == "mlpkit" else before(distribution)

    def upgrade() -> None:
        monkeypatch.setattr(versions, "installed_version", version_of)

    return upgrade


def joblib_loads(data: bytes) -> Any:
    """Return the object that joblib loads from the bytes."""
    return joblib.load(io.BytesIO(data))


@pytest.mark.parametrize("load", [pickle.loads, joblib_loads])
@pytest.mark.parametrize("fitted", [True, False])
def test_another_version_warns(load: Any, fitted: bool, newer: Any, backend: str) -> None:
    """The warning names the estimator, the distribution and both versions."""
    clf = MLPClassifier((2,), **SMALL, backend=backend)
    clf = clf.fit(X, Y) if fitted else clf
    file = io.BytesIO()
    if load is joblib_loads:
        joblib.dump(clf, file)
    else:
        pickle.dump(clf, file)
    newer()
    expected = (
        f"MLPClassifier was stored with mlpkit {mlpkit.__version__} and is loaded with mlpkit"
        r" 9\.9\. .* Install mlpkit=="
    )
    with pytest.warns(InconsistentVersionWarning, match=expected) as warned:
        loaded = load(file.getvalue())
    warning = next(w.message for w in warned if "mlpkit 9.9" in str(w.message))
    assert isinstance(warning, UserWarning) and isinstance(warning, InconsistentVersionWarning)
    assert warning.estimator_name == "MLPClassifier" and warning.distribution == "mlpkit"
    assert (warning.original_version, warning.current_version) == (mlpkit.__version__, "9.9")
    assert versions.STATE_KEY not in vars(loaded)
    if fitted:
        np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))


def test_the_same_version_does_not_warn(backend: str) -> None:
    """Loading with the same version does not warn, nor do copies, which have no versions."""
    clf = MLPClassifier((2,), **SMALL, backend=backend).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copies = [pickle.loads(pickle.dumps(clf)), copy.copy(clf), copy.deepcopy(clf), clone(clf)]
        copies += joblib.Parallel(n_jobs=2)(joblib.delayed(clone)(clf) for _ in range(2))
    for estimator in copies:
        assert versions.STATE_KEY not in vars(estimator)


def test_versions_in_the_state(backend: str) -> None:
    """The state contains the versions of mlpkit and of the plugin of the backend."""
    state = MLPClassifier((2,), **SMALL, backend=backend).fit(X, Y).__getstate__()
    stored = state[versions.STATE_KEY]
    assert stored["mlpkit"] == mlpkit.__version__
    assert len(stored) == (1 if backend == "numpy" else 2)


@pytest.mark.once
@pytest.mark.parametrize("name", ["dropout", "loss_options", "metrics", "alpha"])
def test_a_pickle_without_a_newer_parameter_loads(name: str) -> None:
    """The parameter has its default; the estimator can be fitted, cloned and displayed."""
    reg = MLPRegressor(**SMALL).fit(X, Y)
    state = reg.__getstate__()
    del state[name]
    same = state["_last_parameters"]["same"]
    state["_last_parameters"]["same"] = [n for n in same if n != name]
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
def test_a_pickle_of_a_subclass_without_a_newer_parameter(name: str) -> None:
    """The defaults of the subclass take precedence."""
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
with open(sys.argv[1], "rb") as file, warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    pickle.load(file)
print(sorted(str(w.message).partition(". ")[0] for w in warned))
"""


@pytest.mark.once
def test_another_version_of_a_plugin(tmp_path: Path) -> None:
    """Each plugin that the estimator was trained with is compared.

    Plugins that are not installed are ignored, since a dense network predicts without them.
    """
    code = {"acme_solvers": "from mlpkit.objectives.solvers import sgd as calm\n"}
    for site, version in (("old", "1.0"), ("new", "2.0"), ("without", "")):
        (tmp_path / site).mkdir()
        if version:
            install(tmp_path / site, "acme-mlp", {"acme": BACKEND}, version)
            install(tmp_path / site, "calm-mlp", {"calm": SOLVER}, version, code)
    path = str(tmp_path / "model.pkl")
    assert run(tmp_path / "old", "-c", FIT, path).stderr == ""
    assert run(tmp_path / "old", "-c", LOAD, path).stdout == "[]\n"
    assert run(tmp_path / "without", "-c", LOAD, path).stdout == "[]\n"
    assert eval(run(tmp_path / "new", "-c", LOAD, path).stdout) == [
        f"MLPClassifier was stored with {d} 1.0 and is loaded with {d} 2.0"
        for d in ("acme-mlp", "calm-mlp")
    ]
