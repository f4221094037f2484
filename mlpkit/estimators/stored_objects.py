"""Objects of plugins in files: builders, and the forward passes of their networks."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from mlpkit.files.fields import Fields
from mlpkit.files.values import TYPE
from mlpkit.plugin import Arrays, Network, Spec, StoredObject
from mlpkit.registry.lookup import adapted
from mlpkit.registry.stored_names import required

KIND = "object"  # kind of the record
NAMES = ("decayed", "frozen")
FACTORS = ("learning_rate_factors", "weight_decay_factors")


class Member(NamedTuple):
    """An object that is a member of a file of its own."""

    name: str
    adapter: str
    stored: StoredObject

    @property
    def file_name(self) -> str:
        """Name of the member."""
        return f"{self.name}.{self.stored.suffix}"

    def record(self) -> dict[str, Any]:
        """Return what refers to the member in the schema."""
        return {
            TYPE: KIND,
            "adapter": self.adapter,
            "name": self.name,
            "suffix": self.stored.suffix,
            "settings": dict(self.stored.settings),
        }


class StoredMember(NamedTuple):
    """An object in a file, which its plugin has not restored yet."""

    name: str
    adapt: Callable[..., Any]
    stored: StoredObject


def member_of(name: str, value: Any, arrays: Arrays | None, spec: Spec | None) -> Member | None:
    """Return the member for an object, or None if no plugin stores it."""
    if value is None or isinstance(value, str):
        return None
    stored = adapted("stored", value, arrays=arrays, spec=spec)
    adapter = str(type(value).__module__).partition(".")[0]
    return Member(name, adapter, stored) if isinstance(stored, StoredObject) else None


def stored_member(entries: Fields, objects: Mapping[str, bytes]) -> StoredMember:
    """Return the member that a record refers to; raise ValueError if there is none.

    Raises PluginError if its plugin is not installed.
    """
    name, suffix = entries.text("name"), entries.text("suffix")
    data = objects.get(f"{name}.{suffix}")
    if data is None:
        raise entries.invalid("name", name, "a member of the file")
    adapt, _ = required("adapter", entries.text("adapter"))
    return StoredMember(name, adapt, StoredObject(suffix, data, entries.fields("settings").values))


def restored_member(value: Any, name: str, arrays: Arrays | None) -> Any:
    """Return the object of a member of this name, or another value as it is.

    Raises ValueError if its content is invalid.
    """
    if not (isinstance(value, StoredMember) and value.name == name):
        return value
    return value.adapt("restored", value.stored, arrays=arrays)


def structure_with(member: Member, structure: Network, builder: Any) -> dict[str, Any]:
    """Return the structure of a network as plain values, with a member for its `apply`.

    The name of its builder is for readers of the schema.
    """
    name = builder if isinstance(builder, str) else getattr(builder, "__qualname__", "")
    return {
        "form": KIND,
        "builder": str(name),
        "apply": member,
        **{name: sorted(getattr(structure, name)) for name in NAMES},
        **{name: dict(getattr(structure, name)) for name in FACTORS},
        "has_dropout": structure.has_dropout,
    }


def is_storable(structure: Any) -> bool:
    """Return whether a structure consists of an `apply` and plain values."""
    if not isinstance(structure, Network) or structure.apply is None:
        return False
    rest = structure.loss, structure.solver, structure.metrics
    return rest == (None, None, ())
