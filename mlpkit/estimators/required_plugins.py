"""The plugins that a stored estimator requires."""

from collections.abc import Mapping
from typing import Any

from mlpkit.estimators.network_state import sources_of_state
from mlpkit.files.fields import Fields
from mlpkit.plugin import Network
from mlpkit.registry.provenance import RequiredPlugins, restore_required_plugins

REQUIRED = "_required_plugins"  # the entry in the state of an estimator


def required_plugins(attributes: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first entry of a pickle that contains objects of plugins, or nothing.

    A missing plugin is then reported before the import of an object fails. ``state`` is the plain
    state of the attributes.
    """
    network = attributes.get("_network")
    if network is None or not network.sources:
        return {}
    encoder = state.get("_encoding", {}).get("encoder", {})
    if isinstance(encoder, dict) and not isinstance(state["_network"]["structure"], Network):
        return {}  # `check_plugins` reports it
    return {REQUIRED: RequiredPlugins(network.sources, network.is_dense, network.is_portable)}


def check_plugins(state: Mapping[str, Any]) -> None:
    """Raise PluginError if a plugin that a plain state requires is not installed."""
    if REQUIRED in state or "_network" not in state:
        return
    fields = Fields(state["_network"], "network")
    form = fields.fields("structure").text("form") if fields.has_dict("structure") else ""
    restore_required_plugins(sources_of_state(fields), form == "dense", form == "builder")
