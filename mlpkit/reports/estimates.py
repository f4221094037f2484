"""Values and confidence intervals of all metrics and groups."""

import math
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from mlpkit.metrics import intervals
from mlpkit.metrics.accumulator import Accumulator
from mlpkit.plugin import Array, Metric
from mlpkit.reports.entries import Entry
from mlpkit.reports.resampling import Replicates, replicates

GROUPS_AT_A_TIME = 512  # whose blocks are in memory together


class ReportOptions(NamedTuple):
    """Options of `evaluate` that values do not depend on."""

    confidence: float | None
    min_rows: int
    draws: int
    random_state: int


class Estimates:
    """The entries of all metrics and groups, computed when they are first used."""

    def __init__(self, accumulator: Accumulator, options: ReportOptions) -> None:
        self.accumulator, self.options = accumulator, options
        self._replicates: dict[str, Replicates] = {}

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, metric by metric."""
        return tuple(self._entries())

    def _entries(self) -> Iterator[Entry]:
        accumulator, (confidence, min_rows, *_) = self.accumulator, self.options
        assert accumulator.sums is not None
        rows = accumulator.sums.n_rows.tolist()
        weights = accumulator.sums.totals(accumulator.balanced)[:, 0, 0].tolist()
        for metric, values in zip(accumulator.metrics, accumulator.values(), strict=True):
            low = high = np.full(len(values), np.nan)
            if confidence is not None:
                low, high = self._interval(metric, values, confidence)
            for i, label in enumerate(accumulator.labels):
                eligible = rows[i] >= min_rows and math.isfinite(values[i])
                yield Entry(
                    metric.name,
                    *label,
                    float(values[i]),
                    float(low[i]),
                    float(high[i]),
                    rows[i],
                    weights[i],
                    eligible,
                )

    def _interval(self, metric: Metric, values: Array, confidence: float) -> tuple[Array, Array]:
        """Low and high by group; NaN where the value is NaN."""
        accumulator = self.accumulator
        assert accumulator.sums is not None
        undefined = np.full(len(values), np.nan)
        balanced = accumulator.balanced
        if metric.interval is None:
            return undefined, undefined
        if metric.exact is not None:
            pairs = [self._exact_interval(metric, i, v, confidence) for i, v in enumerate(values)]
            low, high = np.array(pairs).reshape(-1, 2).T
        elif callable(metric.interval):
            low, high = self._scaled_interval(metric, metric.interval, confidence)
        elif metric.ratio is not None and metric.interval == "wilson":
            totals = accumulator.sums.totals(balanced)[:, 0]
            above, below = metric.ratio(totals[:, accumulator.columns(metric)])
            with np.errstate(all="ignore"):  # effective number of rows: Kish, 1965
                size = totals[:, 0] / accumulator.sums.squares(balanced)
            low, high = intervals.wilson(above * size, below * size, confidence)
        elif metric.ratio is not None and metric.interval == "normal":
            ends = [
                intervals.linearised(
                    *metric.ratio(sums.blocks(balanced)), sums.rows.sum(axis=1) > 0, confidence
                )
                for sums in accumulator.sums_of(metric, GROUPS_AT_A_TIME)
            ]
            low, high = np.concatenate(ends, axis=1)
        else:
            low, high = intervals.percentile(self.replicates(metric.name).values, confidence)
        defined = np.isfinite(values)
        return np.where(defined, low, np.nan), np.where(defined, high, np.nan)

    def _scaled_interval(
        self, metric: Metric, interval: Callable[..., tuple[Any, Any]], confidence: float
    ) -> tuple[Array, Array]:
        accumulator = self.accumulator
        assert accumulator.sums is not None
        totals = accumulator.sums.totals()[:, 0][:, accumulator.columns(metric)]
        with np.errstate(all="ignore"):  # effective number of rows: Kish, 1965
            size = totals[:, :1] / accumulator.sums.squares()[:, None]
        try:
            low, high = interval(totals * size, confidence)
            return np.broadcast_to(low, len(totals)), np.broadcast_to(high, len(totals))
        except Exception as error:
            accumulator.errors.setdefault(metric.name, f"{type(error).__name__}: {error}")
            undefined = np.full(len(totals), np.nan)
            return undefined, undefined

    def _exact_interval(
        self, metric: Metric, index: int, value: float, confidence: float
    ) -> tuple[float, float]:
        accumulator = self.accumulator
        label = accumulator.labels[index]
        if callable(metric.interval):
            try:
                with np.errstate(all="ignore"):
                    return metric.interval(*accumulator.kept.rows(label), confidence)
            except Exception as error:
                accumulator.errors.setdefault(metric.name, f"{type(error).__name__}: {error}")
                return math.nan, math.nan
        left_out = self.replicates(metric.name).values[index]
        return intervals.jackknife(value, left_out, confidence)

    def replicates(self, name: str) -> Replicates:
        """The values of a metric in resampled data, computed once."""
        if name not in self._replicates:
            metric = next(m for m in self.accumulator.metrics if m.name == name)
            self._replicates[name] = replicates(
                self.accumulator, metric, self.options.draws, self.options.random_state
            )
        return self._replicates[name]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_replicates": {}}
