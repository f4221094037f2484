"""Values and intervals by group, from what was accumulated."""

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

SOME = 512  # groups whose blocks are computed with at a time


class Settings(NamedTuple):
    """How a report was asked to judge."""

    confidence: float | None
    min_rows: int
    draws: int
    random_state: int


class Estimates:
    """Entries of all metrics and groups, made once, when they are asked for."""

    def __init__(self, seen: Accumulator, settings: Settings) -> None:
        self.seen, self.settings = seen, settings
        self._made: dict[str, Replicates] = {}

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All values, metric by metric."""
        return tuple(self._entries())

    def _entries(self) -> Iterator[Entry]:
        seen, (confidence, min_rows, *_) = self.seen, self.settings
        assert seen.sums is not None
        rows = seen.sums.n_rows.tolist()
        weights = seen.sums.totals(seen.balanced)[:, 0, 0].tolist()
        for metric, values in zip(seen.metrics, seen.values(), strict=True):
            low = high = np.full(len(values), np.nan)
            if confidence is not None:
                low, high = self._interval(metric, values, confidence)
            for i, label in enumerate(seen.labels):
                decides = rows[i] >= min_rows and math.isfinite(values[i])
                yield Entry(
                    metric.name,
                    *label,
                    float(values[i]),
                    float(low[i]),
                    float(high[i]),
                    rows[i],
                    weights[i],
                    decides,
                )

    def _interval(self, metric: Metric, values: Array, confidence: float) -> tuple[Array, Array]:
        """Low and high by group; NaN where the value is."""
        seen = self.seen
        assert seen.sums is not None
        nothing = np.full(len(values), np.nan)
        if metric.interval is None:
            return nothing, nothing
        if metric.exact is not None:
            pairs = [self._exact_interval(metric, i, v, confidence) for i, v in enumerate(values)]
            low, high = np.array(pairs).reshape(-1, 2).T
        elif callable(metric.interval):
            low, high = self._scaled_interval(metric, metric.interval, confidence)
        elif metric.ratio is not None and metric.interval == "wilson":
            totals = seen.sums.totals(seen.balanced)[:, 0]
            above, below = metric.ratio(totals[:, seen.columns(metric)])
            with np.errstate(all="ignore"):  # trials of an effective size: Kish, 1965
                size = totals[:, 0] / seen.sums.squares(seen.balanced)
            low, high = intervals.wilson(above * size, below * size, confidence)
        elif metric.ratio is not None and metric.interval == "normal":
            ends = [
                intervals.linearised(
                    *metric.ratio(some.blocks(seen.balanced)), some.rows.sum(axis=1) > 0, confidence
                )
                for some in seen.parts(metric, SOME)
            ]
            low, high = np.concatenate(ends, axis=1)
        else:
            low, high = intervals.percentile(self.replicates(metric.name).values, confidence)
        defined = np.isfinite(values)
        return np.where(defined, low, np.nan), np.where(defined, high, np.nan)

    def _scaled_interval(
        self, metric: Metric, interval: Callable[..., tuple[Any, Any]], confidence: float
    ) -> tuple[Array, Array]:
        seen = self.seen
        assert seen.sums is not None
        totals = seen.sums.totals()[:, 0][:, seen.columns(metric)]
        with np.errstate(all="ignore"):  # trials of an effective size: Kish, 1965
            size = totals[:, :1] / seen.sums.squares()[:, None]
        try:
            low, high = interval(totals * size, confidence)
            return np.broadcast_to(low, len(totals)), np.broadcast_to(high, len(totals))
        except Exception as error:
            seen.errors.setdefault(metric.name, f"{type(error).__name__}: {error}")
            nothing = np.full(len(totals), np.nan)
            return nothing, nothing

    def _exact_interval(
        self, metric: Metric, place: int, value: float, confidence: float
    ) -> tuple[float, float]:
        label = self.seen.labels[place]
        if callable(metric.interval):
            try:
                with np.errstate(all="ignore"):
                    return metric.interval(*self.seen.kept.rows(label), confidence)
            except Exception as error:
                self.seen.errors.setdefault(metric.name, f"{type(error).__name__}: {error}")
                return math.nan, math.nan
        parts = self.replicates(metric.name).values[place]
        return intervals.jackknife(value, parts, confidence)

    def replicates(self, metric: str) -> Replicates:
        """Values of resampled rows, for intervals of what is made of several values."""
        if metric not in self._made:
            found = next(m for m in self.seen.metrics if m.name == metric)
            self._made[metric] = replicates(
                self.seen, found, self.settings.draws, self.settings.random_state
            )
        return self._made[metric]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_made": {}}
