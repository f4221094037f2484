"""Keras metrics: those of a compiled model, and those in the parameter `metrics`."""

import pickle
from typing import Any

import custom
import keras
import numpy as np
import pytest
from conftest import BACKEND
from custom import X, Y

from mlpkit import MLPClassifier, MLPRegressor, evaluate
from mlpkit.testing import close
from mlpkit_keras.runtime import to_numpy

QUICK: dict[str, Any] = {"backend": BACKEND, "max_iter": 3, "random_state": 0}


def spread(y_true: Any, y_pred: Any) -> Any:
    """A custom metric, (n,)."""
    return keras.ops.max(y_pred, axis=-1) - keras.ops.min(y_pred, axis=-1)


def with_metrics(spec: Any, kind: str = "list") -> Any:
    """A model compiled with metrics of several kinds."""
    model = custom.my_model(spec, 8, 0.0)
    auc = keras.metrics.AUC(name="area", multi_label=spec.n_outputs > 1)
    if spec.task == "regression":
        model.compile("adam", "mse", metrics=["mae"])
    elif kind == "list":
        model.compile("adam", metrics=["accuracy", auc, spread], weighted_metrics=["acc"],
                      loss="binary_crossentropy" if spec.task == "binary" else "categorical_crossentropy")  # fmt: skip # noqa: E501
    else:
        model.compile("adam", "categorical_crossentropy", metrics=[keras.metrics.F1Score()])
    return model


def last_values(model: Any, split: str = "train") -> dict[str, float]:
    """The metrics after the last epoch."""
    table = model.metric_history_.to_frame()
    table = table[(table["epoch"] == model.n_iter_) & (table["split"] == split)]
    return dict(zip(table["metric"], table["value"], strict=True))


@pytest.mark.parametrize("y", [Y, Y == "low"])
def test_compiled_metrics_are_in_the_history(y: Any) -> None:
    """The values equal those of Keras's `evaluate` after the epoch."""
    w = np.linspace(0.1, 2, len(X))
    clf = MLPClassifier(builder=with_metrics, train_metrics="exact", **QUICK).fit(X, y, w)
    model = clf.to_keras()
    loss = "binary_crossentropy" if len(clf.classes_) == 2 else "categorical_crossentropy"
    auc = keras.metrics.AUC(name="area", multi_label=len(clf.classes_) > 2)
    model.compile(loss=loss, metrics=["accuracy", auc, spread], weighted_metrics=["acc"])
    targets = clf._targets.encode(y).astype("float32")
    theirs = model.evaluate(X, targets, sample_weight=w, verbose=0, return_dict=True)
    theirs.pop("loss")
    mine = last_values(clf)
    assert mine.keys() == theirs.keys()
    close(theirs, mine, 1e-5)
    assert last_values(pickle.loads(pickle.dumps(clf))) == mine


def test_compiled_metrics_are_added_to_those_of_the_estimator() -> None:
    """They are computed for validation rows, in regression, and in streams."""
    reg = MLPRegressor(builder=with_metrics, metrics=["r2"], **QUICK)
    reg.fit(X, X[:, 0], X_val=X[:40], y_val=X[:40, 0])
    assert last_values(reg, "validation").keys() == {"r2", "mae"}
    expected = np.abs(reg.predict(X[:40]) - X[:40, 0]).mean()
    assert last_values(reg, "validation")["mae"] == pytest.approx(expected, rel=1e-5)
    stream = MLPClassifier(builder=with_metrics, **QUICK)
    stream.partial_fit(X, Y, classes=np.unique(Y))
    assert set(stream.metric_history_.to_frame()["metric"]) == {"accuracy", "area", "spread", "acc"}


def test_metrics_with_several_values_warn() -> None:
    """A metric with a value for each class is not reported."""
    with pytest.warns(UserWarning, match="f1_score.*is not one number"):
        MLPClassifier(builder=with_metrics, builder_options={"kind": "f1"}, **QUICK).fit(X, Y)


def test_objects_are_accepted_as_metrics() -> None:
    """Objects are accepted in training and by `evaluate`, also with `backend="keras"`."""
    area = keras.metrics.AUC(name="area", multi_label=True)
    clf = MLPClassifier((8,), metrics=[area, "accuracy"], **QUICK).fit(X, Y)
    assert last_values(clf).keys() == {"area", "accuracy"}
    report = evaluate(clf, X, Y, metrics=[area])
    area.reset_state()
    area.update_state(clf._targets.encode(Y), clf.predict_proba(X))
    assert report["area"] == pytest.approx(float(to_numpy(area.result())), rel=1e-5)
    own = MLPClassifier(builder=with_metrics, **{**QUICK, "backend": "keras"}).fit(X, Y)
    assert "area" in last_values(own)
