"""Test-then-train values of a stream, over all of it and in a window, by group."""

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier, MLPRegressor, by_labels, evaluate

X, Y = load_digits(return_X_y=True)
X = X / 16
REGION = np.array(["north", "south"])[np.random.RandomState(0).randint(2, size=len(Y))]
SIZES = [40, 1, 7, 200, 64, 3, 100]


def classifier(**changes: Any) -> MLPClassifier:
    """One that measures its stream."""
    settings: dict[str, Any] = {
        "hidden_layer_sizes": (8,),
        "random_state": 0,
        "metrics": ["accuracy", "log_loss"],
        "partitions": by_labels("region"),
        "metrics_window": 100,
    }
    return MLPClassifier(**{**settings, **changes})


def streamed(clf: MLPClassifier, sizes: list[int] = SIZES) -> list[Any]:
    """Feed it; what it predicted of each chunk before it learned from it, from the second on."""
    begin, results = 0, []
    for n in sizes:
        part = slice(begin, begin + n)
        if begin:
            results.append((part, clf.predict_proba(X[part])))
        clf.partial_fit(X[part], Y[part], classes=range(10), labels={"region": REGION[part]})
        begin += n
    return results


def test_each_chunk_is_predicted_before_it_is_learned(backend: str) -> None:
    """Values over all chunks so far are those of their predictions from before."""
    clf = classifier(backend=backend)
    parts = streamed(clf)
    rows = np.arange(SIZES[0], sum(SIZES))
    first = clf.metric_history_.select("accuracy", split="prequential", by="all")[0]
    report = evaluate(
        None,
        None,
        Y[rows],
        y_proba=np.concatenate([p for _, p in parts]),
        classes=range(10),
        metrics=["accuracy", "log_loss"],
        partitions=by_labels("region"),
        labels={"region": REGION[rows]},
    )
    last = [r for r in clf.metric_history_.select("accuracy", split="prequential") if r.epoch == 7]
    whole = last[0]
    assert whole.n_rows == sum(SIZES)
    right = whole.value * whole.n_rows - first.value * first.n_rows
    assert right == pytest.approx(report["accuracy"] * len(rows))
    assert {r.partition: r.n_rows for r in last if r.partitioner == "region"} == {
        name: (REGION[: sum(SIZES)] == name).sum() for name in ("north", "south")
    }
    plain = classifier(backend=backend, metrics=None, partitions=None)
    streamed(plain)
    np.testing.assert_array_equal(plain.coefs_[0], clf.coefs_[0])


def test_the_window_slides(backend: str) -> None:
    """It holds at least so many of the last rows, as soon as there are so many, and few more."""
    clf = classifier(backend=backend, learning_rate_init=0.03)
    streamed(clf, [20] * 30)
    rows = clf.metric_history_.select("accuracy", split="window", by="all")
    sizes = [r.n_rows for r in rows]
    assert sizes[:4] == [20, 40, 60, 80] and all(100 <= n <= 140 for n in sizes[4:])
    everything = clf.metric_history_.select("accuracy", split="prequential", by="all")
    assert rows[-1].value > everything[-1].value  # it has learned


def test_a_stream_goes_on_from_a_pickle_and_ends_with_fit() -> None:
    """What was seen is remembered; a new fit begins anew."""
    clf = classifier()
    streamed(clf, [50, 60])
    again = pickle.loads(pickle.dumps(clf))
    for each in (clf, again):
        each.partial_fit(X[200:230], Y[200:230], labels={"region": REGION[200:230]})
    np.testing.assert_array_equal(clf.metric_history_["value"], again.metric_history_["value"])
    clf.set_params(max_iter=1)
    with pytest.warns(ConvergenceWarning):
        clf.fit(X, Y, labels={"region": REGION})
    assert {r.split for r in clf.metric_history_} == {"train"}


def test_groups_that_come_later_are_groups_too() -> None:
    """A stream teaches new names; metrics that keep rows are in the window alone."""
    clf = classifier(metrics=["accuracy", "roc_auc"], hidden_layer_sizes=(4,))
    two = Y % 2
    for part, name in ((slice(100), "north"), (slice(100, 200), "east")):
        labels = {"region": np.full(100, name)}
        clf.partial_fit(X[part], two[part], classes=[0, 1], labels=labels)
    last = [r for r in clf.metric_history_ if r.epoch == 2]
    assert {r.partition for r in last} == {"all", "north", "east"}
    assert {r.metric for r in last if r.split == "prequential"} == {"accuracy"}
    assert {r.metric for r in last if r.split == "window"} == {"accuracy", "roc_auc"}


def test_a_chunk_that_fails_leaves_the_stream_as_it_was() -> None:
    """The next one goes on from before."""
    clf, other = classifier(), classifier()
    streamed(clf, [50])
    streamed(other, [50])
    with pytest.raises(ValueError, match="one value for each of the 10 rows of y, got 3"):
        clf.partial_fit(X[50:60], Y[50:60], labels={"region": REGION[:3]})
    for each in (clf, other):
        each.partial_fit(X[50:60], Y[50:60], labels={"region": REGION[50:60]})
    np.testing.assert_array_equal(clf.metric_history_["value"], other.metric_history_["value"])


def test_regression_streams() -> None:
    """R2 over the stream is that of its predictions."""
    reg = MLPRegressor(hidden_layer_sizes=(4,), random_state=0, metrics="mae")
    reg.partial_fit(X[:50], Y[:50] / 10)
    before = reg.predict(X[50:90])
    reg.partial_fit(X[50:90], Y[50:90] / 10)
    one, two = reg.metric_history_.select("mae", split="prequential")
    assert two.value * 90 - one.value * 50 == pytest.approx(np.abs(before - Y[50:90] / 10).sum())
