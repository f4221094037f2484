"""Pictures: what is drawn, for long names, forty groups, one group and missing values."""

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")
import matplotlib.pyplot as plt
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from mlpkit import MetricHistoryDisplay, PartitionReportDisplay, by_labels, by_quantile, evaluate

pytestmark = pytest.mark.once
X, y = load_iris(return_X_y=True)
CLF = LogisticRegression(max_iter=500).fit(X, y)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """No figure is left open."""
    yield
    plt.close("all")


def labels(ax: Any) -> list[str]:
    """The labels of the dots, from the top."""
    ticks = zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
    return [t.get_text() for _, t in sorted(ticks, key=lambda pair: pair[0])]


def test_from_estimator_and_from_predictions() -> None:
    """Both draw what `evaluate` gives, and hold axes and figure as scikit-learn's displays."""
    display = PartitionReportDisplay.from_estimator(
        CLF, X, y, metrics="accuracy", partitions=by_quantile(0, 2), confidence=0.9
    )
    assert labels(display.ax_) == ["column 0", "up to 5.8", "over 5.8"]
    assert display.ax_.get_xlabel() == "accuracy" and display.figure_ is display.ax_.figure
    again = PartitionReportDisplay.from_predictions(
        y, CLF.predict(X), X=X, metrics="accuracy", partitions=by_quantile(0, 2)
    )
    assert again.report["accuracy"] == display.report["accuracy"]


def test_an_axes_for_each_metric() -> None:
    """They share the names; given axes are used; a wrong number of them is an error."""
    report = evaluate(CLF, X, y, metrics=["accuracy", "log_loss"], partitions=by_quantile(0, 2))
    display = PartitionReportDisplay(report).plot()
    assert [ax.get_xlabel() for ax in display.ax_] == ["accuracy", "log_loss"]
    figure, ax = plt.subplots()
    own = PartitionReportDisplay(report).plot(ax=ax, metrics=["log_loss"])
    assert own.figure_ is figure and ax.get_xlabel() == "log_loss"
    with pytest.raises(ValueError, match="one axes for each of the 2 metrics, got 1"):
        report.plot(ax=ax)
    with pytest.raises(ValueError, match="no metric 'acc'"):
        report.plot(metrics=["acc"])
    with pytest.raises(ValueError, match="no partitioner 'sex'"):
        report.plot(by="sex")


def test_forty_groups_with_long_names() -> None:
    """Every group has a line of its own, and a name that stays apart."""
    names = np.array([f"A group whose name is much too long to show: {i}" for i in range(40)])
    report = evaluate(
        CLF,
        X,
        y,
        metrics="accuracy",
        partitions=by_labels(names[np.arange(150) % 40]),
        min_rows=1,
    )
    shown = labels(report.plot())
    assert len(set(shown)) == 41 and max(map(len, shown)) <= 34


def test_the_whole_alone() -> None:
    """Without partitions one dot is drawn."""
    ax = evaluate(CLF, X, y, metrics="accuracy").plot()
    assert labels(ax) == ["all"]


@pytest.mark.filterwarnings("ignore:roc_auc is undefined")
def test_undefined_values_are_written() -> None:
    """A group without a value says so in its line."""
    groups = np.where(y == 0, "one class", "rest")
    report = evaluate(CLF, X, y, metrics=["roc_auc"], partitions=by_labels(groups), confidence=0.9)
    assert [t.get_text() for t in report.plot().texts] == ["undefined", "undefined"]


def history(groups: list[str]) -> dict[str, list[Any]]:
    """Three epochs of two splits."""
    rows = [
        (epoch, split, "recall", "all" if group == "all" else "job", group, 0.1 * epoch)
        for split in ("train", "validation")
        for group in ["all", *groups]
        for epoch in range(3)
    ]
    names = ("epoch", "split", "metric", "partitioner", "partition", "value")
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


@pytest.mark.parametrize("n", [2, 12])
def test_lines_by_epoch(n: int) -> None:
    """An axes for each split, a line for each group and for the whole."""
    display = MetricHistoryDisplay(history([f"job {i}" for i in range(n)])).plot("recall", "job")
    assert [ax.get_title() for ax in display.ax_] == ["train", "validation"]
    assert all(len(ax.lines) == n + 1 for ax in display.ax_)
    with pytest.raises(ValueError, match="no metric 'recall' by 'sex'"):
        MetricHistoryDisplay(history(["a"])).plot("recall", "sex")
    with pytest.raises(ValueError, match="one axes for each of the 2 splits, got 1"):
        MetricHistoryDisplay(history(["a"])).plot("recall", "job", ax=display.ax_[:1])
