"""A report as a scorer of `cross_validate` and `GridSearchCV`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.utils.metadata_routing import MetadataRequest

from mlpkit.reports.evaluation import evaluate


class PartitionScorer:
    """Called with (estimator, X, y), it gives a dict of scores, higher always being better.

    For each metric its name with the value over all rows, and "worst_" with that of the worst
    group. Where lower is better, names begin with "neg_" as scikit-learn's do and values are
    negated: "neg_log_loss", "worst_neg_log_loss". Where neither is better, there is only
    "neg_difference_", the largest difference between groups, which the others have as well.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_validate
    >>> X, y = load_iris(return_X_y=True)
    >>> score = make_partition_scorer("accuracy", "target", min_rows=5)
    >>> sorted(cross_validate(LogisticRegression(max_iter=200), X, y, scoring=score))[-1]
    'test_worst_accuracy'
    """

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
        for name in report.metrics:
            better = report.orientation(name)
            groups = [e.value for e in report.select(name) if e.decides]
            if better is not None:
                sign, called = (1, name) if better else (-1, f"neg_{name}")
                scores[called] = sign * report[name]
                scores[f"worst_{called}"] = min((sign * v for v in groups), default=math.nan)
            gap = -report.difference(name) if groups else math.nan
            scores[f"neg_difference_{name}"] = gap
        return scores

    def get_metadata_routing(self) -> MetadataRequest:
        """With scikit-learn's routing enabled, weights and labels of each fold come here."""
        request = MetadataRequest(owner="PartitionScorer")
        for name in ("sample_weight", *self.labels):
            request.score.add_request(param=name, alias=True)
        return request

    def __repr__(self) -> str:
        return f"make_partition_scorer({self.metrics!r}, {self.partitions!r})"


def make_partition_scorer(
    metrics: Any, partitions: Any, *, labels: Sequence[str] = (), **options: Any
) -> PartitionScorer:
    """A scorer of `evaluate` with these arguments; ``refit="worst_recall"`` picks by group.

    ``labels`` names what `by_labels` takes and X does not hold: with scikit-learn's metadata
    routing it comes from ``params=`` of `cross_validate` or ``fit(X, y, region=...)`` of a
    search, cut into folds. See `PartitionScorer` for what it gives.
    """
    return PartitionScorer(metrics, partitions, labels, options)
