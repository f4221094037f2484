"""Estimators of tables after saving and loading, pickling and skops."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io

import mlpkit
from mlpkit import MLPClassifier
from mlpkit.plugin import PluginError
from mlpkit_tabular import SKOPS_TRUSTED_TYPES, TabularClassifier, TabularEncoder, TabularRegressor

N = 80
RNG = np.random.RandomState(0)
FRAME = pd.DataFrame(
    {
        "number": RNG.standard_normal(N),
        "tied": RNG.randint(3, size=N).astype(float),
        "color": RNG.choice(["red", "blue", "green", None], N),
        "code": pd.Categorical(RNG.choice(["a", "b"], N)),
        "flag": RNG.rand(N) > 0.5,
        "day": pd.to_datetime("2024-01-01") + pd.to_timedelta(RNG.randint(400, size=N), "D"),
        "many": RNG.choice([f"city {i}" for i in range(30)], N),
    }
)
FRAME.loc[::7, "number"] = np.nan
LABELS = np.where(FRAME["number"].fillna(0) > 0, "yes", "no")
REAL = FRAME["number"].fillna(0).to_numpy() + 1
SHORT: dict[str, Any] = {"max_iter": 2, "random_state": 0}

CASES: dict[str, Callable[[], Any]] = {
    "classifier": lambda: TabularClassifier(**SHORT).fit(FRAME, LABELS),
    "regressor": lambda: TabularRegressor(metrics=["mae"], partitions=["color"], **SHORT).fit(
        FRAME, REAL
    ),
    "quantiles": lambda: TabularRegressor(quantiles=(0.1, 0.5, 0.9), **SHORT).fit(FRAME, REAL),
    "realmlp": lambda: TabularClassifier(builder="realmlp", n_folds=None, **SHORT).fit(
        FRAME, LABELS
    ),
    "resnet": lambda: TabularClassifier(
        builder="resnet", builder_options={"width": 8}, n_folds=2, **SHORT
    ).fit(FRAME, LABELS),
    "options": lambda: TabularClassifier(
        encoder_options={"max_one_hot": 2},
        builder_options={"form": "full", "embedding": "periodic"},
        n_members=2,
        **SHORT,
    ).fit(FRAME, LABELS),
    "stream": lambda: (
        TabularClassifier(metrics="accuracy", partitions="color", **SHORT)
        .partial_fit(FRAME[:40], LABELS[:40], classes=["no", "yes"])
        .partial_fit(FRAME[40:], LABELS[40:])
    ),
    "dense network": lambda: MLPClassifier(
        (4,), encoder="tabular", encoder_options={"min_count": 3}, **SHORT
    ).fit(FRAME, LABELS),
    "encoder as an object": lambda: MLPClassifier(
        (4,), encoder=TabularEncoder(max_one_hot=3), **SHORT
    ).fit(FRAME, LABELS),
    "fitted encoder": lambda: MLPClassifier(
        (4,), encoder=TabularEncoder().fit(FRAME, LABELS == "yes"), **SHORT
    ).partial_fit(FRAME, LABELS, classes=["no", "yes"]),
    "array of objects": lambda: TabularClassifier(**SHORT).fit(FRAME.to_numpy(object), LABELS),
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
    trusted = [*mlpkit.SKOPS_TRUSTED_TYPES, *SKOPS_TRUSTED_TYPES]
    return skops.io.loads(skops.io.dumps(estimator), trusted=trusted)


def outputs_of(estimator: Any, X: Any) -> list[Any]:
    """All that an estimator predicts."""
    names = ("predict", "predict_proba", "predict_interval")
    made = [getattr(estimator, name)(X) for name in names if hasattr(estimator, name)]
    if getattr(estimator, "quantiles", None) is not None:
        made.append(estimator.predict(X, quantiles=(0.2, 0.4)))
    return made


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", CASES)
def test_predictions_and_training_are_the_same(name: str, tmp_path: Path) -> None:
    """The tables, the networks and the metrics are kept, and training goes on."""
    estimator = CASES[name]()
    others = [copied(estimator, tmp_path) for copied in (saved, pickled, by_skops)]
    X = FRAME.to_numpy(object) if name == "array of objects" else FRAME
    y = REAL if isinstance(estimator, TabularRegressor) else LABELS
    for _ in range(2):
        for other in others:
            for a, b in zip(outputs_of(estimator, X), outputs_of(other, X), strict=True):
                assert a.dtype == b.dtype and a.tobytes() == b.tobytes()
            assert estimator.metric_history_.to_csv() == other.metric_history_.to_csv()
            assert estimator.loss_curve_ == other.loss_curve_
            assert estimator.encoder_.columns == other.encoder_.columns
        for each in (estimator, *others):
            each.partial_fit(X, y)


def test_a_missing_plugin_is_named(tmp_path: Path) -> None:
    """The error says how to install it."""
    CASES["classifier"]().save(tmp_path / "model.mlpkit")
    with (
        mlpkit.registry.without("mlpkit-tabular"),
        pytest.raises(PluginError, match=r"mlpkit-tabular.* is disabled by"),
    ):
        mlpkit.load(tmp_path / "model.mlpkit")
