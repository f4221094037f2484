"""Parameters that were changed between the calls of an estimator."""

from collections.abc import Mapping
from operator import is_
from typing import Any, NamedTuple

from mlpkit.training.parameters import Parameters

# a pickle contains these, so that a change is noticed after it was loaded
PICKLED = (
    "builder",
    "builder_options",
    "loss",
    "loss_options",
    "dtype",
    "metrics",
    "partitions",
    "metrics_window",
)


class LastCall(NamedTuple):
    """The parameters of the last call that fitted an estimator.

    ``values`` also contains parameters that a subclass adds; ``parameters`` is None after
    unpickling.
    """

    values: dict[str, Any]
    parameters: Parameters | None

    def has(self, values: dict[str, Any]) -> bool:
        """Whether the last call had the very same values."""
        last = self.values
        return len(last) == len(values) and all(map(is_, values.values(), last.values()))

    def changes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that have another value now, with their old values."""
        return {name: old for name, old in self.values.items() if not is_same(old, values[name])}

    def pickled(self, values: Mapping[str, Any]) -> "LastCall":
        """The record for a pickle; objects that are no longer parameters become names."""
        last = self.values
        return LastCall({n: _kept(last[n], values[n]) for n in PICKLED if n in last}, None)


class NamedObject:
    """Stands in a pickle for an object, and equals objects of the same name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return self.name == _name(other)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name


def _name(value: Any) -> str:
    if isinstance(value, NamedObject):
        return value.name
    return str(getattr(value, "__qualname__", repr(value)))


def _kept(old: Any, new: Any) -> Any:
    if is_same(old, new):
        return new
    return old if old is None or isinstance(old, str | int | float) else NamedObject(_name(old))


def is_same(a: Any, b: Any) -> bool:
    """Whether two values of a parameter are equal; False if they cannot be compared.

    >>> is_same((5,), (5,)), is_same("a", "b")
    (True, False)
    """
    if a is b:
        return True
    try:
        return bool(a == b)
    except Exception:
        return False
