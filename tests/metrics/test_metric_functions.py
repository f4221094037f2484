"""Functions as metrics, metrics by name and with options, and copies of them."""

import pickle
import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
from grouped import REFERENCES, close, rows
from sklearn import metrics as sk
from sklearn.exceptions import UndefinedMetricWarning

from mlpkit import by_labels, evaluate, from_function
from mlpkit.metrics.arguments import metrics_of
from mlpkit.metrics.probabilities import expected_calibration_error, roc_auc_histogram
from mlpkit.metrics.regression import pinball_loss
from mlpkit.plugin import Metric
from mlpkit.registry.lookup import installed

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "function",
    [
        sk.cohen_kappa_score,
        sk.matthews_corrcoef,
        sk.roc_auc_score,
        sk.log_loss,
        sk.d2_log_loss_score,
        sk.brier_score_loss,
        partial(sk.fbeta_score, beta=2.0, pos_label="yes"),
        sk.jaccard_score,
    ],
    ids=lambda f: getattr(f, "func", f).__name__,
)
def test_functions_of_scikit_learn_as_they_are(function: Any) -> None:
    """A function f(y_true, y_pred, sample_weight=...) is computed on each group's rows."""
    data = rows("binary")
    report = evaluate(
        None,
        None,
        data.y,
        y_pred=data.label,
        y_proba=data.p,
        metrics=function,
        partitions=by_labels(data.groups),
        sample_weight=data.w,
    )
    inner = getattr(function, "func", function)
    scores = inner in (sk.roc_auc_score, sk.log_loss, sk.d2_log_loss_score, sk.brier_score_loss)
    for e in report:
        chosen = np.ones(400, bool) if e.partition == "all" else data.groups == e.partition
        predictions = data.p[chosen, 1] if scores else data.label[chosen]
        positive = inner in (sk.brier_score_loss, sk.jaccard_score)
        labels = {"pos_label": "yes"} if positive else {}
        expected = function(data.y[chosen], predictions, sample_weight=data.w[chosen], **labels)
        close(float(expected), e.value)


def test_what_a_function_needs_is_read_off_it() -> None:
    """Names of parameters and of the function say what scikit-learn's conventions say."""
    assert from_function(sk.hinge_loss).needs == "scores"
    assert from_function(sk.brier_score_loss).needs == "probabilities"
    assert from_function(sk.mean_squared_error).higher_is_better is False
    assert from_function(sk.r2_score).higher_is_better is True
    assert from_function(sk.matthews_corrcoef).higher_is_better is None
    assert from_function(sk.matthews_corrcoef, higher_is_better=True).higher_is_better is True


def test_a_function_without_weights() -> None:
    """It works on rows without weights, and says so with them."""

    def spread(y_true: Any, y_pred: Any) -> float:
        return float(np.ptp(y_pred))

    data = rows("regression")
    report = evaluate(None, None, data.y, y_pred=data.label, metrics=spread)
    assert report["spread"] == np.ptp(data.label)
    with pytest.warns(UndefinedMetricWarning, match="has no parameter sample_weight"):
        evaluate(None, None, data.y, y_pred=data.label, metrics=spread, sample_weight=data.w)


def test_one_class_in_a_group() -> None:
    """Where AUC and recall are undefined they are NaN, with one warning for all of them."""
    y = np.array([0, 1, 0, 1, 0, 0, 0, 0])
    groups = np.repeat(["both", "one"], 4)
    with pytest.warns(UndefinedMetricWarning) as caught:
        report = evaluate(
            None,
            None,
            y,
            y_pred=y,
            y_proba=y * 0.8 + 0.1,
            metrics=["roc_auc", "recall", "accuracy"],
            partitions=by_labels(groups),
            min_rows=1,
        )
    assert len(caught) == 1 and caught[0].filename == __file__
    assert "roc_auc is undefined for labels 'one', and set to NaN" in str(caught[0].message)
    one = [e for e in report if e.partition == "one"]
    assert [np.isnan(e.value) for e in one] == [True, True, False]
    assert [e.eligible for e in one] == [False, False, True]
    assert report.worst("roc_auc").partition == "both"


def test_names_that_are_unknown_or_do_not_fit() -> None:
    """The message lists what is possible."""
    with pytest.raises(ValueError, match="unknown metric 'acuracy'.*Did you mean 'accuracy'"):
        metrics_of("acuracy", "binary")
    with pytest.raises(
        ValueError, match="'recall' supports binary targets, but the task is mul.*f1"
    ):
        metrics_of("recall", "multiclass")
    with pytest.raises(ValueError, match="Two metrics have the name 'accuracy'"):
        metrics_of(["accuracy", "accuracy"], "binary")
    with pytest.raises(ValueError, match="'log_loss' needs probabilities. Use an estimator"):
        metrics_of("log_loss", "binary", {"labels"})
    with pytest.raises(ValueError, match="A metric must be a name"):
        metrics_of([3], "binary")
    data = rows("binary")
    with pytest.raises(ValueError, match="pos_label must be one of the classes .*, got 'maybe'"):
        evaluate(None, None, data.y, y_pred=data.label, metrics=_recall("maybe"))


def _recall(pos_label: Any) -> Metric:
    factory, _ = installed().resolve("metric", "recall")
    return factory(pos_label=pos_label)


def test_options_make_other_metrics() -> None:
    """Factories take what their component declares; a dict gives names."""
    data = rows("binary")
    report = evaluate(
        None,
        None,
        data.y,
        y_pred=data.label,
        y_proba=data.p,
        metrics={"recall of no": _recall("no"), "rough": expected_calibration_error(bins=5)},
    )
    close(sk.recall_score(data.y, data.label, pos_label="no"), report["recall of no"])
    assert report.metrics == ["recall of no", "rough"]
    assert pinball_loss(0.9).name == "pinball_loss_0.9"
    with pytest.raises(ValueError, match=r"alpha must be from 0 to 1, got 1.5"):
        pinball_loss(1.5)
    assert roc_auc_histogram(bins=10).note.startswith("from a histogram of 10 bins")


def test_every_metric_can_be_pickled() -> None:
    """Reports hold them."""
    for name in installed().plugins[0].load().components["metric"]:
        metric = metrics_of(name, REFERENCES_TASK.get(name, "binary"))[0]  # type: ignore[arg-type]
        assert pickle.loads(pickle.dumps(metric)).name == name


REFERENCES_TASK = {
    **dict.fromkeys(REFERENCES["regression"], "regression"),
    "median_absolute_error_histogram": "regression",
    "interval_coverage": "regression",
    "interval_width": "regression",
}


def test_a_row_of_weight_zero_changes_nothing() -> None:
    """Not even one with a class of its own or a wild value."""
    data = rows("multiclass")
    w = np.where(data.y == "z", 0.0, data.w)
    kept = w > 0
    for name in ("f1_macro", "log_loss", "balanced_accuracy"):
        values = []
        for chosen in (np.ones(400, bool), kept):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                report = evaluate(
                    None,
                    None,
                    data.y[chosen],
                    y_pred=data.label[chosen],
                    y_proba=data.p[chosen],
                    metrics=name,
                    sample_weight=w[chosen],
                    classes=["x", "y", "z"],
                )
            values.append(report[name])
        close(values[1], values[0])
