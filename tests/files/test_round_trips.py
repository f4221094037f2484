"""Estimators after saving and loading, pickling, and skops: equal, and training goes on equally."""

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from same import same
from sklearn import config_context
from sklearn.datasets import make_multilabel_classification

import mlpkit
from mlpkit import (
    Cycles,
    MLPClassifier,
    MLPRegressor,
    by,
    by_column,
    by_labels,
    by_quantile,
    by_target,
    cross,
    schedules,
)
from mlpkit.estimators.fitted_state import plain_state
from mlpkit.estimators.records import plain

RNG = np.random.RandomState(0)
X = RNG.standard_normal((60, 4))
LABELS = np.array(["no", "yes", "perhaps"])[np.arange(60) % 3]
BINARY = (X[:, 0] > 0).astype(int)
REAL = X[:, 0] + 0.1 * RNG.standard_normal(60)
MULTILABEL = make_multilabel_classification(60, n_classes=3, random_state=0)[1]
OTHER = {"X_val": X[:20], "y_val": LABELS[:20]}
Fit = Callable[[Any], Any]


def short(**parameters: Any) -> dict[str, Any]:
    """Parameters of a short fit."""
    return {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0, **parameters}


def clf(**parameters: Any) -> MLPClassifier:
    """A classifier for a short fit."""
    return MLPClassifier(**short(**parameters))


def reg(**parameters: Any) -> MLPRegressor:
    """A regressor for a short fit."""
    return MLPRegressor(**short(**parameters))


def streamed(estimator: Any, y: Any, **more: Any) -> Any:
    """Three calls of `partial_fit`."""
    first = {"classes": np.unique(y)} if isinstance(estimator, MLPClassifier) else {}
    for part in (slice(20), slice(20, 30), slice(30, 60)):
        estimator.partial_fit(X[part], y[part], **first, **more)
    return estimator


def with_columns() -> Any:
    """A stream of dataframes, with groups by column and by labels of the rows."""
    pd = pytest.importorskip("pandas")
    estimator = clf(
        metrics={"hits": "accuracy", "loss": "log_loss"},
        partitions=["age", by_labels("sex"), cross("age", by_target(name="y"))],
        metrics_window=15,
    )
    frame = pd.DataFrame(X.round(), columns=["age", "b", "c", "d"])
    sex = np.array(["f", "m"])[np.arange(60) % 2]
    for part in (slice(20), slice(20, 60)):
        rows = frame[part], LABELS[part]
        estimator.partial_fit(*rows, classes=np.unique(LABELS), labels={"sex": sex[part]})
    return estimator


def replaced() -> Any:
    """Parameters that were changed after the fit."""
    estimator = clf(metrics="accuracy", learning_rate_init=0.1).fit(X, LABELS)
    return estimator.set_params(learning_rate_init=0.01, metrics=["log_loss"], loss="log_loss")


def edited() -> Any:
    """Weights that the user changed."""
    estimator = clf().fit(X, LABELS)
    estimator.coefs_[0][:2] = 7
    estimator.intercepts_ = [b + 1 for b in estimator.intercepts_]
    return estimator


def preset() -> Any:
    """Weights that were set before the first fit, as the coefs_ of scikit-learn."""
    estimator = clf(warm_start=True)
    estimator.coefs_ = [np.ones((4, 5)), np.ones((5, 3))]
    estimator.intercepts_ = [np.zeros(5), np.zeros(3)]
    fitted = clf().fit(X, LABELS)
    estimator.__dict__ |= {
        n: v for n, v in vars(fitted).items() if n in ("_targets", "n_features_in_", "classes_")
    }
    estimator.out_activation_ = "softmax"
    return estimator


def requested() -> Any:
    """Metadata requests, which a Pipeline needs."""
    with config_context(enable_metadata_routing=True):
        return clf().set_fit_request(X_val=True, y_val="validation").fit(X, LABELS)


CASES: dict[str, Callable[[], Any]] = {
    "unfitted": lambda: clf(hidden_layer_sizes=np.array([5, 3])),
    "multiclass": lambda: clf().fit(X, LABELS),
    "binary": lambda: clf(class_weight={1: 2.0}).fit(X, BINARY),
    "multilabel": lambda: clf(activation=["tanh"]).fit(X, MULTILABEL),
    "one class": lambda: clf().fit(X, ["only"] * 60),
    "boolean classes": lambda: clf().fit(X, BINARY.astype(bool)),
    "classes as objects": lambda: clf().fit(X, LABELS.astype(object)),
    "float32": lambda: clf(dtype="float32", solver="sgd").fit(X, LABELS),
    "regression": lambda: reg(loss="huber", loss_options={"delta": 0.5}).fit(X, REAL),
    "two targets": lambda: reg(standardize_targets=True, clip_predictions=True).fit(
        X, np.stack([REAL, 3 * REAL], 1)
    ),
    "poisson": lambda: reg(loss="poisson").fit(X, np.exp(REAL)),
    "quantiles": lambda: reg(
        loss="quantiles", loss_options={"quantiles": (0.1, 0.5, 0.9)}, early_stopping=True
    ).fit(X, REAL),
    "intervals": lambda: reg().fit(X[:30], REAL[:30]).calibrate(X[30:], REAL[30:]),
    "temperature": lambda: clf(temperature_scaling=True, early_stopping=True).fit(X, LABELS),
    "validation set": lambda: clf(
        metrics=["accuracy", "log_loss"],
        partitions=[0, by_quantile(1, 2), by_column(2, name="third")],
        early_stopping_on="worst(log_loss, by='column 1', min_rows=1)",
    ).fit(X.round(), LABELS, **OTHER, eval_sets={"more": (X[:9], LABELS[:9])}),
    "lbfgs": lambda: clf(solver="lbfgs").fit(X, LABELS),
    "schedules": lambda: clf(
        learning_rate=schedules.warmup(0.2, then="linear"),
        weight_decay_schedule=schedules.cosine,
        solver="adamw",
        solver_options={"weight_decay": 0.1},
        average_decay=0.5,
        dropout=0.2,
        max_gradient_norm=1.0,
    ).fit(X, LABELS),
    "cycles": lambda: clf(trainer=Cycles(first_cycle=1), early_stopping_on="loss").fit(X, LABELS),
    "label smoothing": lambda: clf(loss_options={"label_smoothing": 0.1}).fit(X, LABELS),
    "adaptive": lambda: clf(solver="sgd", learning_rate="adaptive", tol=9.0).fit(X, LABELS),
    "stream": lambda: streamed(
        clf(metrics=["accuracy", "roc_auc"], partitions=by("target"), class_weight="balanced"),
        BINARY,
    ),
    "stream of real targets": lambda: streamed(reg(metrics=["r2", "mae"]), REAL),
    "stream of frames": with_columns,
    "replaced parameters": replaced,
    "edited weights": edited,
    "preset weights": preset,
    "initialized": lambda: clf().initialize(4, classes=["a", "b", "c"]),
    "requests": requested,
    "generator": lambda: clf(random_state=np.random.RandomState(3), shuffle=True).fit(X, LABELS),
}


def saved(estimator: Any, folder: Path) -> Any:
    """The estimator after saving and loading."""
    estimator.save(folder / "model.mlpkit")
    return mlpkit.load(folder / "model.mlpkit")


def pickled(estimator: Any, folder: Path) -> Any:
    """The estimator after pickling."""
    return pickle.loads(pickle.dumps(estimator))


def by_skops(estimator: Any, folder: Path) -> Any:
    """The estimator after a round trip through skops."""
    return skops.io.loads(skops.io.dumps(estimator), trusted=mlpkit.SKOPS_TRUSTED_TYPES)


def state_of(estimator: Any) -> dict[str, Any]:
    """All attributes, with plain values in place of the fitted objects."""
    state = plain_state([], vars(estimator))
    for name in estimator._parameter_names:
        value = getattr(estimator, name)
        is_generator = isinstance(value, np.random.RandomState)
        state[name] = value.get_state() if is_generator else plain(value)
    return dict(sorted(state.items()))


def target_of(estimator: Any) -> Any:
    """Targets of the rows X for an estimator."""
    if isinstance(estimator, MLPRegressor):
        n = estimator._targets.n_outputs
        return np.abs(REAL) if n == 1 else np.abs(np.stack([REAL, REAL], 1))
    if estimator._targets.task == "multilabel":
        return MULTILABEL
    return np.resize(estimator.classes_, 60)


def frame_of(estimator: Any) -> tuple[Any, dict[str, Any]]:
    """The rows and their labels in the form that an estimator was fitted with."""
    if not hasattr(estimator, "feature_names_in_"):
        return X, {}
    pd = pytest.importorskip("pandas")
    labels = {"labels": {"sex": np.array(["f", "x"])[np.arange(60) % 2]}}
    return pd.DataFrame(X.round(), columns=estimator.feature_names_in_), labels


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", CASES)
def test_everything_fitted_is_kept(name: str, tmp_path: Path) -> None:
    """Attributes, predictions, and the numbers of further training are the same."""
    estimator = CASES[name]()
    others = [copied(estimator, tmp_path) for copied in (saved, pickled, by_skops)]
    for other in others:
        assert type(other) is type(estimator)
        assert_same_state(estimator, other)
    if name == "unfitted":
        return
    rows, labels = frame_of(estimator)
    for other in others:
        assert_same_predictions(estimator, other, rows)
    y = target_of(estimator)
    for each in (estimator, *others):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trained(each, rows, y, labels)
    for other in others:
        assert_same_state(estimator, other, without=("_training",))  # seconds


def assert_same_state(one: Any, other: Any, without: tuple[str, ...] = ()) -> None:
    """All attributes are the same."""
    mine, others = state_of(one), state_of(other)
    assert list(mine) == list(others)
    for key, value in mine.items():
        if key not in without:
            assert same(value, others[key]), (key, value, others[key])


def assert_same_predictions(one: Any, other: Any, rows: Any) -> None:
    """All predictions are the same, bit for bit."""
    assert same(one.predict(rows), other.predict(rows))
    if hasattr(one, "predict_proba"):
        assert same(one.predict_proba(rows), other.predict_proba(rows))
    if hasattr(one, "predict_interval"):
        intervals = one.predict_interval(rows, coverage=0.5)
        assert same(intervals, other.predict_interval(rows, coverage=0.5))


def trained(estimator: Any, rows: Any, y: Any, labels: dict[str, Any]) -> None:
    """Train on, in a stream if the solver allows it, and from the weights."""
    estimator.set_params(early_stopping=False, early_stopping_on=None, average_decay=None)
    is_fitted = "_network" in vars(estimator)
    if is_fitted and hasattr(estimator, "partial_fit"):
        estimator.partial_fit(rows, y, **labels)
    estimator.set_params(warm_start=True).fit(rows, y, **labels)
