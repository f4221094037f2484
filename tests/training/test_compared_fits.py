"""A checkpoint of other parameters or other data is an error that names the difference."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_fits import LABELS, QUICK, VALUES, X, classifier, halving, twice_as_fast

from mlpkit import MLPClassifier, MLPRegressor, by_labels
from mlpkit.testing.resuming import KillAfter, Killed, assert_same_fit

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

CHANGES: list[tuple[str, dict[str, Any], str]] = [
    ("alpha", {"alpha": 0.5}, "alpha is 0.5 instead of 0.0001"),
    ("sizes", {"hidden_layer_sizes": (6, 5)}, r"hidden_layer_sizes is \[6, 5\] instead of \[6\]"),
    ("seed", {"random_state": 1}, "random_state is 1 instead of 0"),
    ("max_iter", {"max_iter": 10}, "max_iter is 10 instead of 9"),
    ("weights", {"class_weight": {"a": 2.0}}, "class_weight is {'a': 2.0} instead of None"),
    ("function", {"learning_rate": halving}, "learning_rate is '.*halving' instead of 'constant'"),
    ("metrics", {"metrics": "accuracy"}, "metrics is 'accuracy' instead of None"),
    ("callback", {"callbacks": [twice_as_fast]}, "callbacks is .*twice_as_fast'"),
    (
        "two",
        {"alpha": 0.5, "tol": 0.1},
        "alpha is 0.5 instead of 0.0001; tol is 0.1 instead of 0.0001",
    ),
]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a killed fit."""
    path = tmp_path_factory.mktemp("killed") / "run.ckpt"
    with pytest.raises(Killed):
        classifier(path, [KillAfter(4)]).fit(X, LABELS, X_val=X[:9], y_val=LABELS[:9])
    return path


@pytest.mark.parametrize(
    ("params", "message"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES]
)
def test_other_parameters_are_an_error(killed: Path, params: dict[str, Any], message: str) -> None:
    """The message has the name, the new value and the old one; the file stays as it is."""
    before = killed.read_bytes()
    clf = classifier(killed).set_params(**params)
    with pytest.raises(ValueError, match=f"belongs to another fit: {message}.*Restore the param"):
        clf.fit(X, LABELS, X_val=X[:9], y_val=LABELS[:9])
    assert killed.read_bytes() == before and not hasattr(clf, "n_iter_")


def test_other_parameters_of_a_complete_fit_are_an_error(tmp_path: Path) -> None:
    """Its result is that of the parameters with which it was saved, callbacks included."""
    path = tmp_path / "run.ckpt"
    classifier(path).fit(X, LABELS)
    for params in ({"alpha": 0.5}, {"callbacks": twice_as_fast}, {"metrics": "accuracy"}):
        with pytest.raises(ValueError, match="belongs to another fit: (alpha|callbacks|metrics)"):
            classifier(path).set_params(**params).fit(X, LABELS)
    classifier(path, ["print", "progress"]).fit(X, LABELS)


def test_another_class_is_an_error(killed: Path) -> None:
    """An estimator of another class never continues."""
    with pytest.raises(ValueError, match=r"the class is 'mlpkit.*MLPRegressor' instead of '"):
        MLPRegressor(**QUICK, checkpoint=killed).fit(X, VALUES)


def test_other_data_are_an_error(killed: Path) -> None:
    """The message says what differs, and where."""
    changed, other = X.copy(), LABELS.copy()
    changed[70] += 1
    other[[5, 149]] = "a"
    other[[5, 149]] = np.where(LABELS[[5, 149]] == "a", "b", "a")
    sets: dict[str, Any] = {"X_val": X[:9], "y_val": LABELS[:9]}
    cases: list[tuple[Any, Any, dict[str, Any], str]] = [
        (X[:100], LABELS[:100], {}, r"X has the shape \(100, 4\) instead of \(150, 4\); y has the"),
        (X.astype("f4"), LABELS, {}, "X has the dtype float32 instead of float64"),
        (
            changed,
            LABELS,
            {},
            "X has other values in the rows 70 to 74$|X has other values in the ",
        ),
        (X, other, {}, "y has other values in the rows 5 to 9, and in others"),
        (X, LABELS, {"sample_weight": np.ones(150)}, "sample_weight is new"),
        (X, LABELS, {"X_val": X[1:10]}, "X_val has other values in the rows 0 to 0, and in others"),
        (X, LABELS, {"y_val": LABELS[1:10]}, "y_val has other values"),
        (X, LABELS, {"eval_sets": {"late": (X, LABELS)}}, r"X of eval_sets\['late'\] is new"),
        (X, LABELS, {"X_val": None, "y_val": None}, "X_val is missing; y_val is missing"),
    ]
    for X_fit, y_fit, more, message in cases:
        with pytest.raises(ValueError, match=f"belongs to another fit: {message}"):
            classifier(killed).fit(X_fit, y_fit, **{**sets, **more})


def test_parameters_that_do_not_change_the_result_may_differ(tmp_path: Path) -> None:
    """How often the file is written, what is printed, and how long the fit may take."""
    path = tmp_path / "run.ckpt"
    with pytest.raises(Killed):
        classifier(path, [KillAfter(4)], verbose=True).fit(X, LABELS)
    clf = classifier(path, ["print"], checkpoint_every=2, time_limit=1e6, verbose=False)
    assert_same_fit(classifier(None).fit(X, LABELS), clf.fit(X, LABELS))


def test_groups_are_compared(tmp_path: Path) -> None:
    """Rows in other groups have other metrics."""
    region = np.where(np.arange(150) % 2, "north", "south")

    def fit(labels: Any, *callbacks: Any) -> Any:
        clf = classifier(tmp_path / "run.ckpt", list(callbacks), partitions=by_labels("region"))
        return clf.fit(X, LABELS, labels={"region": labels})

    with pytest.raises(Killed):
        fit(region, KillAfter(3))
    with pytest.raises(ValueError, match="the partition 'region' of the train rows has other"):
        fit(region[::-1])
    with pytest.raises(ValueError, match="the groups of the partition 'region' of the train rows"):
        fit(np.char.upper(region))
    fit(region)


def test_partial_fit_has_no_checkpoint() -> None:
    """The message says how a stream is saved."""
    for params in ({"checkpoint": "run.ckpt"}, {"time_limit": 1.0}):
        with pytest.raises(ValueError, match="partial_fit does not support (checkpoint|time_lim)"):
            MLPClassifier(**params).partial_fit(X, LABELS, classes=["a", "b", "c"])
