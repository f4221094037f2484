"""The contents of a page: the numbers of the report, limits, calibration and short forms."""

import re
import warnings

import numpy as np
import pytest
from grouped import rows
from pages import RNG, N, P, Y, parsed, report

from mlpkit import (
    MLPRegressor,
    PartitionReport,
    by_labels,
    by_quantile,
    evaluate,
    feature_importance,
)
from mlpkit.monitoring.history import MetricHistory

pytestmark = pytest.mark.once


def test_numbers_are_those_of_the_report() -> None:
    """Every value is on the page, with its interval and number of rows."""
    r = report()
    page = parsed(r.to_html())
    for e in r:
        assert f"{e.value:.3f} [{e.low:.3f}, {e.high:.3f}]" in page.text
        assert f"{e.n_rows:,}" in page.text


def test_failures() -> None:
    """Violated limits are the first part of the page; without a check it says nothing of limits."""
    r = report()
    failures = r.check(raises=False, min_accuracy=0.99)
    text = parsed(r.to_html(failures=failures)).text
    assert f"{len(failures)} limits are violated" in text
    assert all(str(failure) in text for failure in failures)
    assert text.index("violated") < text.index("All rows")
    assert "All limits hold" in parsed(r.to_html(failures=[])).text
    assert "limit" not in parsed(r.to_html()).text


def test_calibration() -> None:
    """The bins of all rows, the means of each group, and diagrams of groups with enough rows."""
    r = report(calibration=True)
    page = parsed(r.to_html())
    assert r.calibration is not None
    for b in r.calibration:
        if b.partitioner == "all":
            assert f"{b.predicted:.3f}{b.observed:.3f} [{b.low:.3f}, {b.high:.3f}]" in page.text
    for m in r.calibration.means:
        assert m.partitioner == "all" or f"{m.predicted:.3f}{m.observed:.3f} [" in page.text
    assert "Frequency of 1 by probability of 1" in page.text
    assert len([a for a in page.tags("svg") if a.get("role") == "img"]) == 3  # all rows, f, m
    assert "Calibration" not in parsed(report().to_html()).text
    small = parsed(report(np.where(np.arange(N) < 30, "few", "many"), calibration=True).to_html())
    assert len([a for a in small.tags("svg") if a.get("role") == "img"]) == 2


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression", "several"])
@pytest.mark.parametrize("confidence", [None, 0.9])
def test_tasks(task: str, confidence: float | None) -> None:
    """All tasks with and without intervals, merged, compared, and by nothing, render."""
    data = rows(task, 200)
    groups = np.where(np.arange(200) < 3, "few", data.groups)

    def part(chosen: slice, by_group: bool) -> PartitionReport:
        labels = by_labels(groups[chosen], name="group")
        classes = None if data.y.dtype.kind == "f" or data.y.ndim == 2 else np.unique(data.y)
        return evaluate(
            None,
            None,
            data.y[chosen],
            y_pred=data.label[chosen],
            y_proba=None if data.p is None else data.p[chosen],
            classes=classes,
            partitions=labels if by_group else (),
            calibration=True,
            confidence=confidence,
        )

    for by_group in (True, False):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of undefined values
            halves = part(slice(100), by_group), part(slice(100, 200), by_group)
        for r in (*halves, halves[0] + halves[1]):
            page = parsed(r.to_html())
            assert r.calibration is not None and "Calibration" in page.text
            assert ("Worst groups" in page.text) is by_group
            assert f"Over {r.select(r.metrics[0], 'all')[0].n_rows} rows" in page.text
            assert not re.search(r"\bnan\b|\binf\b", page.text.replace("NaN where", ""))
            parsed(r._repr_html_())
        comparison = halves[0] - halves[1]
        page = parsed(comparison.to_html())
        for c in comparison:
            shown = (f"{abs(c.difference):.{digits}f}" for digits in (2, 3))
            assert not abs(c.difference) > 0.01 or any(number in page.text for number in shown)
        parsed(comparison._repr_html_())


def test_weights() -> None:
    """The total weight is mentioned if it is not the number of rows."""
    w = np.arange(N) % 3 + 0.5
    assert (
        f"Over {N} rows with a total weight of {w.sum():g}."
        in parsed(report(sample_weight=w).to_html()).text
    )
    assert f"Over {N} rows." in parsed(report().to_html()).text


def test_short_forms() -> None:
    """Notebooks show reports, importances and histories as parts without document elements."""
    X = np.column_stack([P, Y, RNG.random(N)])
    reg = MLPRegressor(
        hidden_layer_sizes=(4,),
        max_iter=3,
        random_state=0,
        solver="sgd",
        metrics=["mae"],
        partitions=by_quantile(0, 3),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reg.fit(X, P)
    importance = feature_importance(reg, X, P, metric="mae", n_repeats=2)
    r = evaluate(reg, X, P, partitions=by_quantile(0, 30), importance=True)
    assert "Importance of features" in parsed(r.to_html()).text
    for item in (importance, reg.metric_history_, MetricHistory(), r):
        part = parsed(item._repr_html_())
        assert not part.tags("html", "body", "h1", "script")
        assert part.elements[0] == ("div", {"class": "mlpkit part"})
    assert "x0" in parsed(importance._repr_html_()).text
    assert "10 of 30 groups" in parsed(r._repr_html_()).text
