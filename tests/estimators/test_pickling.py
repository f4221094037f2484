"""Errors name the parameter that cannot be pickled; copies by value are allowed."""

import copy
import pickle
from functools import partial
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from mlpkit import MLPClassifier, by_function, evaluate
from mlpkit.numpy_backend import dense
from mlpkit.plugin import Network, Report, Spec

try:
    import cloudpickle
except ImportError:  # older releases of joblib include it
    from joblib.externals import cloudpickle

pytestmark = pytest.mark.once

X, Y = np.random.RandomState(0).standard_normal((60, 4)), np.arange(60) % 3
QUICK: dict[str, Any] = {"tol": 10.0, "n_iter_no_change": 2, "random_state": 0}


class Holder:
    """A callback with a function as an attribute."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, report: Report) -> None:
        """Do nothing."""


def importable(report: Report) -> None:
    """A callback that pickle can import."""


def closing(spec: Spec, rng: Any) -> Network:
    """A builder whose network has a local function."""

    def apply(*args: Any, **options: Any) -> Any:
        return None

    return dense.build(spec, rng)._replace(apply=apply)


def accuracy(y: Any, p: Any) -> float:
    """A metric that pickle can import."""
    return float(np.mean(y == p))


UNPICKLABLE: list[tuple[str, Any]] = [
    ("callbacks", lambda report: False),
    ("callbacks", [importable, lambda report: False]),
    ("callbacks", Holder(lambda: 0)),
    ("callbacks", partial(lambda n, report: False, 3)),
    ("metrics", {"mine": lambda y, p: 0.0}),
    ("early_stopping_on", lambda report: report["accuracy"]),
    ("builder", lambda spec, rng: dense.build(spec, rng)),
    ("partitions", [by_function(lambda X: X[:, 0] > 0)]),
    ("trainer", lambda *args: None),
]


@pytest.mark.parametrize(("name", "value"), UNPICKLABLE)
def test_the_parameter_is_named(name: str, value: Any, tmp_path: Path) -> None:
    """pickle and joblib raise PicklingError with the parameter and a remedy."""
    clf = MLPClassifier(**QUICK).set_params(**{name: value})
    message = f"MLPClassifier cannot be pickled: the parameter {name} contains .*lambda.*at the top"
    for dump in (pickle.dumps, partial(joblib.dump, filename=tmp_path / "model")):
        with pytest.raises(pickle.PicklingError, match=message):
            dump(clf)
    with pytest.raises(pickle.PicklingError, match=message):
        pickle.dumps([clone(clf)])


@pytest.mark.parametrize(("name", "value"), UNPICKLABLE)
def test_copies_are_allowed(name: str, value: Any) -> None:
    """deepcopy, clone and cloudpickle copy the estimator."""
    clf = MLPClassifier(**QUICK).set_params(**{name: value})
    for same in (copy.deepcopy(clf), clone(clf), pickle.loads(cloudpickle.dumps(clf))):
        assert type(same.get_params()[name]) is type(value)


def test_fitted_estimators_and_n_jobs() -> None:
    """The same holds for fitted estimators; joblib's default backend copies by value."""
    clf = MLPClassifier((3,), callbacks=[lambda report: False], **QUICK).fit(X, Y)
    with pytest.raises(pickle.PicklingError, match="the parameter callbacks contains"):
        pickle.dumps(clf)
    again = pickle.loads(cloudpickle.dumps(clf))
    assert np.array_equal(again.predict(X), clf.predict(X))
    assert len(cross_val_score(clf, X, Y, cv=2, n_jobs=2, error_score="raise")) == 2


def test_the_network_is_named() -> None:
    """The network of an importable builder may have a function that cannot be imported."""
    clf = MLPClassifier(builder=closing, **QUICK).initialize(4, classes=[0, 1, 2])
    with pytest.raises(pickle.PicklingError, match="the network of its builder contains .*apply"):
        pickle.dumps(clf)


def test_importable_functions_are_pickled() -> None:
    """Functions of modules, callable objects and partial objects can be pickled."""
    clf = MLPClassifier(
        (3,),
        callbacks=[importable, Holder(accuracy), partial(importable)],
        metrics={"mine": accuracy, "also": "accuracy"},
        builder=dense.build,
        **QUICK,
    ).fit(X, Y)
    assert np.array_equal(pickle.loads(pickle.dumps(clf)).predict(X), clf.predict(X))


class CustomState:
    """A callback with a large graph of objects, whose pickled state has no function."""

    def __init__(self) -> None:
        self.function = lambda: 0
        self.many = list(range(10**6))
        self.itself = self

    def __call__(self, report: Report) -> None:
        """Do nothing."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


def test_objects_with_getstate_are_pickled() -> None:
    """Attributes of an object with ``__getstate__`` are not checked."""
    clf = MLPClassifier((3,), callbacks=CustomState(), **QUICK)
    assert isinstance(pickle.loads(pickle.dumps(clf)).callbacks, CustomState)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("metrics", {"metrics": {"mine": lambda y, p: 0.0}}),
        ("partitions", {"partitions": by_function(lambda X: X[:, 0] > 0)}),
    ],
)
def test_reports_are_checked(name: str, parameters: Any) -> None:
    """The error of a report names the parameter, too."""
    report = evaluate(None, X, Y, y_pred=Y, **parameters)
    with pytest.raises(pickle.PicklingError, match=f"PartitionReport cannot .* parameter {name}"):
        pickle.dumps(report)
    assert str(pickle.loads(cloudpickle.dumps(report))) == str(report)
    plain = evaluate(None, X, Y, y_pred=Y, metrics="accuracy")
    assert str(pickle.loads(pickle.dumps(plain))) == str(plain)
