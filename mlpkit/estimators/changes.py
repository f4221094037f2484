"""Parameters of an estimator that changed since its last call."""

from collections.abc import Mapping
from itertools import repeat
from operator import is_
from typing import Any, NamedTuple

from mlpkit.files.fields import Fields
from mlpkit.training.parameters import Parameters, is_same

# the parameters whose changes are detected after loading
STORED = (
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

    ``values`` also contains parameters that a subclass adds; ``parameters`` is None after loading.
    """

    values: dict[str, Any]
    parameters: Parameters | None

    def are_those_of(self, estimator: Any) -> bool:
        """Return whether the estimator has the same objects as in the last call."""
        present = map(vars(estimator).get, self.values, repeat(self))  # self: not an attribute
        return self.parameters is not None and all(map(is_, present, self.values.values()))

    def changes(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the old values of the parameters that have another value now, by name."""
        return {name: old for name, old in self.values.items() if not is_same(old, values[name])}

    def stored(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is stored, where ``values`` are the parameters now.

        The names of the parameters that have not changed, and the old values of others, in which
        objects are represented by names.
        """
        last = {name: self.values[name] for name in STORED if name in self.values}
        same = [name for name, old in last.items() if is_same(old, values[name])]
        other = {name: _storable(old) for name, old in last.items() if name not in same}
        return {"same": same, "old": other}

    @classmethod
    def of_stored(cls, stored: Any, values: Mapping[str, Any]) -> "LastParameters":
        """Return the record that `stored` describes; raise ValueError if it is invalid."""
        entries = Fields(stored, "last_parameters")
        same = {name: values[name] for name in entries.texts("same")}
        last = {**same, **entries.fields("old").values}
        return cls({name: last[name] for name in STORED if name in last}, None)


class NamedObject:
    """Placeholder for an object that was not stored, which equals all objects of the same name."""

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


def _storable(old: Any) -> Any:
    """Return a form of the old value that can be stored."""
    return old if old is None or isinstance(old, str | int | float) else NamedObject(_name(old))
