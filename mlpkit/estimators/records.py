"""Parameters that are objects, as records of the components that recreate them.

A record is a dict of plain values with the key "$", which is the kind of the object.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlpkit.estimators.changes import NamedObject
from mlpkit.estimators.encoder_interface import is_encoder
from mlpkit.files.fields import Fields
from mlpkit.files.values import TYPE
from mlpkit.objectives import schedules
from mlpkit.plugin import Partitioner, Solver
from mlpkit.registry.lookup import installed
from mlpkit.registry.stored_names import required, stored_name
from mlpkit.training.cycles import Cycles

SIMPLE = (type(None), bool, int, float, str, bytes, np.ndarray, np.generic)
BIT_GENERATOR = "MT19937"  # the bit generator of a RandomState


def record_of(value: Any) -> dict[str, Any] | None:
    """Return the record of an object, whose values may be objects with records; None without one.

    >>> from mlpkit import by_quantile
    >>> record_of(by_quantile("age", 3))
    {'$': 'partitioner', 'name': 'quantile', 'options': {'column': 'age', 'n': 3, 'name': None}}
    """
    if isinstance(value, Partitioner):
        if value.origin is None:
            return None
        name, options = value.origin
        return {TYPE: "partitioner", "name": name, "options": dict(options)}
    if isinstance(value, Path):
        return {TYPE: "path", "value": str(value)}
    if isinstance(value, NamedObject):
        return {TYPE: "replaced", "name": value.name}
    if isinstance(value, Solver):
        return _solver_record(value)
    if (schedule := schedules.record_of(value)) is not None:
        return {TYPE: "schedule", **schedule}
    if is_dataclass(value) and callable(value):
        return _trainer_record(value)
    if is_encoder(value):
        return encoder_record(value)
    return None


def record_for_file(value: Any) -> dict[str, Any] | None:
    """Return the record of an object, also of a generator of random numbers."""
    if type(value) is np.random.RandomState:
        name, keys, position, has_gauss, gauss = value.get_state(legacy=True)
        if name == BIT_GENERATOR:
            state = {"keys": keys, "position": position, "has_gauss": has_gauss, "gauss": gauss}
            return {TYPE: "random_state", **state}
    return record_of(value)


def object_of(record: Any) -> Any:
    """Return the object of a record; raise ValueError for an invalid record.

    Raises PluginError if it requires a plugin that is not installed.
    """
    entries = Fields(record, "object")
    make = MAKERS.get(entries.text(TYPE))
    if make is None:
        raise entries.invalid(TYPE, record[TYPE], f"one of {', '.join(MAKERS)}")
    return make(entries)


def plain(value: Any) -> Any:
    """Return a value with records in place of the objects that have some.

    The result is the value itself if there are none.
    """
    if isinstance(value, SIMPLE):
        return value
    if type(value) is list or type(value) is tuple:
        items = [plain(item) for item in value]
        changed = any(a is not b for a, b in zip(items, value, strict=True))
        return type(value)(items) if changed else value
    if type(value) is dict:
        return _plain_dict(value)
    record = record_of(value)
    return value if record is None else {key: plain(item) for key, item in record.items()}


def restored(value: Any) -> Any:
    """Return the inverse of `plain`."""
    if type(value) is list or type(value) is tuple:
        items = [restored(item) for item in value]
        changed = any(a is not b for a, b in zip(items, value, strict=True))
        return type(value)(items) if changed else value
    if type(value) is not dict:
        return value
    if value.get(TYPE) == "dict":
        return {restored(key): restored(item) for key, item in value["items"]}
    made = {key: restored(item) for key, item in value.items()}
    if TYPE in value:
        return object_of(made)
    return made if any(made[key] is not value[key] for key in made) else value


def _plain_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    made = {key: plain(item) for key, item in value.items()}
    if TYPE in value:  # a dict of the user that looks like a record
        return {TYPE: "dict", "items": [[key, item] for key, item in made.items()]}
    return made if any(made[key] is not value[key] for key in made) else value


def encoder_record(encoder: Any) -> dict[str, Any] | None:
    """Return the record of an encoder whose class is a component, with what it has learned."""
    name = stored_name("encoder", type(encoder))
    if name is None or not hasattr(encoder, "get_params"):
        return None
    record: dict[str, Any] = {TYPE: "encoder", "name": name}
    record["options"] = encoder.get_params(deep=False)
    if hasattr(encoder, "__sklearn_is_fitted__") and encoder.__sklearn_is_fitted__():
        record["arrays"], record["settings"] = encoder.get_state()
    return record


def encoder_of(entries: Fields) -> Any:
    """Return the encoder of a record; raise ValueError if what it has learned is invalid."""
    factory, options = _component("encoder", entries)
    encoder = factory(**options)
    if entries.has("arrays"):
        encoder.set_state(entries.fields("arrays").values, entries.value("settings", dict))
    return encoder


def _partitioner(entries: Fields) -> Any:
    name, options = entries.text("name"), entries.fields("options").values
    if name == "cross":
        from mlpkit.partitions.crossing import cross

        return cross(*options["partitions"], name=options["name"])
    factory, options = required("partitioner", name, options)
    return factory(**options)._replace(origin=(name, options))


def _solver_record(solver: Solver) -> dict[str, Any] | None:
    """The record of a solver that a built-in component returns for the options of the solver."""
    for name in ("adam", "adamw", "sgd", "lbfgs"):
        factory, component = installed().resolve("solver", name)
        own = {**solver.options, "weight_decay": solver.weight_decay}
        own["nesterovs_momentum"] = bool(own.get("nesterov"))
        options = {o: own[o] for o in component.options if o in own}
        if solver.name == name and factory(**options) == solver:
            return {TYPE: "solver", "name": name, "options": options}
    return None


def _solver(entries: Fields) -> Any:
    factory, options = _component("solver", entries)
    return factory(**options)


def _trainer_record(trainer: Any) -> dict[str, Any] | None:
    """The record of `Cycles` with other values than the component of this name."""
    if type(trainer) is not Cycles:
        return None
    options = {f.name: getattr(trainer, f.name) for f in fields(trainer)}
    return {TYPE: "trainer", "name": "cycles", "options": options}


def _trainer(entries: Fields) -> Any:
    entries.text("name", ("cycles",))
    return replace(Cycles(), **entries.fields("options").values)


def _component(kind: Any, entries: Fields) -> tuple[Any, dict[str, Any]]:
    return required(kind, entries.text("name"), entries.fields("options").values)


def _random_state(entries: Fields) -> np.random.RandomState:
    keys = entries.array("keys", (624,), "u")
    position = entries.integer("position", most=624)
    has_gauss, gauss = entries.integer("has_gauss", most=1), float(entries.number("gauss"))
    state = np.random.RandomState(0)
    state.set_state((BIT_GENERATOR, keys, position, has_gauss, gauss))
    return state


def _schedule(entries: Fields) -> Any:
    values: Mapping[str, Any] = {k: v for k, v in entries.values.items() if k != TYPE}
    return schedules.from_record(**values)


MAKERS: dict[str, Callable[[Fields], Any]] = {
    "encoder": encoder_of,
    "partitioner": _partitioner,
    "path": lambda entries: Path(entries.text("value")),
    "random_state": _random_state,
    "replaced": lambda entries: NamedObject(entries.text("name")),
    "schedule": _schedule,
    "solver": _solver,
    "trainer": _trainer,
}
