"""Values of metrics in resampled data: bootstrap draws of sums, or a jackknife of rows."""

from typing import Literal, NamedTuple

import numpy as np

from mlpkit.backend_kit import OneThread
from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.intervals import JACKKNIFE
from mlpkit.plugin import Array, Metric

MEMORY = 2**22  # numbers that are computed at a time


class Replicates(NamedTuple):
    """Values (n_groups, n) of n bootstrap draws, or without each of n blocks of rows."""

    method: Literal["bootstrap", "jackknife"]
    values: Array


def replicates(accumulator: Accumulator, metric: Metric, n_draws: int, seed: int) -> Replicates:
    """Replicates of a metric: a Poisson bootstrap of blocks, or a jackknife if it keeps rows.

    The matrix of draws (n_draws, n_blocks) contains how often each block is in each draw. It is
    the same for all groups, metrics and reports with the same seed. Its product with the sums of
    the blocks is the sums of all draws. If a group has no more rows than blocks, the rows
    themselves are resampled. Poisson counts make the chunks of a draw independent: Chamandy et
    al., "Estimating uncertainty for massive data streams", 2012.
    """
    assert accumulator.sums is not None
    if metric.exact is not None:
        values = [
            [accumulator.exact(metric, label, (b, JACKKNIFE)) for b in range(JACKKNIFE)]
            for label in accumulator.labels
        ]
        shape = len(accumulator.labels), JACKKNIFE
        return Replicates("jackknife", np.array(values).reshape(shape))
    n_blocks = accumulator.sums.rows.shape[2]
    draws = np.random.default_rng(seed).poisson(1.0, (n_draws, n_blocks)).astype(np.float64)
    first = next(accumulator.sums_of(metric, 1))
    width = (1 + first.row_statistics.shape[-1] + 3 * first.centre.shape[-1]) * first.rows.shape[1]
    n_groups = max(MEMORY // (width * n_draws), 1)
    drawn = []
    with OneThread():
        for sums in accumulator.sums_of(metric, n_groups):
            sums = sums.trimmed()
            counts = draws[:, : sums.rows.shape[2]]
            drawn.append(accumulator.value(metric, sums.totals(accumulator.balanced, counts)))
    return Replicates("bootstrap", np.concatenate(drawn))
