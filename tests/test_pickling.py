"""What keeps an estimator from being pickled is named; who copies functions by value may."""

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
except ImportError:  # an older joblib brings it
    from joblib.externals import cloudpickle

pytestmark = pytest.mark.once

X, Y = np.random.RandomState(0).standard_normal((60, 4)), np.arange(60) % 3
QUICK: dict[str, Any] = {"tol": 10.0, "n_iter_no_change": 2, "random_state": 0}


class Holder:
    """A callback that holds a function."""

    def __init__(self, function: Any) -> None:
        self.function = function

    def __call__(self, report: Report) -> None:
        """Nothing."""


def importable(report: Report) -> None:
    """A callback that pickle finds."""


def closing(spec: Spec, rng: Any) -> Network:
    """A builder whose network holds a function of its own."""

    def apply(*args: Any) -> Any:
        return None

    return dense.build(spec, rng)._replace(apply=apply)


def accuracy(y: Any, p: Any) -> float:
    """A metric that pickle finds."""
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
    """By pickle and joblib, fitted or not, as a PicklingError with what to do."""
    clf = MLPClassifier(**QUICK).set_params(**{name: value})
    message = f"MLPClassifier can't be pickled: the parameter {name} holds .*lambda.*at the top"
    for dump in (pickle.dumps, partial(joblib.dump, filename=tmp_path / "model")):
        with pytest.raises(pickle.PicklingError, match=message):
            dump(clf)
    with pytest.raises(pickle.PicklingError, match=message):
        pickle.dumps([clone(clf)])


@pytest.mark.parametrize(("name", "value"), UNPICKLABLE)
def test_copies_are_taken(name: str, value: Any) -> None:
    """By deepcopy, clone and cloudpickle."""
    clf = MLPClassifier(**QUICK).set_params(**{name: value})
    for same in (copy.deepcopy(clf), clone(clf), pickle.loads(cloudpickle.dumps(clf))):
        assert type(same.get_params()[name]) is type(value)


def test_fitted_and_in_parallel() -> None:
    """A fitted one is no different; joblib's default backend takes it."""
    clf = MLPClassifier((3,), callbacks=[lambda report: False], **QUICK).fit(X, Y)
    with pytest.raises(pickle.PicklingError, match="the parameter callbacks holds"):
        pickle.dumps(clf)
    again = pickle.loads(cloudpickle.dumps(clf))
    assert np.array_equal(again.predict(X), clf.predict(X))
    assert len(cross_val_score(clf, X, Y, cv=2, n_jobs=2, error_score="raise")) == 2


def test_the_network_is_named() -> None:
    """A builder that can be found may make a function that can't."""
    clf = MLPClassifier(builder=closing, **QUICK).initialize(4, classes=[0, 1, 2])
    with pytest.raises(pickle.PicklingError, match="the network of its builder holds .*apply"):
        pickle.dumps(clf)


def test_what_can_be_found_is_pickled() -> None:
    """Functions of modules, objects and partials of them."""
    clf = MLPClassifier(
        (3,),
        callbacks=[importable, Holder(accuracy), partial(importable)],
        metrics={"mine": accuracy, "also": "accuracy"},
        builder=dense.build,
        **QUICK,
    ).fit(X, Y)
    assert np.array_equal(pickle.loads(pickle.dumps(clf)).predict(X), clf.predict(X))


class Knowing:
    """A callback that drops its function when it is pickled, and holds a large graph."""

    def __init__(self) -> None:
        self.function = lambda: 0
        self.many = list(range(10**6))
        self.itself = self

    def __call__(self, report: Report) -> None:
        """Nothing."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


def test_objects_that_know_how_are_pickled() -> None:
    """Their attributes are their own business."""
    clf = MLPClassifier((3,), callbacks=Knowing(), **QUICK)
    assert isinstance(pickle.loads(pickle.dumps(clf)).callbacks, Knowing)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("metrics", {"metrics": {"mine": lambda y, p: 0.0}}),
        ("partitions", {"partitions": by_function(lambda X: X[:, 0] > 0)}),
    ],
)
def test_reports(name: str, given: Any) -> None:
    """Are told likewise."""
    report = evaluate(None, X, Y, y_pred=Y, **given)
    with pytest.raises(pickle.PicklingError, match=f"PartitionReport can't .* parameter {name}"):
        pickle.dumps(report)
    assert str(pickle.loads(cloudpickle.dumps(report))) == str(report)
    plain = evaluate(None, X, Y, y_pred=Y, metrics="accuracy")
    assert str(pickle.loads(pickle.dumps(plain))) == str(plain)
