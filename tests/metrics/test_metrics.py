"""Every metric equals scikit-learn's, over all rows and by group."""

from typing import Any

import numpy as np
import pytest
from grouped import HISTOGRAMS, REFERENCES, close, reference, rows
from sklearn import metrics as sk
from sklearn.utils.class_weight import compute_sample_weight

from mlpkit import by_labels, evaluate
from mlpkit.registry.lookup import installed

pytestmark = pytest.mark.once

CASES = [(task, name) for task, named in REFERENCES.items() for name in named]
INTERVALS = {"interval_coverage", "interval_width"}
SHIFTED = ("r2", "explained_variance", "mse", "rmse", "mae", "median_absolute_error", "mean_bias")


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
    y, y_pred = np.random.default_rng(k).integers(k, size=(2, 500))
    groups = np.arange(500) % 3
    report = evaluate(None, None, y, y_pred=y_pred, metrics=name, partitions=by_labels(groups))
    average = name.partition("_")[2]
    for e in report.select(name):
        inside = groups == int(e.partition)
        close(function(y[inside], y_pred[inside], average=average, zero_division=0), e.value)


def test_every_metric_is_compared() -> None:
    """No built-in is left out of the comparison, except for those that scikit-learn lacks."""
    core = installed().plugins[0].load().components["metric"]
    assert set(core) == {name for _, name in CASES} | set(HISTOGRAMS) | INTERVALS


def test_groups_far_apart_keep_their_variance() -> None:
    """R2 of a group is exact, even if the targets of another group are larger by 1e6."""
    data = rows("regression")
    far = np.where(data.groups == "a", 1e6, 0.0)
    y, y_pred = data.y + far, data.label + far
    report = evaluate(None, None, y, y_pred=y_pred, metrics="r2", partitions=by_labels(data.groups))
    for e in report.select("r2"):
        chosen = data.groups == e.partition
        close(sk.r2_score(y[chosen], y_pred[chosen]), e.value)


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
