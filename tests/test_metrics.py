"""Every metric equals scikit-learn's, over all rows and by group."""

import pickle
import warnings
from functools import partial
from typing import Any

import numpy as np
import pytest
from grouped import HISTOGRAMS, REFERENCES, reference, rows
from sklearn import metrics as sk
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils.class_weight import compute_sample_weight

from mlpkit import by_labels, evaluate, from_function
from mlpkit.metrics.lookup import metrics_of
from mlpkit.metrics.probabilities import expected_calibration_error, roc_auc_histogram
from mlpkit.metrics.values import pinball_loss
from mlpkit.plugin import Metric
from mlpkit.registry import installed

pytestmark = pytest.mark.once

CASES = [(task, name) for task, named in REFERENCES.items() for name in named]
SHIFTED = ("r2", "explained_variance", "mse", "rmse", "mae", "median_absolute_error", "mean_bias")


def close(expected: float, actual: float, tolerance: float = 1e-12) -> None:
    """Equal to a relative tolerance; NaN equals NaN."""
    np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def compare(task: str, name: str, weighted: bool, shift: float = 0.0) -> None:
    """Overall and by group, a metric is what scikit-learn says of the same rows."""
    data = rows(task, shift=shift)
    w = data.w if weighted else None
    label = np.abs(data.label) + 0.1 if name == "poisson_deviance" else data.label
    p = {} if data.p is None else {"y_proba": data.p}
    report = evaluate(
        None,
        None,
        data.y,
        y_pred=label,
        metrics=name,
        partitions=by_labels(data.groups),
        sample_weight=w,
        **p,
    )
    assert len(report) == 5
    for e in report:
        chosen = np.ones(400, bool) if e.partition == "all" else data.groups == e.partition
        close(reference(task, name, data, chosen, w), e.value)
        assert e.n_rows == chosen.sum()
        close(chosen.sum() if w is None else w[chosen].sum(), e.weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("task", "name"), CASES)
def test_values_equal_scikit_learns(task: str, name: str, weighted: bool) -> None:
    """To 1e-12, weighted and not."""
    compare(task, name, weighted)


@pytest.mark.parametrize("task", ["regression", "several"])
@pytest.mark.parametrize("name", SHIFTED)
def test_values_far_from_zero(task: str, name: str) -> None:
    """Targets shifted by 1e6 lose nothing."""
    compare(task, name, weighted=True, shift=1e6)


@pytest.mark.parametrize(
    ("name", "function"), [("f1_macro", sk.f1_score), ("recall_weighted", sk.recall_score)]
)
@pytest.mark.parametrize("k", [15, 16, 17, 40])
def test_many_classes(k: int, name: str, function: Any) -> None:
    """Few classes are counted in a confusion matrix, many one by one: the values are the same."""
    y, said = np.random.default_rng(k).integers(k, size=(2, 500))
    groups = np.arange(500) % 3
    report = evaluate(None, None, y, y_pred=said, metrics=name, partitions=by_labels(groups))
    average = name.partition("_")[2]
    for e in report.select(name):
        inside = groups == int(e.partition)
        close(function(y[inside], said[inside], average=average, zero_division=0), e.value)


def test_every_metric_is_compared() -> None:
    """No built-in is left out of the comparison with scikit-learn."""
    core = installed().plugins[0].load().components["metric"]
    assert set(core) == {name for _, name in CASES} | set(HISTOGRAMS)


def test_groups_far_apart_keep_their_variance() -> None:
    """R2 of a group is exact, though another group's targets lie 1e6 away."""
    data = rows("regression")
    far = np.where(data.groups == "a", 1e6, 0.0)
    y, said = data.y + far, data.label + far
    report = evaluate(None, None, y, y_pred=said, metrics="r2", partitions=by_labels(data.groups))
    for e in report.select("r2"):
        chosen = data.groups == e.partition
        close(sk.r2_score(y[chosen], said[chosen]), e.value)


@pytest.mark.parametrize(
    ("name", "exact"), [*HISTOGRAMS.items()], ids=lambda name: str(name).removesuffix("_histogram")
)
def test_histograms_are_near(name: str, exact: str) -> None:
    """A metric from a histogram is near the exact one, and says what it is."""
    task = "regression" if "error" in name else "binary"
    data = rows(task, 4000)
    p = {} if data.p is None else {"y_proba": data.p}
    report = evaluate(
        None,
        None,
        data.y,
        y_pred=data.label,
        metrics=[name, exact],
        partitions=by_labels(data.groups),
        **p,
    )
    for a, b in zip(report.select(name), report.select(exact), strict=True):
        assert abs(a.value - b.value) <= 0.012 * abs(b.value)
    assert f"{name}: from a histogram" in str(report)
    assert f"{exact}: exact" in str(report)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["accuracy", "log_loss", "recall_macro", "roc_auc", "brier_score"])
def test_balanced_weights_are_those_of_each_group(name: str, weighted: bool) -> None:
    """They are compute_sample_weight("balanced", y_group) in every group, and multiply."""
    data = rows("multiclass" if name == "recall_macro" else "binary")
    options: Any = {"sample_weight": "balanced"}
    if weighted:
        options = {"sample_weight": data.w, "class_weight": "balanced"}
    report = evaluate(
        None,
        None,
        data.y,
        y_pred=data.label,
        y_proba=data.p,
        metrics=name,
        partitions=by_labels(data.groups),
        **options,
    )
    for e in report:
        chosen = np.ones(400, bool) if e.partition == "all" else data.groups == e.partition
        w = np.zeros(400)
        w[chosen] = compute_sample_weight("balanced", data.y[chosen])
        w *= data.w if weighted else 1
        task = "multiclass" if name == "recall_macro" else "binary"
        close(reference(task, name, data, chosen, w), e.value)
        close(w.sum(), e.weight)


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
        said = data.p[chosen, 1] if scores else data.label[chosen]
        positive = inner in (sk.brier_score_loss, sk.jaccard_score)
        labels = {"pos_label": "yes"} if positive else {}
        expected = function(data.y[chosen], said, sample_weight=data.w[chosen], **labels)
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
    with pytest.warns(UndefinedMetricWarning, match="takes no sample_weight"):
        evaluate(None, None, data.y, y_pred=data.label, metrics=spread, sample_weight=data.w)


def test_one_class_in_a_group() -> None:
    """Where AUC and recall are undefined they are NaN, with one warning for all of them."""
    y = np.array([0, 1, 0, 1, 0, 0, 0, 0])
    groups = np.repeat(["both", "one"], 4)
    with pytest.warns(UndefinedMetricWarning) as told:
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
    assert len(told) == 1
    assert "roc_auc is undefined for labels 'one', and 1 other values are" in str(told[0].message)
    one = [e for e in report if e.partition == "one"]
    assert [np.isnan(e.value) for e in one] == [True, True, False]
    assert [e.decides for e in one] == [False, False, True]
    assert report.worst("roc_auc").partition == "both"


def test_names_that_are_unknown_or_do_not_fit() -> None:
    """The message lists what is possible."""
    with pytest.raises(ValueError, match="unknown metric 'acuracy'.*Did you mean 'accuracy'"):
        metrics_of("acuracy", "binary")
    with pytest.raises(ValueError, match="'recall' is for binary, but the task is multiclass.*f1_"):
        metrics_of("recall", "multiclass")
    with pytest.raises(ValueError, match="'accuracy' is given twice"):
        metrics_of(["accuracy", "accuracy"], "binary")
    with pytest.raises(ValueError, match="'log_loss' needs probabilities, which are not there"):
        metrics_of("log_loss", "binary", {"labels"})
    with pytest.raises(ValueError, match="a metric is a name"):
        metrics_of([3], "binary")
    data = rows("binary")
    with pytest.raises(ValueError, match="pos_label='maybe' is none of"):
        evaluate(None, None, data.y, y_pred=data.label, metrics=_recall("maybe"))


def _recall(pos_label: Any) -> Metric:
    factory, _ = installed().resolve("metric", "recall")
    return factory(pos_label=pos_label)  # type: ignore[no-any-return]


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
    with pytest.raises(ValueError, match=r"alpha=1.5: a quantile is between 0 and 1"):
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
