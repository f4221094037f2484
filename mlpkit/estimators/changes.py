"""Parameters of an estimator that changed since its last call."""

from collections.abc import Mapping
from operator import is_
from typing import Any, NamedTuple

from mlpkit.training.parameters import Parameters

# the parameters in a pickle, whose changes are detected after unpickling
PICKLED = (
    "builder",
    "builder_options",
    "encoder",
    "encoder_options",
    "loss",
    "loss_options",
    "dtype",
    "metrics",
    "partitions",
    "metrics_window",
)


class LastParameters(NamedTuple):
    """The parameters of the last call that fitted an estimator.

    ``values`` also contains parameters that a subclass adds; ``parameters`` is None after
    unpickling.
    """

    values: dict[str, Any]
    parameters: Parameters | None

    def has(self, values: dict[str, Any]) -> bool:
        """Return whether the values of the last call are the same objects."""
        last = self.values
        return len(last) == len(values) and all(map(is_, values.values(), last.values()))

    def changes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the old values of the parameters that have another value now, by name."""
        return {name: old for name, old in self.values.items() if not is_same(old, values[name])}

    def pickled(self, values: Mapping[str, Any]) -> "LastParameters":
        """Return the record for a pickle, in which replaced objects are represented by names."""
        last = self.values
        return LastParameters(
            {n: _picklable(last[n], values[n]) for n in PICKLED if n in last}, None
        )


class NamedObject:
    """Placeholder for an object in a pickle, which equals all objects of the same name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return self.name == _name(other)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return self.name


def _name(value: Any) -> str:
    """Return the qualified name of a function or a class, or else the representation."""
    if isinstance(value, NamedObject):
        return value.name
    return str(getattr(value, "__qualname__", repr(value)))


def _picklable(old: Any, new: Any) -> Any:
    """Return a form of the old value that can be pickled if the new value can."""
    if is_same(old, new):
        return new
    return old if old is None or isinstance(old, str | int | float) else NamedObject(_name(old))


def is_same(a: Any, b: Any) -> bool:
    """Return whether two values of a parameter are equal; False if they cannot be compared.

    >>> is_same((5,), (5,)), is_same("a", "b")
    (True, False)
    """
    if a is b:
        return True
    try:
        return bool(a == b)
    except Exception:
        return False
