"""The options that make a report a gate, such as --max log_loss=0.4."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from mlpkit.messages import escaped


class Limits(NamedTuple):
    """Limits of metrics by name."""

    minimum: dict[str, float]
    maximum: dict[str, float]
    max_difference: dict[str, float]
    min_ratio: dict[str, float]

    @property
    def metrics(self) -> list[str]:
        """The names of all metrics that have a limit."""
        return list(dict.fromkeys(name for limits in self for name in limits))

    def check(self, report: Any, significant: bool) -> list[Any]:
        """Return the violated limits."""
        values = {f"min_{name}": limit for name, limit in self.minimum.items()}
        values |= {f"max_{name}": limit for name, limit in self.maximum.items()}
        failures: list[Any] = report.check(
            significant=significant,
            raises=False,
            max_difference=self.max_difference,
            min_ratio=self.min_ratio,
            **values,
        )
        return failures


def limits_of(option: str, texts: Iterable[str]) -> dict[str, float]:
    """Return the limits of ``METRIC=NUMBER`` arguments by metric.

    >>> limits_of("--max", ["log_loss=0.4", "mae=2"])
    {'log_loss': 0.4, 'mae': 2.0}
    """
    limits = {}
    for text in texts:
        name, equals, number = text.partition("=")
        try:
            limit = float(number)
        except ValueError:
            limit = float("nan")
        if not equals or not name.strip() or limit != limit:
            raise ValueError(
                f"{option} requires METRIC=NUMBER, as in log_loss=0.4, got {escaped(text)!r}"
            )
        limits[name.strip()] = limit
    return limits
