"""Confidence intervals, each for one group alone.

On average, one of 20 intervals with a confidence of 0.95 does not contain the true value. For a
statement about all of g groups, use a confidence of 1 - (1 - 0.95) / g (Bonferroni).
"""

import math

import numpy as np
from scipy.special import ndtri, stdtrit

from mlpkit.plugin import Array

JACKKNIFE = 20  # blocks; a metric of kept rows is recomputed once without each


def wilson(successes: Array, trials: Array, confidence: float) -> tuple[Array, Array]:
    """Wilson's score interval for a proportion; the number of trials may be an effective one.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.

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
    """The interval for a ratio of sums by Taylor linearisation and Student's t.

    The sums have shape (n_groups, n_blocks). If each row has a block of its own and weights are
    equal, it is the t interval of a mean.
    """
    n = used.sum(axis=-1)
    with np.errstate(all="ignore"):
        value = above.sum(axis=-1) / below.sum(axis=-1)
        residual = above - value[:, None] * below
        error = np.sqrt(n / (n - 1) * np.square(residual).sum(axis=-1)) / np.abs(below.sum(axis=-1))
        half = np.where(n > 1, stdtrit(n - 1, (1 + confidence) / 2) * error, np.nan)
    return value - half, value + half


def percentile(draws: Array, confidence: float) -> tuple[Array, Array]:
    """The percentile interval from bootstrap draws of shape (n_groups, n_draws).

    It is NaN if half of the draws of a group are undefined.
    """
    low, high = np.full(len(draws), np.nan), np.full(len(draws), np.nan)
    enough = np.isfinite(draws).mean(axis=1) > 0.5
    if enough.any():
        finite = np.where(np.isfinite(draws[enough]), draws[enough], np.nan)
        low[enough], high[enough] = np.nanquantile(
            finite, [(1 - confidence) / 2, (1 + confidence) / 2], axis=1
        )
    return low, high


def jackknife(value: float, left_out: Array, confidence: float) -> tuple[float, float]:
    """The jackknife interval (Tukey, 1958), with Student's t.

    ``left_out`` (n_blocks,) contains the value without each of the blocks.
    """
    n = len(left_out)
    if n < 2 or not np.isfinite(left_out).all():
        return math.nan, math.nan
    error = math.sqrt((n - 1) / n * float(np.square(left_out - left_out.mean()).sum()))
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * error
    return value - half, value + half
