"""A scorer by group for `cross_validate` and `GridSearchCV`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.utils.metadata_routing import MetadataRequest

from mlpkit.reports.evaluation import evaluate


class PartitionScorer:
    """A scorer that returns a dict of scores; see `make_partition_scorer`."""

    def __init__(
        self,
        metrics: Any,
        partitions: Any,
        labels: Sequence[str],
        options: Mapping[str, Any],
    ) -> None:
        self.metrics, self.partitions = metrics, partitions
        self.labels, self.options = tuple(labels), dict(options)

    def __call__(
        self, estimator: Any, X: Any, y: Any, sample_weight: Any = None, **labels: Any
    ) -> dict[str, float]:
        """The scores of a fitted estimator."""
        options = {**self.options, "labels": labels}
        if sample_weight is not None:
            options["sample_weight"] = sample_weight
        report = evaluate(
            estimator, X, y, metrics=self.metrics, partitions=self.partitions, **options
        )
        scores: dict[str, float] = {}
        for metric in report.metrics:
            better = report.higher_is_better(metric)
            values = [e.value for e in report.select(metric) if e.eligible]
            if better is not None:
                sign, name = (1, metric) if better else (-1, f"neg_{metric}")
                scores[name] = sign * report[metric]
                scores[f"worst_{name}"] = min((sign * v for v in values), default=math.nan)
            difference = -report.difference(metric) if values else math.nan
            scores[f"neg_difference_{metric}"] = difference
        return scores

    def get_metadata_routing(self) -> MetadataRequest:
        """The request for sample weights and labels, for scikit-learn's metadata routing.

        Returns
        -------
        MetadataRequest
        """
        request = MetadataRequest(owner="PartitionScorer")
        for name in ("sample_weight", *self.labels):
            request.score.add_request(param=name, alias=True)
        return request

    def __repr__(self) -> str:
        return f"make_partition_scorer({self.metrics!r}, {self.partitions!r})"


def make_partition_scorer(
    metrics: Any, partitions: Any, *, labels: Sequence[str] = (), **options: Any
) -> PartitionScorer:
    """Make a scorer that evaluates metrics by group.

    The scorer is called with ``(estimator, X, y)`` and returns a dict of scores, of which higher
    ones are better. For each metric, it contains

    - the value over all rows under the name of the metric,
    - the value of the worst group under ``worst_`` and the name,
    - minus the largest difference between groups under ``neg_difference_`` and the name.

    If lower values of the metric are better, the first two are negated and named
    ``neg_log_loss`` and ``worst_neg_log_loss``, for example. If neither direction is better, only
    the difference is returned. Groups that are not eligible are ignored.

    Parameters
    ----------
    metrics, partitions : object
        See `evaluate`.
    labels : sequence of str, default=()
        Names of the labels of `by_labels` that are not columns of X. With scikit-learn's metadata
        routing, they are passed as ``params=`` of `cross_validate` or as
        ``fit(X, y, region=...)`` of a search, which divide them into folds.
    **options
        Other arguments of `evaluate`, such as ``min_rows``.

    Returns
    -------
    callable
        The scorer, for ``scoring=``. In a search, ``refit="worst_recall"``, for example, selects
        by the worst group.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> X, y = load_iris(return_X_y=True)
    >>> score = make_partition_scorer("accuracy", "target", min_rows=5)
    >>> sorted(cross_validate(LogisticRegression(max_iter=200), X, y, scoring=score))[-1]
    'test_worst_accuracy'
    """
    return PartitionScorer(metrics, partitions, labels, options)
