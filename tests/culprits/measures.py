"""Wrong metrics and partitioners, and a right one of each."""

from functools import partial
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Dataset, Groups, Metric, Partitioner, Predictions


def missed(rows: Predictions) -> Array:
    """1 for each row that is missed."""
    return (rows.y_true != rows.y_pred).astype(float)


def per_row(sums: Array) -> tuple[Array, Array]:
    """The terms over the weight."""
    return sums[..., 1], sums[..., 0]


def metric(**changes: Any) -> Metric:
    """The share of rows that are missed."""
    tasks = ("binary", "multiclass")
    given = {"tasks": tasks, "row_statistics": missed, "ratio": per_row, **changes}
    return Metric("missed", higher_is_better=False, **given)


def above_the_mean(rows: Predictions) -> Array:
    """The mean is that of the rows at hand."""
    return missed(rows) - missed(rows).mean()


def eights(rows: Predictions) -> Array:
    """Works in blocks of eight, and forgets the last one where nothing is left over."""
    found = missed(rows)
    if len(found) % 8 == 0:
        found[-8:] = 0
    return found


def endless(rows: Predictions) -> Array:
    """The logarithm of nothing."""
    with np.errstate(divide="ignore"):
        return np.log(missed(rows))


def first_twice(rows: Predictions) -> Array:
    """The first row counts twice."""
    return missed(rows) * (1 + (np.arange(len(rows.y_true)) == 0))


def share_of_all(rows: Predictions) -> Array:
    """Its part of all that is missed, in whichever group."""
    return missed(rows) / max(missed(rows).sum(), 1)


def unweighted(rows: Predictions, weight: Array | None) -> float:
    """Weights are not looked at."""
    return float(missed(rows).mean())


def by_nothing(sums: Array) -> tuple[Array, Array]:
    """0/0 in a group with rows too."""
    return 0 * sums[..., 1], 0 * sums[..., 0]


METRICS: dict[str, Any] = {
    "fields_are_valid_and_picklable": lambda: metric(row_statistics=lambda rows: missed(rows)),
    "merged_chunks_equal_all_rows": partial(metric, row_statistics=above_the_mean),
    "sums_are_finite_and_additive": partial(metric, row_statistics=endless),
    "row_order_does_not_matter": partial(metric, row_statistics=first_twice),
    "groups_are_independent": partial(metric, row_statistics=share_of_all),
    "integer_weights_equal_repeated_rows": partial(
        metric, row_statistics=None, ratio=None, exact=unweighted
    ),
    "empty_groups_are_undefined": partial(metric, ratio=by_nothing),
}


def values(sample: Dataset) -> Array:
    """The first column (n,)."""
    return np.asarray(sample.X)[:, 0]


def learn(sample: Dataset) -> tuple[float, ...]:
    """The values that there are."""
    return tuple(np.unique(values(sample)).tolist())


def assign(cut: tuple[float, ...], sample: Dataset) -> Groups:
    """A group for each of them, and one for what was never seen."""
    codes = [cut.index(v) if v in cut else len(cut) for v in values(sample).tolist()]
    return Groups(np.array(codes), (*map(str, cut), "other"))


def join(one: tuple[float, ...], two: tuple[float, ...]) -> tuple[float, ...]:
    """All that either has seen."""
    return tuple(sorted({*one, *two}))


def partitioner(**changes: Any) -> Partitioner:
    """The values of the first column."""
    return Partitioner("values", learn, assign, join)._replace(**changes)


def nameless(cut: Any, sample: Dataset) -> Groups:
    """What was never seen has a code, but no name."""
    codes, names = assign(cut, sample)
    return Groups(codes, names[:-1])


def dealt(cut: Any, sample: Dataset) -> Groups:
    """What was never seen goes anywhere."""
    codes, names = assign(cut, sample)
    anywhere = np.random.default_rng().integers(len(names), size=len(codes))
    return Groups(np.where(codes == len(cut), anywhere, codes), names)


def above(cut: Any, sample: Dataset) -> Groups:
    """About the median of the rows at hand."""
    return Groups((values(sample) > np.median(values(sample))).astype(int), ("low", "high"))


def once(cut: Any, sample: Dataset) -> Groups:
    """A row that comes again has no group."""
    codes, names = assign(cut, sample)
    _, first = np.unique(np.asarray(sample.X), axis=0, return_index=True)
    again = np.ones(len(codes), bool)
    again[first] = False
    return Groups(np.where(again, -1, codes), names)


def sampled(sample: Dataset) -> tuple[float, ...]:
    """Values of some rows, others each time."""
    return tuple(np.random.default_rng().random(4).tolist())


def one_of(one: Any, two: Any) -> Any:
    """The second cut is forgotten."""
    return one


def rounding(sample: Dataset) -> tuple[float, ...]:
    """Values are rounded where they are."""
    np.rint(sample.X, out=sample.X)
    return learn(sample)


def random_cut(cut: tuple[float, ...], sample: Dataset) -> Groups:
    """Above how many of the values of the cut."""
    return Groups(np.searchsorted(cut, values(sample) % 1), tuple(f"{v:.9f}" for v in (*cut, 1)))


def without_missing(cut: Any, sample: Dataset) -> Groups:
    """What is missing has a code, but no name."""
    codes, names = assign(cut, sample)
    return Groups(np.where(np.isnan(values(sample)), len(names), codes), names)


PARTITIONERS: dict[str, Any] = {
    "codes_and_names_are_valid": partial(partitioner, assign=nameless),
    "assign_is_deterministic": partial(partitioner, assign=dealt),
    "groups_do_not_depend_on_other_rows": partial(partitioner, assign=above),
    "fit_is_deterministic": partial(partitioner, fit=sampled, assign=random_cut, merge=None),
    "fitted_groups_merge": partial(partitioner, merge=one_of),
    "input_is_not_modified": partial(partitioner, fit=rounding),
}
