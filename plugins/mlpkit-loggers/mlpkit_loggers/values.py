"""The values of a report that are logged, and their names."""

import math
from collections.abc import Callable, Iterator

from mlpkit.plugin import Report

LONGEST = 80  # characters of a part of a name: three of them and separators are below 250


def values_of(report: Report) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield the parts of the name of each value, and the value.

    A metric has the parts split and metric. That of a group has the parts split, metric with
    partitioner, and group, so that no name begins with all parts of another one: a file store of
    MLflow makes folders of all parts but the last. Undefined metrics, which are NaN, are left out.
    """
    yield ("loss",), report.loss
    yield ("learning_rate",), report.learning_rate
    yield ("seconds",), report.seconds
    if report.monitored is not None:
        criterion, value = report.monitored
        yield ("early_stopping_on", criterion), value
    elif report.score is not None:
        yield ("score",), report.score
    for metric in report.metrics():
        if math.isnan(metric.value):
            continue
        if metric.partitioner == "all":
            yield (metric.split, metric.metric), metric.value
        else:
            grouped = f"{metric.metric} by {metric.partitioner}"
            yield (metric.split, grouped, metric.partition), metric.value


class Names:
    """Unique names, which consist of cleaned parts with slashes between them.

    Parameters
    ----------
    clean : callable
        ``clean(part)`` returns the part without characters that are not allowed.

    Examples
    --------
    >>> names = Names(lambda part: part.replace("<", "_").replace(">", "_"))
    >>> names(("train", "age < 30")), names(("train", "age > 30")), names(("train", "age < 30"))
    ('train/age _ 30', 'train/age _ 30_2', 'train/age _ 30')
    """

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean
        self._names: dict[tuple[str, ...], str] = {}
        self._taken: set[str] = set()

    def __call__(self, parts: tuple[str, ...]) -> str:
        """Return the name for these parts, the same one in each call."""
        if parts not in self._names:
            first = name = "/".join(self._clean(part)[:LONGEST] or "_" for part in parts)
            number = 2
            while name in self._taken:
                name, number = f"{first}_{number}", number + 1
            self._taken.add(name)
            self._names[parts] = name
        return self._names[parts]
