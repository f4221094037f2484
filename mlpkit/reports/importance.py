"""The importance of features, over all rows and by group."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

from mlpkit.messages import comma_separated, did_you_mean, escaped
from mlpkit.reports import plots, printing
from mlpkit.reports.entries import Importance
from mlpkit.reports.pages.documents import part
from mlpkit.reports.pages.importances import importance_table
from mlpkit.reports.tables import Table

MAX_FEATURES = 30  # that are printed and plotted


class FeatureImportance(Table):
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
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from mlpkit import feature_importance
    >>> X = np.random.default_rng(0).standard_normal((200, 3))
    >>> y = X @ [1.0, 3.0, 0.0]
    >>> importance = feature_importance(LinearRegression().fit(X, y), X, y)
    >>> [e.feature for e in importance]
    ['x1', 'x0', 'x2']
    """

    _columns = Importance._fields

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
