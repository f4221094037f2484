"""Metrics of resampled rows: many values by group, from sums where there are any."""

from typing import Literal, NamedTuple

import numpy as np

from mlpkit.metrics.accumulator import Accumulator
from mlpkit.metrics.intervals import JACKKNIFE
from mlpkit.numpy_backend.threads import OneThread
from mlpkit.plugin import Array, Metric

MEMORY = 2**22  # numbers of one piece of work


class Replicates(NamedTuple):
    """Values (n_groups, n) of n bootstrap draws, or with each n-th of the rows left out."""

    kind: Literal["bootstrap", "jackknife"]
    values: Array


def replicates(seen: Accumulator, metric: Metric, n_draws: int, seed: int) -> Replicates:
    """Of a metric that adds up, a Poisson bootstrap over blocks of rows; else a jackknife.

    The draws are a matrix (n_draws, n_blocks) of how often each block is in each draw, the
    same for all groups, metrics and reports of one seed: one matrix product with the sums
    of the blocks gives the sums of all draws. With no more rows than blocks, that is the
    bootstrap of the rows. Poisson counts make a draw's parts independent: Chamandy et al.,
    "Estimating uncertainty for massive data streams", 2012.
    """
    assert seen.sums is not None
    if metric.exact is not None:
        parts = [
            [seen.exact(metric, label, (b, JACKKNIFE)) for b in range(JACKKNIFE)]
            for label in seen.labels
        ]
        return Replicates("jackknife", np.array(parts).reshape(len(seen.labels), JACKKNIFE))
    n_blocks = seen.sums.rows.shape[2]
    draws = np.random.default_rng(seed).poisson(1.0, (n_draws, n_blocks)).astype(np.float64)
    first = next(seen.parts(metric, 1))
    width = (1 + first.row_statistics.shape[-1] + 3 * first.centre.shape[-1]) * first.rows.shape[1]
    step = max(MEMORY // (width * n_draws), 1)
    found = []
    with OneThread():
        for some in seen.parts(metric, step):
            some = some.trimmed()
            part = draws[:, : some.rows.shape[2]]
            found.append(seen.value(metric, some.totals(seen.balanced, part)))
    return Replicates("bootstrap", np.concatenate(found))
