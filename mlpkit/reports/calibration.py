"""Predictions against targets, over all rows and by group."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from scipy.special import stdtrit

from mlpkit.messages import comma_separated
from mlpkit.metrics import intervals
from mlpkit.metrics.calibration_sums import (
    INSIDE,
    OBSERVED,
    PREDICTED,
    RESIDUAL,
    ROWS,
    SQUARE,
    WEIGHT,
    CalibrationSums,
)
from mlpkit.plugin import Array, Task
from mlpkit.reports import printing
from mlpkit.reports.entries import CalibrationBin
from mlpkit.reports.pages.calibrations import calibration_section
from mlpkit.reports.pages.documents import part
from mlpkit.reports.tables import Table

COLUMNS = ("predicted", "observed", "difference")
N_BINS = 10
MIN_ROWS = 20  # average number of rows in a bin, at least


class Calibration(Table):
    """Predictions against targets, as ``evaluate(..., calibration=True)`` adds them to a report.

    Iterating yields the `CalibrationBin` of up to ten bins of each group, with about equal numbers
    of rows and at least 20 on average. Rows with equal predictions are in one bin. The bins are
    those of all rows of merged reports, except for small shifts of their edges.

    Parameters
    ----------
    sums : CalibrationSums
        The sums by group.
    task : {"binary", "multiclass", "multilabel", "regression"}
        The type of the targets.
    confidence : float or None
        Confidence of the intervals.
    coverage : float or None
        The coverage that was requested of predicted intervals. None if there are none.

    Attributes
    ----------
    task : {"binary", "multiclass", "multilabel", "regression"}
        The type of the targets.
    coverage : float or None
        The requested coverage of predicted intervals, or None.

    Examples
    --------
    >>> from mlpkit import evaluate
    >>> y_proba = [0.2] * 5 + [0.7] * 20
    >>> y = [0] * 4 + [1] + [0] * 5 + [1] * 15
    >>> report = evaluate(None, None, y, y_proba=y_proba, calibration=True)
    >>> print(report.calibration)
          rows  predicted  observed  difference
    all     25      0.600     0.640       0.040
    """

    _columns = CalibrationBin._fields

    def __init__(
        self,
        sums: CalibrationSums,
        task: Task,
        confidence: float | None,
        coverage: float | None = None,
    ) -> None:
        self._sums, self.task = sums, task
        self.confidence, self.coverage = confidence, coverage

    @property
    def targets(self) -> list[str]:
        """Names of the targets, see `CalibrationBin`."""
        return list(self._sums.by_target)

    @cached_property
    def entries(self) -> tuple[CalibrationBin, ...]:
        """The bins of all targets and groups, with rising predictions."""
        return tuple(self._bins(N_BINS))

    @cached_property
    def means(self) -> tuple[CalibrationBin, ...]:
        """One bin for each target and group, with all its rows."""
        return tuple(self._bins(1))

    def __iter__(self) -> Iterator[CalibrationBin]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def _bins(self, n_bins: int) -> Iterator[CalibrationBin]:
        for target in self.targets:
            n_rows = self._sums.n_rows(target)
            most = np.clip(n_rows // MIN_ROWS, 1, n_bins)
            groups, sums = self._sums.cells(target, most)
            with np.errstate(all="ignore"):
                means = (sums[[PREDICTED, OBSERVED, INSIDE]] / sums[WEIGHT]).T
                low, high = self._intervals(sums, means[:, 1])
            for i, group in enumerate(groups.tolist()):
                predicted, observed, inside = means[i].tolist()
                partitioner, partition = self._sums.labels[group]
                yield CalibrationBin(
                    target,
                    partitioner,
                    partition,
                    predicted,
                    observed,
                    float(low[i]),
                    float(high[i]),
                    inside if self.coverage is not None else float("nan"),
                    int(sums[ROWS, i]),
                    float(sums[WEIGHT, i]),
                )

    def _intervals(self, sums: Array, observed: Array) -> tuple[Array, Array]:
        """The intervals of the means of the targets.

        Wilson's for frequencies; for real targets that of the mean residual, by Student's t.
        """
        if self.confidence is None:
            return np.full(len(observed), np.nan), np.full(len(observed), np.nan)
        size = sums[WEIGHT] ** 2 / sums[SQUARE]  # effective number of rows: Kish, 1965
        if self.task != "regression":
            return intervals.wilson(observed * size, size, self.confidence)
        mean = observed - sums[PREDICTED] / sums[WEIGHT]
        variance = np.maximum(sums[RESIDUAL] / sums[WEIGHT] - mean**2, 0.0)
        half = stdtrit(size - 1, (1 + self.confidence) / 2) * np.sqrt(variance / (size - 1))
        half = np.where(size > 1, half, np.nan)
        return observed - half, observed + half

    def __add__(self, other: "Calibration") -> "Calibration":
        """The calibration over the rows of both."""
        coverage = self.coverage if self.coverage == other.coverage else None
        return Calibration(self._sums + other._sums, self.task, self.confidence, coverage)

    def __str__(self) -> str:
        cells: dict[tuple[str, str, str], str] = {}
        n_rows: dict[tuple[str, str], int] = {}
        for e in self.means:
            of = f" of {e.target}" if len(self.targets) > 1 else ""
            values = (e.predicted, e.observed, e.observed - e.predicted)
            n_rows[e.partitioner, e.partition] = e.n_rows
            for name, value in zip(COLUMNS, values, strict=True):
                cells[f"{name}{of}", e.partitioner, e.partition] = printing.number(value)
        metrics = list(dict.fromkeys(name for name, _, _ in cells))
        return "\n".join(printing.table(metrics, cells, n_rows))

    def _repr_html_(self) -> str:
        return part(calibration_section(self, MIN_ROWS))

    def __repr__(self) -> str:
        names = [target for target in self.targets if target]
        return f"<Calibration of {comma_separated(names, self.task)}: {len(self)} bins>"
