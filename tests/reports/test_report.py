"""What is concluded from a report: worst groups, differences, limits, tables, printing."""

from typing import Any

import numpy as np
import pytest
from reported import ALL, DATA, FRAME, report

from mlpkit import CheckFailed, by_column, by_function, by_labels, by_quantile, from_function

pytestmark = pytest.mark.once


def test_worst_follows_what_is_better() -> None:
    """The lowest accuracy, the highest log-loss; of one partitioner or of all."""
    r = report(partitions=["group", by_quantile("x", 3)], min_rows=1)
    groups = [e for e in r if e.metric == "accuracy" and e.partitioner == "group"]
    assert r.worst("accuracy", by="group") == min(groups, key=lambda e: e.value)
    losses = [e for e in r if e.metric == "log_loss" and e.partitioner != "all"]
    assert r.worst("log_loss") == max(losses, key=lambda e: e.value)
    with pytest.raises(ValueError, match="Neither high nor low values of 'selection_rate'"):
        r.worst("selection_rate")
    with pytest.raises(ValueError, match="no metric 'acuracy'.*Did you mean 'accuracy'"):
        r.worst("acuracy")
    with pytest.raises(ValueError, match="'grop'. Its partitioners are: group, x. Did you mean"):
        r.worst("accuracy", by="grop")


def test_differences_and_ratios() -> None:
    """Between groups of one partitioner, or from the whole; the largest of several."""
    r = report(partitions=["group", by_quantile("x", 3)], min_rows=1)
    own = {p: [e.value for e in r.select("accuracy", p)] for p in ("group", "x")}
    gaps = {p: max(v) - min(v) for p, v in own.items()}
    assert r.difference("accuracy", "group") == gaps["group"]
    assert r.difference("accuracy") == max(gaps.values())
    assert r.ratio("accuracy", "x") == min(own["x"]) / max(own["x"])
    assert r.ratio("accuracy") == min(min(v) / max(v) for v in own.values())
    whole = max(abs(v - r["accuracy"]) for v in own["group"])
    assert r.difference("accuracy", "group", to="all") == whole
    with pytest.raises(ValueError, match="to must be 'groups' or 'all', got 'mean'"):
        r.difference("accuracy", to="mean")  # type: ignore[arg-type]


def test_small_groups_are_shown_and_never_decide() -> None:
    """Worst, difference, ratio and check pass over groups under min_rows."""
    label = np.where(DATA.groups == "d", np.where(DATA.y == "no", "yes", "no"), DATA.label)
    every, large = (report(min_rows=n, label=label) for n in (1, 100))
    small = [e for e in large.select("accuracy") if e.n_rows < 100]
    assert small and all(np.isfinite(e.value) and not e.eligible for e in small)
    assert large.worst("accuracy").n_rows >= 100
    assert large.difference("accuracy") <= every.difference("accuracy")
    limit = every.worst("accuracy").value + 1e-9
    assert every.worst("accuracy").n_rows < 100
    assert every.check(min_accuracy=limit, raises=False)
    assert not large.check(min_accuracy=limit, raises=False)
    with pytest.raises(ValueError, match="No group of 'group' is eligible for 'accuracy'.*=9999"):
        report(min_rows=9999).worst("accuracy", by="group")


def test_a_gate_raises_what_fails() -> None:
    """Limits of values, differences and ratios, for the whole and for each group."""
    r = report(min_rows=1)
    assert r.check(min_accuracy=0.1, max_log_loss=9.0, max_difference={"recall": 0.99}) == []
    with pytest.raises(CheckFailed) as failed:
        r.check(min_accuracy=0.999, max_difference={"recall": 0.0}, min_ratio={"recall": 0.9999})
    failures = failed.value.failures
    assert [f.partitioner for f in failures[:2]] == ["all", "group"]
    assert {f.rule for f in failures} == {
        "min_accuracy",
        "max_difference[recall]",
        "min_ratio[recall]",
    }
    assert "min_accuracy=0.999: accuracy is 0.7336 for group 'a'" in str(failed.value)
    with pytest.raises(ValueError, match="no limit 'accuracy'. Limits are min_ or max_ followed"):
        r.check(accuracy=0.5)
    with pytest.raises(ValueError, match="no metric 'acc'"):
        r.check(min_acc=0.5)


def test_a_limit_without_an_eligible_group_is_violated() -> None:
    """A limit is violated if no group is large enough."""
    failures = report(min_rows=9999).check(
        min_accuracy=0.1, max_difference={"recall": 1.0}, raises=False
    )
    assert [str(f) for f in failures] == [
        "min_accuracy=0.1: no group is eligible",
        "max_difference[recall]=1: no group of 'group' is eligible",
    ]


def test_significant_violations() -> None:
    """With significant=True a value fails only when its whole interval does."""
    r = report(confidence=0.95, min_rows=1)
    worst = r.worst("accuracy")
    between = (worst.value + worst.high) / 2
    assert r.check(min_accuracy=between, raises=False)
    assert not r.check(min_accuracy=between, significant=True, raises=False, by="group")
    with pytest.raises(ValueError, match="significant=True needs confidence intervals"):
        report().check(min_accuracy=0.5, significant=True)


def test_frames_are_tidy() -> None:
    """One row for each metric and group, the whole as "all"."""
    frame = report(confidence=0.9).to_frame()
    assert list(frame.columns) == [
        "metric",
        "partitioner",
        "partition",
        "value",
        "low",
        "high",
        "n_rows",
        "weight",
        "eligible",
    ]
    assert len(frame) == len(ALL) * 5
    whole = frame[(frame.metric == "accuracy") & (frame.partitioner == "all")]
    assert whole.n_rows.item() == 600 and whole.value.item() == np.mean(DATA.y == DATA.label)


@pytest.mark.parametrize("confidence", [None, 0.95])
def test_printing_fits_into_100_columns(confidence: Any) -> None:
    """Long names, forty groups, many metrics, undefined values."""
    names = [f"An occupation with a very long name, number {i}" for i in range(40)]
    jobs = np.array(names)[np.arange(600) % 40]
    r = report(
        partitions=["group", by_labels(jobs, name="a job that has " + "a long name " * 5)],
        metrics=[*ALL, "precision", "false_positive_rate"],
        confidence=confidence,
    )
    lines = str(r).splitlines()
    assert max(map(len, lines)) <= 100
    assert any("... 20 more" in line for line in lines)
    assert "roc_auc: exact, from kept scores" in str(r)
    assert "fewer than 20 rows; ignored when groups are compared" in str(r)
    assert max(map(len, str(r - r).splitlines())) <= 100
    shown = [line[:38].strip() for line in lines if line.startswith("  An occ")]
    assert len(set(shown)) == 20
    assert repr(r).startswith("<PartitionReport of accuracy, recall")


def test_a_failing_metric_says_which() -> None:
    """The error names it; an exact one is NaN with its reason, the others are there."""

    def broken(y_true: Any, y_pred: Any) -> float:
        raise RuntimeError("no luck")

    with pytest.warns(UserWarning, match="broken is undefined for all 'all'.*no luck"):
        r = report(metrics=["accuracy", from_function(broken, higher_is_better=True)])
    assert np.isnan(r["broken"]) and np.isfinite(r["accuracy"])
    assert r.errors == {"broken": "RuntimeError: no luck"}
    assert "broken is undefined for some groups: RuntimeError: no luck" in str(r)


def test_groups_learned_elsewhere_and_empty_here() -> None:
    """They are shown without rows, and decide nothing."""
    first = report(partitions=[by_column("group")])
    here = DATA.groups == "a"
    r = report(here, partitions=first.partitions)
    counts = {e.partition: e.n_rows for e in r.select("accuracy")}
    assert counts == {"a": here.sum(), "b": 0, "c": 0, "d": 0}
    assert [e.partition for e in r.eligible("accuracy")] == ["a"]


def test_overlapping_groups() -> None:
    """A row counts in every group that it is in."""
    masks = by_function(lambda X: {"up": X.x > 0, "far up": X.x > 1}, name="x")
    r = report(partitions=[masks])
    for e in r.select("accuracy"):
        inside = FRAME.x > (0 if e.partition == "up" else 1)
        assert e.value == pytest.approx(np.mean((DATA.y == DATA.label)[inside]), abs=1e-12)
