"""Intervals of confidence for one group; each is for that group alone.

Of 20 intervals at 95 percent one misses on average: to say "none of g groups", take a
confidence of 1 - (1 - 0.95) / g (Bonferroni).
"""

import math

import numpy as np
from scipy.special import ndtri, stdtrit

from mlpkit.plugin import Array

JACKKNIFE = 20  # recomputations of a metric that does not add up


def wilson(successes: Array, trials: Array, confidence: float) -> tuple[Array, Array]:
    """For a proportion. Wilson, "Probable inference", 1927; trials may be an effective size.

    >>> low, high = wilson(np.array(8.0), np.array(10.0), 0.95)
    >>> round(float(low), 4), round(float(high), 4)
    (0.4902, 0.9433)
    """
    z = float(ndtri((1 + confidence) / 2))
    with np.errstate(all="ignore"):
        p = successes / trials
        middle = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
        half = z / (1 + z**2 / trials) * np.sqrt(p * (1 - p) / trials + (z / (2 * trials)) ** 2)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def linearised(above: Array, below: Array, used: Array, confidence: float) -> tuple[Array, Array]:
    """For a ratio of sums, from its blocks (n_groups, n_blocks): Taylor linearisation, Student t.

    Where each row has a block of its own and weights are equal, it is the t interval of a mean.
    """
    n = used.sum(axis=-1)
    with np.errstate(all="ignore"):
        value = above.sum(axis=-1) / below.sum(axis=-1)
        rest = above - value[:, None] * below
        error = np.sqrt(n / (n - 1) * np.square(rest).sum(axis=-1)) / np.abs(below.sum(axis=-1))
        half = np.where(n > 1, stdtrit(n - 1, (1 + confidence) / 2) * error, np.nan)
    return value - half, value + half


def percentile(draws: Array, confidence: float) -> tuple[Array, Array]:
    """From values of bootstrap draws (n_groups, n_draws); NaN if half of them are undefined."""
    low, high = np.full(len(draws), np.nan), np.full(len(draws), np.nan)
    enough = np.isfinite(draws).mean(axis=1) > 0.5
    if enough.any():
        finite = np.where(np.isfinite(draws[enough]), draws[enough], np.nan)
        low[enough], high[enough] = np.nanquantile(
            finite, [(1 - confidence) / 2, (1 + confidence) / 2], axis=1
        )
    return low, high


def jackknife(value: float, parts: Array, confidence: float) -> tuple[float, float]:
    """From values with one block left out each (n_blocks,). Tukey, 1958; Student t."""
    n = len(parts)
    if n < 2 or not np.isfinite(parts).all():
        return math.nan, math.nan
    error = math.sqrt((n - 1) / n * float(np.square(parts - parts.mean()).sum()))
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * error
    return value - half, value + half
