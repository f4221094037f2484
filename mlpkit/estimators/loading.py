"""Reading an estimator from a file."""

import os
from collections.abc import Mapping
from typing import Any

from mlpkit.estimators import stored_versions
from mlpkit.estimators.file_checks import check_attributes, check_can_predict, check_sources
from mlpkit.estimators.fitted import FittedMLP
from mlpkit.estimators.fitted_state import REQUESTS, restored_state, with_requests
from mlpkit.estimators.records import object_of
from mlpkit.estimators.routing import parameter_defaults
from mlpkit.estimators.saving import ENTRIES, KIND, OF_NETWORK
from mlpkit.estimators.stored_objects import KIND as OBJECT
from mlpkit.estimators.stored_objects import restored_member, stored_member
from mlpkit.files.archive import errors_of, read_archive
from mlpkit.files.errors import InvalidFile, problem_of
from mlpkit.files.fields import Fields
from mlpkit.files.values import TYPE
from mlpkit.plugin import PluginError
from mlpkit.registry.stored_names import required


def load(path: str | os.PathLike[str]) -> Any:
    """Read an estimator from a file that ``estimator.save`` wrote.

    The file is read without executing code from it, and names in it refer to installed components
    only, so files of unknown origin can be read. Arrays are not copied.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    estimator : object
        An estimator of the class that was saved, such as `MLPClassifier`.

    Raises
    ------
    InvalidFile
        If it is not a file of mlpkit, is damaged, or was written by a newer version.
    PluginError
        If it requires a plugin that is not installed.
    OSError
        If the file does not exist or cannot be opened.
    TypeError
        If ``path`` is not a path, but for example an open file.

    Warns
    -----
    InconsistentVersionWarning
        If it was saved with another version of mlpkit or of a plugin.

    Examples
    --------
    >>> import os, tempfile
    >>> import mlpkit
    >>> reg = mlpkit.MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, tol=1.0, n_iter_no_change=1)
    >>> reg = reg.fit([[0.0], [1.0]], [0.0, 1.0])
    >>> path = os.path.join(tempfile.mkdtemp(), "model.mlpkit")
    >>> reg.save(path)
    >>> bool((mlpkit.load(path).predict([[0.5]]) == reg.predict([[0.5]])).all())
    True
    """
    path = os.fspath(path)
    try:
        content = read_archive(path, KIND, _object)
        with errors_of(path):
            estimator, versions = _estimator_of(Fields(content))
    except (InvalidFile, PluginError, OSError):
        raise
    except Exception as error:  # of an encoder or a builder
        reason = f"it is damaged: {type(error).__name__}: {problem_of(error)}"
        raise InvalidFile(path, reason) from error
    stored_versions.warn_if_different(type(estimator).__name__, versions)
    return estimator


def _object(fields: dict[str, Any], objects: Mapping[str, bytes]) -> Any:
    """Return the object of a record in a file with these members."""
    if fields[TYPE] == OBJECT:
        return stored_member(Fields(fields, OBJECT), objects)
    return object_of(fields)


def _estimator_of(content: Fields) -> tuple[FittedMLP, dict[str, str]]:
    """Return the estimator of a content, and the versions that it was saved with."""
    cls, _ = required("estimator", content.text("class"))
    if not (isinstance(cls, type) and issubclass(cls, FittedMLP)):
        raise content.invalid("class", cls, "a subclass of MLPClassifier or MLPRegressor")
    versions = content.fields("versions")
    state: dict[str, Any] = {**_parameters(cls, content), **check_attributes(cls, content)}
    for name, entry in ENTRIES.items():
        if content.has(entry):
            state[name] = content.value(entry)
    if "_network" in state:
        arrays = {n: content.values.get(entry) for n, entry in OF_NETWORK.items()}
        state["_network"] = {**content.fields("network").values, **arrays}
        check_sources(state["_network"])
    if content.fields("report").values:
        state["_training"] = _training(content.fields("report"))
    requests = state.pop(REQUESTS, {})
    estimator = object.__new__(cls)
    estimator.__dict__.update(restored_state(state))
    estimator._validate_params()
    with_requests(estimator, requests)
    check_can_predict(estimator)
    return estimator, {name: versions.text(name) for name in versions.values}


def _training(report: Fields) -> dict[str, Any]:
    note = report.text("note") if report.has("note") else None
    return {"epochs": report.integer("epochs"), "seconds": report.number("seconds"), "note": note}


def _parameters(cls: Any, content: Fields) -> Mapping[str, Any]:
    """The parameters of a content; those that it does not have have their defaults."""
    parameters = content.fields("parameters")
    names = cls._parameter_names
    if unknown := sorted(set(map(str, parameters.values)) - set(names)):
        raise parameters.unknown(unknown[0])
    defaults = parameter_defaults(cls)
    values = {name: parameters.values.get(name, defaults.get(name)) for name in names}
    return {name: restored_member(value, name, None) for name, value in values.items()}
