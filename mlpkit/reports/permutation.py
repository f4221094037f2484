"""Measures importance: the change of a metric if the values of columns are shuffled."""

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state

from mlpkit.data.row_sources import dataset_of, in_memory
from mlpkit.data.tables import check_targets_present, column_names
from mlpkit.messages import plain_repr
from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.arguments import metrics_of
from mlpkit.partitions.arguments import partitioners_of
from mlpkit.partitions.columns import labels_of
from mlpkit.partitions.fitting import fit_and_assign
from mlpkit.plugin import Array, Dataset, Metric, Partitioner, Predictions, Task
from mlpkit.reports.entries import Importance
from mlpkit.reports.importance import FeatureImportance
from mlpkit.reports.predictors import Predictor, validated_weight, with_errors
from mlpkit.reports.shuffled_columns import feature_groups, shuffled

DEFAULTS: dict[Task, tuple[str, ...]] = {  # the first one that the estimator supports
    "binary": ("log_loss", "accuracy"),
    "multiclass": ("log_loss", "accuracy"),
    "multilabel": ("f1_macro",),
    "regression": ("r2",),
}
N_REPEATS = 5
IMPORTANCE = "measuring the importance"  # which requires all rows in memory


def feature_importance(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    columns: Any = None,
    metric: Any = None,
    n_repeats: int = N_REPEATS,
    partitions: Any = (),
    sample_weight: Any = None,
    labels: Any = None,
    random_state: Any = 0,
) -> FeatureImportance:
    """Measure how much worse predictions become if the values of a column are shuffled.

    This is the permutation importance of `sklearn.inspection.permutation_importance` for any
    metric and table, also for several columns at once and by group of rows. Use rows that the
    estimator was not trained on. The importance of a column is low, whatever it contains, if
    another column contains the same: shuffle such columns together by ``columns={...}``.

    Parameters
    ----------
    estimator : estimator
        Any fitted estimator with scikit-learn's interface, such as a Pipeline that encodes X.
    X : {array-like, sparse matrix} or dataframe of shape (n_samples, n_features)
        Rows as the estimator receives them: a dataframe of pandas, polars or pyarrow, or an array.
        The rows of an `mlpkit.scan`, with their targets, are read into memory.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Targets.
    columns : list, dict or None, default=None
        Names or indices of the columns that are shuffled, one at a time. A dict of lists by name
        shuffles the columns of each list together: ``{"place": ["city", "country"]}``. None means
        every column.
    metric : str, Metric, callable or None, default=None
        The metric, as in `evaluate`. None is "log_loss" for a classifier ("accuracy" if it has no
        probabilities, "f1_macro" for multilabel targets), and "r2" for a regressor.
    n_repeats : int, default=5
        How often each column is shuffled.
    partitions : str, int, callable, Partitioner or sequence of these, default=()
        Groups of rows in which the importance is measured too, as in `evaluate`. They are those
        of the rows before shuffling.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the rows.
    labels : dict or frame of columns of shape (n_samples,), default=None
        Columns that X does not contain, for ``by_labels("name")``.
    random_state : int, RandomState instance or None, default=0
        Determines the orders of the rows.

    Returns
    -------
    FeatureImportance

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from mlpkit import MLPClassifier, feature_importance
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> clf = MLPClassifier(solver="lbfgs", alpha=1.0, max_iter=1000, random_state=0).fit(X, y)
    >>> groups = {"petal": [2, 3], "sepal": [0, 1]}
    >>> importance = feature_importance(clf, X, y, columns=groups, metric="accuracy")
    >>> importance["petal"] > 0.3 > importance["sepal"]
    True
    """
    X, y, sample_weight, labels, *_ = in_memory(dataset_of(X, y, sample_weight, labels), IMPORTANCE)
    if y is None:
        raise ValueError("feature_importance requires y, the targets.")
    check_consistent_length(X, y, sample_weight)
    check_targets_present(y)
    if isinstance(n_repeats, bool) or not isinstance(n_repeats, Integral) or n_repeats < 1:
        raise ValueError(f"n_repeats must be a positive integer, got {plain_repr(n_repeats)}.")
    X = X if hasattr(X, "shape") else np.asarray(X)
    features, n_rows = feature_groups(X, columns), len(np.asarray(y))
    rows = Dataset(X, y, validated_weight(sample_weight), labels_of(labels, n_rows))
    predictor = Predictor(estimator, rows, None, None)
    partitioners = partitioners_of(partitions, column_names(X))
    measured = ShuffledRows(predictor, rows, _metric_of(metric, predictor), partitioners)
    return measured.importance(features, int(n_repeats), random_state)


def _metric_of(metric: Any, predictor: Predictor) -> Metric:
    """The metric of an argument; ValueError if no direction of it is better."""
    assert predictor.task is not None
    if metric is None:
        *preferred, last = DEFAULTS[predictor.task]
        metric = next((m for m in preferred if "probabilities" in predictor.available), last)
    (record,) = metrics_of([metric], predictor.task, predictor.available)
    if record.higher_is_better is None:
        raise ValueError(
            f"Neither high nor low values of {record.name!r} are better, so it cannot measure"
            " importance. Choose another metric."
        )
    return record


class ShuffledRows:
    """One metric of predictions for rows whose columns are shuffled.

    Parameters
    ----------
    predictor : Predictor
        Predicts rows.
    rows : Dataset
        The rows before shuffling, with validated weights.
    metric : Metric or None
        The metric, with a better direction. None is the default of `feature_importance`.
    partitioners : iterable of Partitioner
        Partitioners of the rows before shuffling.
    fitted : dict or None, default=None
        Groups that partitioners are already fitted with, by name.
    balanced : bool, default=False
        Whether to weight the classes within each group, as in `evaluate`.
    """

    def __init__(
        self,
        predictor: Predictor,
        rows: Dataset,
        metric: Metric | None,
        partitioners: Iterable[Partitioner],
        fitted: Mapping[str, Any] | None = None,
        balanced: bool = False,
    ) -> None:
        self.predictor, self.rows, self.balanced = predictor, rows, balanced
        self.metric = metric or _metric_of(None, predictor)
        predictions = self._predictions(rows.X)
        self.n_rows = len(predictions.y_true)
        dataset = with_errors(rows, predictions)
        self.groups = fit_and_assign(partitioners, dict(fitted or {}), dataset, self.n_rows)
        self.before = self._accumulated(predictions)

    def importance(
        self, features: Mapping[str, tuple[int, ...]], n_repeats: int, random_state: Any
    ) -> FeatureImportance:
        """Shuffle the columns of each feature, and return how much worse the metric becomes."""
        assert self.before.sums is not None
        rng = check_random_state(random_state)
        baseline, sizes = self.before.values()[0], self.before.sums.n_rows.tolist()
        sign = 1 if self.metric.higher_is_better else -1
        by_feature = {}
        for name, indices in features.items():
            orders = [rng.permutation(self.n_rows) for _ in range(n_repeats)]
            changes = sign * (baseline - np.array([self._values(indices, o) for o in orders]))
            means, deviations = changes.mean(axis=0).tolist(), changes.std(axis=0).tolist()
            labels = self.before.labels
            by_feature[name] = [
                Importance(name, *label, mean, deviation, size)
                for label, mean, deviation, size in zip(
                    labels, means, deviations, sizes, strict=True
                )
            ]
        ranked = sorted(by_feature.values(), key=lambda own: -own[0].importance)  # of all rows
        entries = tuple(entry for own in ranked for entry in own)
        return FeatureImportance(self.metric.name, float(baseline[0]), entries, n_repeats)

    def _values(self, indices: tuple[int, ...], order: Array) -> Array:
        """The value of each group with shuffled columns, (n_groups,)."""
        predictions = self._predictions(shuffled(self.rows.X, indices, order))
        return self._accumulated(predictions).values()[0]

    def _predictions(self, X: Any) -> Predictions:
        return self.predictor.predictions(self.rows._replace(X=X), {self.metric.needs})

    def _accumulated(self, predictions: Predictions) -> Accumulator:
        accumulator = Accumulator([self.metric], balanced=self.balanced)
        accumulator.update(predictions, self.groups, self.rows.sample_weight)
        return accumulator
