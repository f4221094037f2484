"""Writing an estimator to a file without code."""

import os
from collections.abc import Mapping
from typing import Any

from mlpkit.estimators.callback_support import CALLBACK_ATTRIBUTES
from mlpkit.estimators.fitted_state import REQUESTS, plain_state
from mlpkit.estimators.records import record_for_file
from mlpkit.estimators.spec_state import adapted_loss_record
from mlpkit.estimators.stored_objects import Member, is_storable, member_of, structure_with
from mlpkit.estimators.stored_versions import versions_of
from mlpkit.files.archive import Archive, write_archive
from mlpkit.files.errors import NotStorable
from mlpkit.files.values import Path, Writer
from mlpkit.plugin import Loss, Partitioner
from mlpkit.registry.stored_names import stored_name

KIND = "estimator"  # kind of the file
# attributes that are entries of the content, and the names of these
ENTRIES = {
    "_targets": "targets",
    "_encoding": "encoder",
    "_network": "network",
    "_preset_layers": "preset_layers",
    "_progress": "progress",
    "_losses": "losses",
    "_optimizer": "optimizer",
    "_last_parameters": "last_parameters",
    "_class_weights": "class_weights",
    "_intervals": "intervals",
    "_stream": "stream",
    "metric_history_": "metric_history",
    REQUESTS: "metadata_requests",
}
OF_NETWORK = {"arrays": "weights", "optimizer_state": "optimizer_state", "layers": "layers"}
AS_ITEMS = ("parameters", "targets", "network")  # whose arrays are part of the schema
# the parameters that determine an entry
PARAMETERS = {"encoder": "encoder", "network": "builder", "stream": "partitions"}


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write an estimator to a file; see `FittedMLP.save`."""
    name = stored_name("estimator", type(estimator))
    if name is None:
        raise TypeError(_class_message(type(estimator).__name__))
    estimator._validate_params()
    content, members = content_of(estimator, name)
    objects = {member.file_name: member.stored.data for member in members}
    writer = Writer(lambda _, value: _record(value), AS_ITEMS)
    try:
        write_archive(path, KIND, Archive(content, objects), writer)
    except NotStorable as error:
        raise TypeError(_message(type(estimator).__name__, error.path, error.value)) from None


def _record(value: Any) -> dict[str, Any] | None:
    return value.record() if isinstance(value, Member) else record_for_file(value)


def content_of(estimator: Any, name: str) -> tuple[dict[str, Any], list[Member]]:
    """Return the content of a file, for a class with this name, and the objects in it."""
    attributes, names = dict(vars(estimator)), estimator._parameter_names
    versions = versions_of(attributes, names)
    state = plain_state(names, attributes)
    training = state.pop("_training", {})
    parameters = {n: state.pop(n) for n in names}
    entries = {entry: state.pop(n) for n, entry in ENTRIES.items() if state.get(n) is not None}
    network = entries.get("network", {})
    members = [_store_builder(parameters), _store_network(network, attributes)]
    _store_loss(network, attributes)
    arrays = {entry: network.pop(n) for n, entry in OF_NETWORK.items() if n in network}
    content = {
        "class": name,
        "versions": versions,
        "report": {**training, **report_of(attributes)},
        "parameters": parameters,
        "attributes": state,
        **entries,
        **arrays,
    }
    return content, [member for member in members if member is not None]


def _store_builder(parameters: dict[str, Any]) -> Member | None:
    """Replace a builder that a plugin stores by a member of the file."""
    member = member_of("builder", parameters.get("builder"), None, None)
    if member is not None:
        parameters["builder"] = member
    return member


def _store_network(state: dict[str, Any], attributes: Mapping[str, Any]) -> Member | None:
    """Replace the forward pass of a network that a plugin stores by a member of the file."""
    if not is_storable(state.get("structure")):
        return None
    network = attributes["_network"]
    apply, arrays, spec = network.structure.apply, network.arrays, network.spec
    member = member_of("network", apply, arrays, spec)
    if member is not None:
        state["structure"] = structure_with(member, network.structure, network.origin[0])
    return member


def _store_loss(state: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    """Replace a loss that a plugin adapts by its name."""
    last = attributes.get("_last_parameters")
    parameter = None if last is None else last.values.get("loss")
    if isinstance(state.get("loss"), Loss) and isinstance(parameter, str):
        state["loss"] = adapted_loss_record(parameter)


def report_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return how training ended, for those who read the schema; nothing depends on it."""
    if "_network" not in attributes:
        return {}
    scores = attributes.get("validation_scores_") or [None]
    return {
        "loss": _number(attributes.get("loss_")),
        "score": _number(scores[-1]),
        "backend": attributes["_network"].spec.backend,
    }


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _class_message(name: str) -> str:
    return (
        f"{name} cannot be saved, since files contain classes of the registry only. Register it in"
        " a plugin: a hook mlpkit_estimators that returns"
        f" [Component({name!r}, 'package.module:{name}')]. Or store it with joblib.dump(estimator,"
        " path)."
    )


def _message(cls: str, path: Path, value: Any) -> str:
    """The message for a value that cannot be stored, with the name of a parameter."""
    kind = getattr(value, "__qualname__", None) or type(value).__qualname__
    advice = "Use the name of a component instead"
    if isinstance(value, Partitioner):
        advice = "Create it with mlpkit.by(name, ...) instead"
    what, place = _owner(path)
    return (
        f"{cls} cannot be saved: {what} contains {kind!r}{f' (at {place})' if place else ''},"
        f" which can be stored only as code. {advice}, or store the estimator with"
        " joblib.dump(estimator, path)."
    )


def _owner(path: Path) -> tuple[str, str]:
    """Return what contains a value that cannot be stored, and where; "" if it is the value."""
    entry, *rest = path
    place = ".".join(map(str, rest))
    if entry == "attributes" and rest[0] in CALLBACK_ATTRIBUTES:
        return "a callback of set_callbacks", ""
    if entry in ("parameters", "attributes"):
        return f"the {str(entry)[:-1]} {rest[0]}", "" if len(rest) == 1 else place
    place = f"{entry}.{place}"
    if entry == "optimizer":
        return f"the last value of the parameter {rest[0]}", place
    if path[:2] == ("network", "loss"):
        return "the fitted object of the parameter loss", place
    if entry in PARAMETERS:
        return f"the fitted object of the parameter {PARAMETERS[str(entry)]}", place
    return "it", place
