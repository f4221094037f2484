"""Schedules: factors of a learning rate, a weight decay or dropout as functions of the progress.

The progress t of a step ranges from 0, the start of training, to 1, its planned end. Equal
schedules compare equal and can be pickled.
"""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from mlpkit.messages import did_you_mean, plain_repr
from mlpkit.plugin import Array, Schedule


def constant(t: Array) -> Array:
    """Return 1.

    Parameters
    ----------
    t : ndarray
        The progress of each step, from 0 to 1.

    Returns
    -------
    ndarray
        The factor of each step.

    Examples
    --------
    >>> constant(np.array([0.0, 0.5, 1.0]))
    array([1., 1., 1.])
    """
    return np.ones_like(t)


def linear(t: Array) -> Array:
    """Return ``1 - t``.

    Parameters
    ----------
    t : ndarray
        The progress of each step, from 0 to 1.

    Returns
    -------
    ndarray
        The factor of each step.

    Examples
    --------
    >>> linear(np.array([0.0, 0.25, 1.0]))
    array([1.  , 0.75, 0.  ])
    """
    return 1 - t


def cosine(t: Array) -> Array:
    """Return ``(1 + cos(pi t)) / 2`` (Loshchilov and Hutter, 2017, arXiv:1608.03983).

    Parameters
    ----------
    t : ndarray
        The progress of each step, from 0 to 1.

    Returns
    -------
    ndarray
        The factor of each step.

    Examples
    --------
    >>> cosine(np.array([0.0, 0.5, 1.0])).round(6)
    array([1. , 0.5, 0. ])
    """
    return np.asarray((1 + np.cos(np.pi * t)) / 2)


def coslog4(t: Array) -> Array:
    """Return ``(1 - cos(2 pi log2(1 + 15 t))) / 2`` (Holzmüller et al., 2024, arXiv:2407.04491).

    It has four cycles, each twice as long as the previous one.

    Parameters
    ----------
    t : ndarray
        The progress of each step, from 0 to 1.

    Returns
    -------
    ndarray
        The factor of each step.

    Examples
    --------
    >>> coslog4(np.array([0.0, 0.2, 7 / 15, 1.0])).round(6)
    array([0., 0., 0., 0.])
    """
    return np.asarray((1 - np.cos(2 * np.pi * np.log2(1 + 15 * t))) / 2)


def flat_cosine(t: Array) -> Array:
    """Return 1 until ``t = 1 / 2``, and then ``(1 + cos(pi (2 t - 1))) / 2``.

    Parameters
    ----------
    t : ndarray
        The progress of each step, from 0 to 1.

    Returns
    -------
    ndarray
        The factor of each step.

    Examples
    --------
    >>> flat_cosine(np.array([0.0, 0.5, 0.75, 1.0])).round(6)
    array([1. , 1. , 0.5, 0. ])
    """
    return cosine(np.clip(2 * t - 1, 0, 1))


@dataclass(frozen=True)
class Warmup:
    """A schedule that rises linearly from 0 to 1 before another one; see `warmup`."""

    fraction: float
    then: Schedule

    def __call__(self, t: Array) -> Array:
        """Return the factors."""
        after = self.then(np.clip((t - self.fraction) / (1 - self.fraction), 0, 1))
        return np.where(t < self.fraction, t / self.fraction if self.fraction else 1, after)


def warmup(fraction: float = 0.05, then: str | Schedule = cosine) -> Warmup:
    """Return a schedule that rises linearly from 0 to 1 before another one.

    Parameters
    ----------
    fraction : float, default=0.05
        The fraction of training in which it rises, in [0, 1).
    then : str or Schedule, default=cosine
        The schedule of the rest of training, whose progress starts at 0: a function or its name.

    Returns
    -------
    Schedule

    Examples
    --------
    >>> warmup(0.2, then=linear)(np.array([0.0, 0.1, 0.2, 0.6, 1.0]))
    array([0. , 0.5, 1. , 0.5, 0. ])
    """
    is_number = isinstance(fraction, Real) and not isinstance(fraction, bool)
    if not is_number or not 0 <= fraction < 1:
        raise ValueError(f"fraction must be at least 0 and less than 1, got {fraction!r}.")
    schedule = SCHEDULES.get(then) if isinstance(then, str) else then
    if not callable(schedule):
        raise ValueError(
            f"then must be a function or one of {', '.join(map(repr, SCHEDULES))}, got"
            f" {plain_repr(then)}. {did_you_mean(str(then), SCHEDULES)}".rstrip()
        )
    return Warmup(float(fraction), schedule)


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "coslog4": coslog4,
    "flat_cosine": flat_cosine,
    "warmup_cosine": warmup(),
}


def record_of(schedule: Any) -> dict[str, Any] | None:
    """Return what recreates a schedule of this module, or None for another object.

    >>> record_of(linear), record_of(warmup(0.2, linear))
    ({'name': 'linear'}, {'name': 'warmup', 'fraction': 0.2, 'then': <function linear ...>})
    """
    if type(schedule) is Warmup:
        return {"name": "warmup", "fraction": schedule.fraction, "then": schedule.then}
    for name, known in SCHEDULES.items():
        if known is schedule:
            return {"name": name}
    return None


def from_record(name: str, fraction: Any = None, then: Any = None) -> Schedule:
    """Return the schedule that `record_of` describes; raise ValueError if there is none."""
    if name == "warmup":
        return warmup(fraction, then)
    if name not in SCHEDULES:
        raise ValueError(f"unknown schedule {name!r:.100}")
    return SCHEDULES[name]


def named(schedule: Any) -> Any:
    """Return the schedule with this name. Anything that is not a string is returned as it is.

    >>> named("cosine") is cosine
    True
    """
    return SCHEDULES[schedule] if isinstance(schedule, str) else schedule


def factors(
    schedule: Callable[[Array], Any], t: Array, parameter: str, largest: float = np.inf
) -> Array:
    """Return the factors of a schedule at the progress t, (n_steps,).

    ``parameter`` is the name of the schedule in messages. Raises ValueError unless the factors are
    finite numbers from 0 to ``largest``.

    >>> factors(lambda t: 1 - t**2, np.array([0.0, 0.5]), "learning_rate")
    array([1.  , 0.75])
    """
    returned = schedule(t)
    try:
        values = np.asarray(returned, float)
        if values.shape != t.shape:
            values = np.broadcast_to(values, t.shape)
        low, high = values.min(), values.max()
        is_valid = 0 <= low and high <= largest and high < np.inf
    except (TypeError, ValueError):
        is_valid = False
    if not is_valid:
        expected = "finite numbers >= 0" if largest == np.inf else f"numbers from 0 to {largest:g}"
        raise ValueError(
            f"the schedule {parameter} returned {_line(returned)} for the progress {_line(t)};"
            f" expected {expected}, one for each. Write it with functions of NumPy, such as"
            " np.where."
        )
    return values


def _line(value: Any) -> str:
    return " ".join(plain_repr(value).split())
