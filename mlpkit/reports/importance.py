"""Permutation importance of columns, over all rows and by group."""

import math
from collections.abc import Iterable, Iterator, Mapping
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state

from mlpkit.data.tables import column_names
from mlpkit.messages import comma_separated, did_you_mean, escaped, plain_repr
from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.arguments import metrics_of
from mlpkit.partitions.arguments import partitioners_of
from mlpkit.partitions.columns import labels_of
from mlpkit.partitions.fitting import fit_and_assign
from mlpkit.plugin import Array, Dataset, Metric, Partitioner, Predictions, Task
from mlpkit.reports import plots, printing
from mlpkit.reports.entries import to_csv, to_frame
from mlpkit.reports.pages.documents import part
from mlpkit.reports.pages.importances import importance_table
from mlpkit.reports.predictors import Predictor, validated_weight, with_errors
from mlpkit.reports.shuffled_columns import feature_groups, shuffled

DEFAULTS: dict[Task, tuple[str, ...]] = {  # the first one that the estimator supports
    "binary": ("log_loss", "accuracy"),
    "multiclass": ("log_loss", "accuracy"),
    "multilabel": ("f1_macro",),
    "regression": ("r2",),
}
N_REPEATS = 5
MAX_FEATURES = 30  # that are printed and plotted


class Importance(NamedTuple):
    """The importance of one feature in one group.

    All rows are the group "all" of the partitioner "all".

    Parameters
    ----------
    feature : str
        Name of the column, or of the group of columns.
    partitioner, partition : str
        Names of the partitioner and of the group of rows.
    importance : float
        How much worse the metric is with shuffled values, the mean over the repetitions.
    deviation : float
        Standard deviation over the repetitions.
    n_rows : int
        Number of rows of the group.
    """

    feature: str
    partitioner: str
    partition: str
    importance: float
    deviation: float
    n_rows: int


class FeatureImportance:
    """The importance of features, most important first, as `mlpkit.feature_importance` returns it.

    ``importance[feature]`` is that over all rows, and iterating yields an `Importance` for each
    feature and group of rows.

    Parameters
    ----------
    metric : str
        Name of the metric.
    baseline : float
        Its value over all rows without shuffling.
    entries : tuple of Importance
        Feature by feature, all rows first.
    n_repeats : int
        Number of repetitions.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from mlpkit import feature_importance
    >>> X = np.random.default_rng(0).standard_normal((200, 3))
    >>> y = X @ [1.0, 3.0, 0.0]
    >>> importance = feature_importance(LinearRegression().fit(X, y), X, y)
    >>> [e.feature for e in importance]
    ['x1', 'x0', 'x2']
    """

    def __init__(
        self, metric: str, baseline: float, entries: tuple[Importance, ...], n_repeats: int
    ) -> None:
        self.metric, self.baseline = metric, baseline
        self.entries, self.n_repeats = entries, n_repeats

    @property
    def features(self) -> list[str]:
        """Names of the features, most important first."""
        return list(dict.fromkeys(e.feature for e in self.entries))

    def __iter__(self) -> Iterator[Importance]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, feature: str) -> float:
        """The importance over all rows."""
        for e in self.entries:
            if e.feature == feature and e.partitioner == "all":
                return e.importance
        known = self.features
        hint = did_you_mean(feature, known)
        raise KeyError(
            f"Unknown feature {feature!r}. The features are: {comma_separated(known[:50])}."
            f" {hint}".rstrip()
        )

    def to_frame(self) -> Any:
        """Convert to a pandas frame with a row for each feature and group.

        Returns
        -------
        pandas.DataFrame
        """
        return to_frame(self.entries, Importance._fields)

    def to_csv(self, path: Any = None) -> str | None:
        """Write the rows of `to_frame` to a CSV file, with escaped text.

        Parameters
        ----------
        path : str, path or file, default=None
            Where to write the file.

        Returns
        -------
        str or None
            The text, if `path` is None.
        """
        return to_csv(self.entries, Importance._fields, path)

    def plot(self, *, ax: Any = None) -> Any:
        """Plot the importance over all rows of the most important features, at most 30.

        The lines are standard deviations over the repetitions.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Where to plot. None makes a new figure.

        Returns
        -------
        matplotlib Axes
        """
        own = [e for e in self.entries if e.partitioner == "all"][:MAX_FEATURES]
        return plots.bars(
            [e.feature for e in own],
            [e.importance for e in own],
            [e.deviation for e in own],
            self._title,
            ax,
        )

    @property
    def _title(self) -> str:
        return f"change of {self.metric} for the worse"

    def __str__(self) -> str:
        by_label: dict[tuple[str, str], dict[str, Importance]] = {}
        for e in self.entries:
            by_label.setdefault((e.partitioner, e.partition), {})[e.feature] = e
        features = self.features[:MAX_FEATURES]
        digits = _digits(e.importance for e in self.entries if e.feature in features)
        texts = printing.distinct_short(features)
        left = max([len(text) for text in texts.values()] + [len("feature")])
        lines = [f"{'feature':{left}}"] + [f"{texts[f]:{left}}" for f in features]
        n_left_out = 0
        for (partitioner, group), own in by_label.items():
            heading = "all" if partitioner == "all" else f"{partitioner}: {group}"
            cells = [printing.short(heading, 24), *(_cell(own[f], digits) for f in features)]
            width = max(map(len, cells))
            if len(lines[0]) + 2 + width > printing.WIDTH:
                n_left_out += 1
                continue
            lines = [f"{line}  {cell:>{width}}" for line, cell in zip(lines, cells, strict=True)]
        rest = len(self.features) - len(features)
        lines += [f"... {rest} more features: see to_frame()"] if rest else []
        lines += [f"... {n_left_out} more groups: see to_frame()"] if n_left_out else []
        baseline = printing.number(self.baseline)
        return "\n".join(
            [
                *lines,
                "",
                f"importance: {self._title} ({baseline} before) if values are shuffled,",
                f"mean and standard deviation of {self.n_repeats} repetitions",
            ]
        )

    def _repr_html_(self) -> str:
        return part(importance_table(self))

    def __repr__(self) -> str:
        return f"<FeatureImportance of {len(self.features)} features by {escaped(self.metric)}>"


def _digits(values: Iterable[float]) -> int:
    """The number of decimals that show three digits of the largest value.

    >>> _digits([0.01, -0.5]), _digits([2.5]), _digits([1234.5]), _digits([0.0])
    (3, 2, 0, 2)
    """
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    return min(max(2 - math.floor(math.log10(largest)), 0), 12) if largest else 2


def _cell(e: Importance, digits: int) -> str:
    """An importance with its standard deviation.

    >>> _cell(Importance("a", "all", "all", -0.0001, 0.02, 9), 2)
    '0.00 ±0.02'
    """
    value = round(e.importance, digits) + 0.0  # without the sign of -0.0
    return f"{value:.{digits}f} ±{e.deviation:.{digits}f}"


def feature_importance(
    estimator: Any,
    X: Any,
    y: Any,
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
    check_consistent_length(X, y, sample_weight)
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
