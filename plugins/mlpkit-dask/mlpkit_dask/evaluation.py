"""Metrics of the rows of Dask collections: a report of each partition, added up in a tree."""

from collections.abc import Sequence
from typing import Any

import dask
import numpy as np
from dask import delayed
from dask.delayed import Delayed
from distributed import Client

import mlpkit
from mlpkit import PartitionReport
from mlpkit.plugin import Dataset, Partitioner, UnmergeableGroups
from mlpkit_dask import report_tasks as tasks
from mlpkit_dask.predictions import on_workers
from mlpkit_dask.rows.collections import datasets_of, is_distributed, partitions_of
from mlpkit_dask.rows.samples import sample

ADDED_AT_ONCE = 8
SAMPLED_ROWS = 100_000  # rows to which groups are fitted that cannot be merged


def evaluate(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    partitions: Any = (),
    sample_weight: Any = None,
    y_pred: Any = None,
    y_proba: Any = None,
    y_score: Any = None,
    y_interval: Any = None,
    labels: Any = None,
    classes: Any = None,
    task: Any = None,
    client: Client | None = None,
    **options: Any,
) -> PartitionReport:
    """Evaluate metrics over all rows of Dask collections and by group.

    Each worker makes the reports of its partitions, and these are added up. The rows of the client
    and of other workers are not needed for that, so that the whole need not fit into memory. All
    values are those of `mlpkit.evaluate` of the same rows in memory, except that sums are rounded
    in another order, and that intervals are computed from other blocks of rows. Groups that cannot
    be merged, such as those of `mlpkit.by_quantile`, are fitted to 100,000 rows if there are more.

    Parameters
    ----------
    estimator : estimator or None
        Any fitted estimator, of a cluster or not. None evaluates the predictions that are passed.
    X, y : Dask array, dataframe or series, list of Future or Delayed
        Rows and targets with the same partitions. Rows in memory and in files are evaluated by
        `mlpkit.evaluate`.
    partitions : str, int, callable, Partitioner or sequence of these, default=()
        Names of columns or partitioners, as in `mlpkit.evaluate`.
    sample_weight, y_pred, y_proba, y_score, y_interval : Dask collections or None, default=None
        As in `mlpkit.evaluate`, with the partitions of y. The weights may be "balanced".
    labels : dict of Dask collections, Dask dataframe or None, default=None
        Columns that X does not contain, for ``by_labels("name")``.
    classes : array-like or None, default=None
        All classes. If None, those of the estimator and of all targets.
    task : {"binary", "multiclass", "multilabel", "regression"} or None, default=None
        The type of the targets.
    client : Client or None, default=None
        The client of the cluster, by default the present one.
    **options
        The other arguments of `mlpkit.evaluate`, except ``importance``.

    Returns
    -------
    PartitionReport

    Raises
    ------
    ValueError
        If an argument is invalid, or if arguments have different partitions.

    Examples
    --------
    >>> import dask.array as da
    >>> y, y_pred = (da.from_array(values, chunks=3) for values in ([0, 1, 0, 1], [0, 1, 1, 1]))
    >>> evaluate(None, None, y, y_pred=y_pred, metrics="accuracy")["accuracy"]
    0.75
    """
    if hasattr(estimator, "to_local"):
        client, estimator = client or estimator.client, estimator.to_local()
    rows = Dataset(X, y, sample_weight, {}, y_pred, y_proba, y_score, y_interval)
    if isinstance(sample_weight, str):
        rows = rows._replace(sample_weight=None)
        options["sample_weight"] = sample_weight
    if not is_distributed(X) and not is_distributed(y):
        given = {**rows._asdict(), "labels": labels, **options}
        del given["error"], given["groups"]
        return mlpkit.evaluate(
            estimator, **given, partitions=partitions, classes=classes, task=task
        )
    if options.pop("importance", False):
        raise ValueError(
            "importance=True requires rows in memory. Pass some of them to"
            " mlpkit.feature_importance."
        )
    if y is None:
        raise ValueError("evaluate needs y, got y=None.")
    parts = datasets_of(rows._replace(labels={} if labels is None else labels))
    if classes is None and task is None:
        classes, task = _targets(estimator, rows, client)
    options |= {"classes": classes, "task": task}
    model = None if estimator is None else on_workers(estimator, client)
    evaluation = _Evaluation(parts, model, client, options)
    return evaluation.report(partitions)


class _Evaluation:
    """The report of the partitions of a collection."""

    def __init__(
        self, parts: list[Delayed], model: Any, client: Client | None, options: dict[str, Any]
    ) -> None:
        self.parts, self.model, self.client, self.options = parts, model, client, options

    def report(self, partitions: Any) -> PartitionReport:
        """The report by these partitions; those that cannot be merged are fitted once for all."""
        arguments = list_of(partitions)
        shared = {p.name for p in arguments if isinstance(p, Partitioner) and p.merge is None}
        while True:
            fitted = self._with_fitted(arguments, shared) if shared else arguments
            result = self._sum(fitted)
            if isinstance(result, PartitionReport):
                result.warn_of_undefined()
                return result
            if result is None:
                raise ValueError("evaluate needs at least one row, got none.")
            if result.name in shared:
                raise result
            shared.add(result.name)

    def _sum(self, partitions: list[Any]) -> PartitionReport | UnmergeableGroups | None:
        """The sum of the reports of all partitions, in their order."""
        report = delayed(tasks.report_of, pure=False)
        options = delayed({**self.options, "partitions": partitions}, pure=False, traverse=False)
        reports = [report(i, part, self.model, options) for i, part in enumerate(self.parts)]
        added = delayed(tasks.added, pure=False)
        while len(reports) > 1:
            starts = range(0, len(reports), ADDED_AT_ONCE)
            reports = [added(reports[i : i + ADDED_AT_ONCE]) for i in starts]
        return computed(reports, self.client)[0]

    def _with_fitted(self, arguments: list[Any], shared: set[str]) -> list[Any]:
        """The partitions, of which those with these names are fitted to rows of all workers."""
        numbers = computed([delayed(tasks.count)(part) for part in self.parts], self.client)
        share = min(1.0, SAMPLED_ROWS / max(1, sum(numbers)))
        rows = [delayed(sample)(part, share) for part in self.parts]
        options = delayed({**self.options, "partitions": arguments}, pure=False, traverse=False)
        fitted = delayed(tasks.fitted_to, pure=False)(rows, self.model, options)
        partitioners = computed([fitted], self.client)[0]
        return [
            own if own.name in shared else given
            for given, own in zip(arguments, partitioners, strict=True)
        ]


def list_of(partitions: Any) -> list[Any]:
    """Return a list of partitions, of one or several."""
    several = isinstance(partitions, Sequence) and not isinstance(partitions, str | Partitioner)
    return list(partitions) if several else [] if partitions is None else [partitions]


def computed(values: list[Delayed], client: Client | None) -> list[Any]:
    """Return the values of delayed objects."""
    if client is None:
        return list(dask.compute(*values))
    return list(client.gather(client.compute(values)))


def _targets(estimator: Any, rows: Dataset, client: Client | None) -> tuple[Any, Any]:
    """All classes, and the task, as far as the targets of all partitions decide on them."""
    if estimator is not None and not hasattr(estimator, "classes_"):
        return None, None
    partitions = partitions_of("y", rows.y)
    if estimator is None and rows.y_pred is not None:
        partitions += partitions_of("y_pred", rows.y_pred)
    kinds = [
        kind
        for kind in computed([delayed(tasks.kind_of_targets)(part) for part in partitions], client)
        if kind is not None
    ]
    if estimator is None and any(kind.startswith("continuous") for kind, _ in kinds):
        return None, "regression"
    if not kinds or any(values is None for _, values in kinds):
        return None, None
    known = [] if estimator is None else [np.asarray(estimator.classes_)]
    return np.unique(np.concatenate([*known, *(values for _, values in kinds)])), None
