"""Properties of the algebra, on rows, groups, weights and splits that hypothesis makes up."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from mlpkit import by_column, by_labels, by_quantile, cross, evaluate
from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.arguments import metrics_of
from mlpkit.metrics.grouping import Grouping
from mlpkit.metrics.predictions import take
from mlpkit.plugin import Dataset, Groups, Predictions

pytestmark = pytest.mark.once

METRICS = {
    "multiclass": ["accuracy", "f1_macro", "balanced_accuracy", "recall_weighted"],
    "regression": ["r2", "mae", "rmse", "explained_variance", "median_absolute_error"],
}


@st.composite
def grouped_rows(draw: Any) -> Any:
    """Scored rows, groups that part them, groups that overlap, weights or None, a permutation."""
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    task = draw(st.sampled_from(["multiclass", "regression"]))
    k = draw(st.integers(1, 6))
    if task == "regression":
        y = rng.normal(size=(n, 1)) + draw(st.sampled_from([0.0, 1e6, -1e9]))
        rows = Predictions("regression", None, y, y + rng.normal(size=(n, 1)))
    else:
        classes = draw(st.sampled_from([2, 3, 20]))
        rows = Predictions(
            "multiclass", np.arange(classes), *rng.integers(classes, size=(2, n)).astype(np.intp)
        )
    groups = {
        "all": Groups(np.zeros(n, int), ("all",)),
        "parts": Groups(rng.integers(-1, k, size=n), tuple(f"g{i}" for i in range(k))),
        "cover": Groups(rng.integers(0, k, size=n), tuple(f"c{i}" for i in range(k))),
        "overlapping": Groups(rng.random((n, 3)) < 0.5, ("x", "y", "z")),
    }
    w = None if draw(st.booleans()) else rng.gamma(1.0, size=n) * (rng.random(n) < 0.9)
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=4)))
    return rows, groups, w, np.split(np.arange(n), cuts), rng.permutation(n)


def accumulated(rows: Any, groups: Any, w: Any, index: Any, **options: Any) -> Accumulator:
    """Some of the rows."""
    metrics = metrics_of(METRICS[rows.task], rows.task)
    seen = Accumulator(metrics, **options)
    own = {name: Groups(g.codes[index], g.names) for name, g in groups.items()}
    seen.update(take(rows, index), own, None if w is None else w[index])
    return seen


def alike(one: Accumulator, two: Accumulator) -> None:
    """The same values in the same groups."""
    assert set(one.labels) == set(two.labels)
    order = [two.labels.index(label) for label in one.labels]
    for a, b in zip(one.values(), two.values(), strict=True):
        np.testing.assert_allclose(b[order], a, rtol=1e-9, atol=1e-9)


@settings(max_examples=80, deadline=None)
@given(grouped_rows(), st.booleans())
def test_merged_chunks_equal_all_rows(case: Any, intervals: bool) -> None:
    """Also with blocks for intervals, and with empty parts."""
    rows, groups, w, parts, _ = case
    whole = accumulated(rows, groups, w, np.arange(len(rows.y_true)), intervals=intervals)
    merged = Accumulator(whole.metrics, intervals=intervals)
    for index in parts:
        merged = merged + accumulated(rows, groups, w, index, intervals=intervals)
    alike(whole, merged)


@settings(max_examples=50, deadline=None)
@given(grouped_rows())
def test_balanced_parts_merge(case: Any) -> None:
    """Classes are balanced by the counts of all parts, not by those of each."""
    rows, groups, w, parts, _ = case
    if rows.task == "regression":
        return
    whole = accumulated(rows, groups, w, np.arange(len(rows.y_true)), balanced=True)
    merged = Accumulator(whole.metrics, balanced=True)
    for index in parts:
        merged = merged + accumulated(rows, groups, w, index, balanced=True)
    alike(whole, merged)


@settings(max_examples=80, deadline=None)
@given(grouped_rows())
def test_row_order_does_not_matter(case: Any) -> None:
    """Any permutation gives the same values."""
    rows, groups, w, _, order = case
    alike(accumulated(rows, groups, w, np.arange(len(order))), accumulated(rows, groups, w, order))


@settings(max_examples=80, deadline=None)
@given(grouped_rows())
def test_sums_are_finite_and_additive(case: Any) -> None:
    """Rows, weights and terms of a cover add up to those of all rows."""
    rows, groups, w, _, _ = case
    seen = accumulated(rows, groups, w, np.arange(len(rows.y_true)))
    sums = seen.sums
    assert sums is not None
    cover = [i for i, label in enumerate(seen.labels) if label[0] == "cover"]
    for name in ("rows", "weight", "square", "row_statistics"):
        array = getattr(sums, name)
        np.testing.assert_allclose(array[cover].sum(axis=0), array[0], rtol=1e-9, atol=1e-9)


@settings(max_examples=60, deadline=None)
@given(grouped_rows())
def test_every_group_is_a_plain_sum(case: Any) -> None:
    """Packing many partitioners into one code changes no sum."""
    rows, groups, w, _, _ = case
    n = len(rows.y_true)
    column = np.random.default_rng(n).normal(size=(n, 2))
    grouping = Grouping(groups, n, w)
    terms = grouping.sums([column]).row_statistics[:, 0, 0]
    weight = np.ones(n) if w is None else w
    for i, (name, group) in enumerate(grouping.labels):
        codes, names = groups[name]
        at = names.index(group)
        inside = codes == at if codes.ndim == 1 else codes[:, at]
        expected = (weight[inside, None] * column[inside]).sum(axis=0)
        np.testing.assert_allclose(terms[i], expected, rtol=1e-9, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", "other", "missing", None, 1, 2.5, True]), min_size=1),
    st.lists(st.sampled_from(["a", "c", None, 7, float("nan")]), min_size=1),
)
def test_assigning_is_stable_whatever_the_values(first: Any, later: Any) -> None:
    """A value has one name wherever it stands, and unseen ones never crash."""
    table = np.array(first, dtype=object).reshape(-1, 1)
    other = np.array(later, dtype=object).reshape(-1, 1)
    sex = by_column(0)
    cut = sex.fit(Dataset(table))
    for rows in (table, other, table[::-1]):
        codes, names = sex.assign(cut, Dataset(rows))
        again, _ = sex.assign(cut, Dataset(rows))
        assert codes.tolist() == again.tolist() and codes.min() >= 0
        singly = [sex.assign(cut, Dataset(rows[i : i + 1])) for i in range(len(rows))]
        assert [names[c] for c in codes] == [g.names[g.codes[0]] for g in singly]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), st.integers(2, 9))
def test_quantiles_part_all_rows(values: list[float], n: int) -> None:
    """Every row is in one group, no group is empty, and groups follow the order of values."""
    table = np.array(values).reshape(-1, 1)
    quantile = by_quantile(0, n)
    codes, names = quantile.assign(quantile.fit(Dataset(table)), Dataset(table))
    assert len(names) <= n and set(codes) == set(range(len(names)))
    assert (np.diff(codes[np.argsort(table[:, 0], kind="stable")]) >= 0).all()


@pytest.mark.filterwarnings("ignore:r2 is undefined")
@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.integers(0, 1000), st.sampled_from([0.0, 1e6, -1e7]))
def test_variances_lose_nothing_to_a_shift(n: int, seed: int, shift: float) -> None:
    """R2 by group equals scikit-learn's on the same shifted numbers."""
    rng = np.random.default_rng(seed)
    y = rng.normal(size=n) + shift
    y_pred, w = y + rng.normal(size=n), rng.gamma(1.0, size=n) + 0.01
    groups = rng.choice(["a", "b"], n)
    chunks: list[dict[str, Any]] = [
        {
            "X": None,
            "y": y[i],
            "y_pred": y_pred[i],
            "sample_weight": w[i],
            "labels": {"g": groups[i]},
        }
        for i in np.array_split(np.arange(n), 3)
        if len(i)
    ]
    for c in chunks:
        c["X"] = np.zeros((len(c["y"]), 1))
    report = evaluate(None, iter(chunks), metrics="r2", partitions=by_labels("g"))
    for e in report:
        inside = np.ones(n, bool) if e.partition == "all" else groups == e.partition
        if inside.sum() > 1:
            expected = r2_score(y[inside], y_pred[inside], sample_weight=w[inside])
            np.testing.assert_allclose(e.value, expected, rtol=1e-10, atol=1e-10)


def test_crossing_is_symmetric() -> None:
    """The same intersections, under the names in their order."""
    table = np.random.default_rng(0).integers(3, size=(50, 2))
    one, two = cross(0, 1), cross(1, 0)
    a = one.assign(one.fit(Dataset(table)), Dataset(table))
    b = two.assign(two.fit(Dataset(table)), Dataset(table))
    flipped = {" & ".join(reversed(name.split(" & "))) for name in b.names}
    assert set(a.names) == flipped
