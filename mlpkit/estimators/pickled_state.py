"""The state of a pickled estimator: plain objects, the versions and the plugins that it needs."""

from collections.abc import Mapping
from typing import Any

from mlpkit.estimators import stored_versions
from mlpkit.estimators.fitted_state import REQUESTS, plain_state, restored_state
from mlpkit.estimators.records import plain, restored
from mlpkit.estimators.required_plugins import REQUIRED, check_plugins, required_plugins
from mlpkit.estimators.routing import parameter_defaults

CONTAINERS = (list, tuple, dict)  # types of parameters that may contain records


def pickled_state(names: list[str], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The state of an estimator for a pickle or a copy.

    Parameters
    ----------
    names : list of str
        The names of its parameters.
    attributes : dict
        Its attributes by name, parameters included.

    Returns
    -------
    dict
    """
    versions = stored_versions.versions_of(attributes, names)
    plain_parameters = {name: plain(attributes[name]) for name in names if name in attributes}
    stored = {**plain_state(names, attributes), **plain_parameters}
    plugins = required_plugins(attributes, stored)
    return {**plugins, **stored, stored_versions.STATE_KEY: versions}


def unpickled_state(
    cls: type, names: list[str], state: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attributes and the metadata requests of an estimator, from those of `pickled_state`.

    Parameters
    ----------
    cls : type
        The class of the estimator.
    names : list of str
        The names of its parameters.
    state : dict
        The state. Parameters that it lacks, which a later version added, get their defaults.

    Returns
    -------
    attributes : dict
    requests : dict
    """
    state = dict(state)
    versions = state.pop(stored_versions.STATE_KEY, {})
    # attributed to the caller of `pickle`
    stored_versions.warn_if_different(cls.__name__, versions, stacklevel=4)
    if any(name not in state for name in names):
        state = {**parameter_defaults(cls), **state}
    check_plugins(state)
    state.pop(REQUIRED, None)
    requests = state.pop(REQUESTS, {})
    containers = [name for name in names if type(state[name]) in CONTAINERS]
    state |= {name: restored(state[name]) for name in containers}
    return restored_state(state), requests
