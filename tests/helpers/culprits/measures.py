"""Metrics and partitioners that each break one law, and a correct one of each."""

from functools import partial
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Dataset, Groups, Metric, Partitioner, Predictions


def missed(rows: Predictions) -> Array:
    """1 for each row whose prediction is wrong, else 0."""
    return (rows.y_true != rows.y_pred).astype(float)


def per_row(sums: Array) -> tuple[Array, Array]:
    """The sum of the row statistics and the sum of the weights."""
    return sums[..., 1], sums[..., 0]


def metric(**changes: Any) -> Metric:
    """The fraction of rows whose prediction is wrong."""
    tasks = ("binary", "multiclass")
    fields = {"tasks": tasks, "row_statistics": missed, "ratio": per_row, **changes}
    return Metric("missed", higher_is_better=False, **fields)


def above_the_mean(rows: Predictions) -> Array:
    """Subtracts the mean of the chunk, which differs between chunks."""
    return missed(rows) - missed(rows).mean()


def without_last_block(rows: Predictions) -> Array:
    """Drops the last block of eight rows if the number of rows is a multiple of eight."""
    errors = missed(rows)
    if len(errors) % 8 == 0:
        errors[-8:] = 0
    return errors


def infinite(rows: Predictions) -> Array:
    """Returns minus infinity, the logarithm of zero."""
    with np.errstate(divide="ignore"):
        return np.log(missed(rows))


def first_twice(rows: Predictions) -> Array:
    """Counts the first row twice."""
    return missed(rows) * (1 + (np.arange(len(rows.y_true)) == 0))


def share_of_all(rows: Predictions) -> Array:
    """Divides by the errors of all rows, also those of other groups."""
    return missed(rows) / max(missed(rows).sum(), 1)


def unweighted(rows: Predictions, weight: Array | None) -> float:
    """Ignores the weights."""
    return float(missed(rows).mean())


def zero_by_zero(sums: Array) -> tuple[Array, Array]:
    """Returns 0/0 also for groups that have rows."""
    return 0 * sums[..., 1], 0 * sums[..., 0]


METRICS: dict[str, Any] = {
    "fields_are_valid_and_picklable": lambda: metric(row_statistics=lambda rows: missed(rows)),
    "merged_chunks_equal_all_rows": partial(metric, row_statistics=above_the_mean),
    "sums_are_finite_and_additive": partial(metric, row_statistics=infinite),
    "row_order_does_not_matter": partial(metric, row_statistics=first_twice),
    "groups_are_independent": partial(metric, row_statistics=share_of_all),
    "integer_weights_equal_repeated_rows": partial(
        metric, row_statistics=None, ratio=None, exact=unweighted
    ),
    "empty_groups_are_undefined": partial(metric, ratio=zero_by_zero),
}


def values(dataset: Dataset) -> Array:
    """The first column (n,)."""
    return np.asarray(dataset.X)[:, 0]


def fit(dataset: Dataset) -> tuple[float, ...]:
    """The distinct values."""
    return tuple(np.unique(values(dataset)).tolist())


def assign(fitted: tuple[float, ...], dataset: Dataset) -> Groups:
    """A group for each fitted value, and one for all other values."""
    codes = [fitted.index(v) if v in fitted else len(fitted) for v in values(dataset).tolist()]
    return Groups(np.array(codes), (*map(str, fitted), "other"))


def merge(first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
    """The values of both."""
    return tuple(sorted({*first, *second}))


def partitioner(**changes: Any) -> Partitioner:
    """A partitioner by the values of the first column."""
    return Partitioner("values", fit, assign, merge)._replace(**changes)


def without_name(fitted: Any, dataset: Dataset) -> Groups:
    """Gives values that were not fitted a code without a name."""
    codes, names = assign(fitted, dataset)
    return Groups(codes, names[:-1])


def randomly_assigned(fitted: Any, dataset: Dataset) -> Groups:
    """Assigns values that were not fitted to random groups."""
    codes, names = assign(fitted, dataset)
    anywhere = np.random.default_rng().integers(len(names), size=len(codes))
    return Groups(np.where(codes == len(fitted), anywhere, codes), names)


def above_median(fitted: Any, dataset: Dataset) -> Groups:
    """Divides at the median of the rows to assign, not of the fitted rows."""
    return Groups((values(dataset) > np.median(values(dataset))).astype(int), ("low", "high"))


def without_repeats(fitted: Any, dataset: Dataset) -> Groups:
    """Assigns repeated rows to no group."""
    codes, names = assign(fitted, dataset)
    _, first = np.unique(np.asarray(dataset.X), axis=0, return_index=True)
    again = np.ones(len(codes), bool)
    again[first] = False
    return Groups(np.where(again, -1, codes), names)


def random_edges(dataset: Dataset) -> tuple[float, ...]:
    """Random edges, which differ from fit to fit."""
    return tuple(np.random.default_rng().random(4).tolist())


def keep_first(first: Any, second: Any) -> Any:
    """Ignores the second fitted groups."""
    return first


def fit_rounded(dataset: Dataset) -> tuple[float, ...]:
    """Rounds the values of X in place."""
    np.rint(dataset.X, out=dataset.X)
    return fit(dataset)


def by_edges(fitted: tuple[float, ...], dataset: Dataset) -> Groups:
    """Divides at the fitted edges."""
    return Groups(
        np.searchsorted(fitted, values(dataset) % 1), tuple(f"{v:.9f}" for v in (*fitted, 1))
    )


def without_missing(fitted: Any, dataset: Dataset) -> Groups:
    """Gives missing values a code without a name."""
    codes, names = assign(fitted, dataset)
    return Groups(np.where(np.isnan(values(dataset)), len(names), codes), names)


PARTITIONERS: dict[str, Any] = {
    "codes_and_names_are_valid": partial(partitioner, assign=without_name),
    "assign_is_deterministic": partial(partitioner, assign=randomly_assigned),
    "groups_do_not_depend_on_other_rows": partial(partitioner, assign=above_median),
    "fit_is_deterministic": partial(partitioner, fit=random_edges, assign=by_edges, merge=None),
    "fitted_groups_merge": partial(partitioner, merge=keep_first),
    "input_is_not_modified": partial(partitioner, fit=fit_rounded),
}
