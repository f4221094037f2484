"""Reports that are merged and compared."""

import operator
import pickle
from typing import Any

import numpy as np
import pytest
from reported import ALL, DATA, FRAME, report

from mlpkit import PartitionReport, by_quantile, evaluate

pytestmark = pytest.mark.once


def values(of: PartitionReport) -> dict[Any, Any]:
    """Values, counts and weights by name."""
    return {e[:3]: (e.value, e.n_rows, e.weight) for e in of}


def equal(one: PartitionReport, two: PartitionReport) -> None:
    """Both say the same."""
    a, b = values(one), values(two)
    assert a.keys() == b.keys()
    for key, value in a.items():
        np.testing.assert_allclose(b[key], value, rtol=1e-12, atol=1e-12, err_msg=str(key))


def test_reports_add_up() -> None:
    """Any two parts, with groups that the other lacks, make the report of all rows."""
    order = np.argsort(DATA.groups, kind="stable")
    first = np.isin(np.arange(600), order[:350])
    whole = report(sample_weight="balanced")
    parts = [report(chosen, sample_weight="balanced") for chosen in (first, ~first)]
    assert {e.partition for e in parts[0]} < {e.partition for e in whole}
    equal(whole, parts[0] + parts[1])
    equal(whole, parts[1] + parts[0])
    equal(whole, pickle.loads(pickle.dumps(parts[0])) + parts[1])


def test_intervals_of_merged_reports() -> None:
    """Closed forms from exact sums are equal; resampled ones are near."""
    first = np.arange(600) < 250
    whole, one, two = (report(c, confidence=0.9) for c in (slice(None), first, ~first))
    for a, b in zip(whole, one + two, strict=True):
        if a.metric in ("accuracy", "recall", "roc_auc"):
            np.testing.assert_allclose(b[4:6], a[4:6], rtol=1e-9)
        elif a.n_rows > 50:
            assert b.high - b.low == pytest.approx(a.high - a.low, rel=0.3)


def test_reports_that_do_not_fit_are_not_merged() -> None:
    """The message says what differs and what to do."""
    first = np.arange(600) < 300
    with pytest.raises(ValueError, match="groups of 'x' differ.*partitions=first.partitions"):
        report(first, partitions=[by_quantile("x")]) + report(~first, partitions=[by_quantile("x")])
    one = report(first, partitions=[by_quantile("x")])
    assert len(one + report(~first, partitions=one.partitions)) == len(one)
    with pytest.raises(ValueError, match="cannot be merged. Evaluate both with the same part"):
        report() + report(partitions=[])
    with pytest.raises(ValueError, match="and of accuracy cannot be merged. Evaluate"):
        report() + report(metrics="accuracy")
    with pytest.raises(ValueError, match="with min_rows=20 and 3 cannot be merged"):
        report() + report(min_rows=3)
    with pytest.raises(ValueError, match="with and without balanced weights"):
        report() + report(sample_weight="balanced")
    with pytest.raises(TypeError, match="unsupported operand"):
        report() + 3  # type: ignore[operator]


def test_two_models_on_the_same_rows() -> None:
    """Paired: the interval of a difference is narrower than that of independent rows."""
    rng = np.random.default_rng(0)
    other = np.where(DATA.label == "no", "yes", "no")
    flipped = np.where((rng.random(600) < 0.08) & (DATA.label == DATA.y), other, DATA.label)
    a, b = report(confidence=0.95), report(label=flipped, confidence=0.95)
    shuffled = rng.permutation(600)
    independent = evaluate(
        None,
        FRAME.iloc[shuffled],
        DATA.y[shuffled],
        y_pred=flipped[shuffled],
        y_proba=DATA.p[shuffled],
        metrics=ALL,
        partitions=["group"],
        confidence=0.95,
    )
    paired, apart = a - b, a - independent
    for one, two in zip(paired, apart, strict=True):
        assert one[:3] == two[:3] and one.difference == pytest.approx(two.difference, abs=1e-12)
        if one.metric == "accuracy":
            assert one.low <= one.difference <= one.high
            assert one.high - one.low < 0.7 * (two.high - two.low)
    assert any(c.metric == "accuracy" for c in paired.significant())
    assert "interval of this difference alone does not contain 0" in str(paired)
    assert paired.to_frame().shape == (len(paired), 10)
    large = [c for c in paired if c.metric == "roc_auc" and c.n_rows > 100]
    assert large and all(c.difference == c.low == c.high == 0 for c in large)


def test_comparing_what_has_nothing_in_common() -> None:
    """It is an error, not an empty table."""
    with pytest.raises(ValueError, match="no metric and group in common"):
        report(metrics="accuracy") - report(metrics="recall")
    with pytest.raises(TypeError, match="unsupported operand"):
        report() - 3  # type: ignore[operator]


def test_other_tasks_and_classes_are_neither_merged_nor_compared() -> None:
    """The message names both, and the classes to evaluate with."""
    two, three = np.arange(60) % 2, np.arange(60) % 3

    def of(y: Any, **options: Any) -> PartitionReport:
        return evaluate(None, None, y, y_pred=y, metrics="accuracy", **options)

    for other, what in ((of(three), "multiclass"), (of(two + 1), "binary")):
        for combine in (operator.add, operator.sub):
            with pytest.raises(ValueError, match="Reports over the classes") as caught:
                combine(of(two), other)
            assert ("(binary and multiclass)" in str(caught.value)) == (what == "multiclass")
            assert "Evaluate both with classes=[0, 1, 2]" in str(caught.value)
    alike = [of(y, classes=[0, 1, 2]) for y in (two, three)]
    assert (alike[0] + alike[1])["accuracy"] == 1.0 and len(alike[0] - alike[1])
    reals = evaluate(None, None, two / 7, y_pred=two / 7, metrics={"accuracy": "mae"})
    with pytest.raises(ValueError, match="A binary and a regression report cannot be merged"):
        of(two) + reals
    with pytest.raises(ValueError, match="accuracy by all and with m by all cannot be compared"):
        of(two) - evaluate(None, None, two, y_pred=two, metrics={"m": "accuracy"})
    labels = np.tile(np.arange(60), 3)  # few enough for their number of rows
    many = of(labels), of(labels + 1)
    with pytest.raises(ValueError, match=r"classes \[0, 1, 2, 3, 4, 5, \.\.\., 54") as caught:
        many[0] + many[1]
    assert len(str(caught.value)) < 400
