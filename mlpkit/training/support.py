"""What a fit needs of its backend, against what the backend declares: checked before training."""

from collections.abc import Iterable, Mapping
from typing import Any

from scipy.sparse import issparse

from mlpkit.plugin import (
    CAPABILITIES,
    Capability,
    InvalidResult,
    Network,
    PluginError,
    Recipe,
    Spec,
    Unsupported,
)
from mlpkit.plugin.capabilities import REMEDY, unsupported
from mlpkit.registry.distributions import CORE
from mlpkit.registry.labels import component_label, plugin_suffix
from mlpkit.registry.lookup import installed
from mlpkit.training.recipe import backend_name


def declared(params: Mapping[str, Any]) -> tuple[Capability, ...]:
    """What the backend of these parameters declares; an object that does not is assumed to
    support everything.
    """
    given = params["backend"] or backend_name(params)
    if isinstance(given, str):
        return installed().find("backend", given)[1].supports
    return getattr(given, "supports", CAPABILITIES)


def check_network(params: Mapping[str, Any], network: Network, spec: Spec, recipe: Recipe) -> None:
    """PluginError if the backend does not support the network, its loss or its solver."""
    supports, needs = declared(params), needed(network, spec, recipe)
    for capability, kind in needs.items():
        if capability not in supports:
            asks = called(kind, params, network, spec, recipe)
            raise PluginError(message(params, capability, asks, needs))


def check_rows(params: Mapping[str, Any], X: Any) -> None:
    """PluginError if X is sparse and the backend does not support that."""
    if issparse(X) and "sparse_rows" not in declared(params):
        raise PluginError(message(params, "sparse_rows", "sparse X"))


def needed(network: Network, spec: Spec, recipe: Recipe) -> dict[Capability, str]:
    """What goes beyond what every backend supports, and the kind of component that needs it."""
    dense = network.apply is None
    needs: dict[Capability, str] = {"dense_networks" if dense else "custom_networks": "builder"}
    if spec.loss.delta is None:
        needs["losses_without_delta"] = "loss"
    if recipe.solver.joint is not None:
        needs["joint_solvers"] = "solver"
    if not recipe.solver.has_steps:
        needs["gradients"] = "solver"
    return needs


def message(
    params: Mapping[str, Any], capability: Capability, asks: str, needs: Iterable[Capability] = ()
) -> str:
    """The backend, what it does not support, what needs it, and which backends would do."""
    every = {capability, *needs}
    offered = [p.load().components.get("backend", {}) for p in installed().plugins]
    able = [c.name for named in offered for c in named.values() if every <= set(c.supports)]
    ways = [f"choose a backend that does ({', '.join(map(repr, able))})"] if able else []
    ways += [REMEDY[capability]] if capability in REMEDY else []
    others = " or ".join(ways)
    others = f"{others[0].upper()}{others[1:]}." if others else ""
    backend = component_label("backend", params["backend"] or backend_name(params))
    return unsupported(backend, capability, asks, others)


def called(
    kind: str, params: Mapping[str, Any], network: Network, spec: Spec, recipe: Recipe
) -> str:
    """What messages call the component of this kind in a fit."""
    if kind == "loss":
        return f"loss {spec.loss.name!r}{plugin_suffix(spec.loss.rows, spec.loss.delta)}"
    if kind == "solver":
        joint, given = recipe.solver.joint, network.solver or params["solver"]
        step = joint.update if joint else recipe.solver.update
        return component_label("solver", given if isinstance(given, str) else step)
    if kind == "trainer":
        return component_label("trainer", params["trainer"] or recipe.solver.trainer)
    if kind == "builder":
        return component_label("builder", params["builder"] or "dense")
    return component_label("backend", params["backend"] or backend_name(params))


def name_in(
    error: InvalidResult | Unsupported,
    params: Mapping[str, Any],
    network: Network,
    spec: Spec,
    recipe: Recipe,
) -> None:
    """Put the name and the distribution of the component into an error of a fit."""

    def name(kind: str) -> str:
        return called(kind, params, network, spec, recipe)

    if isinstance(error, Unsupported):
        needs = needed(network, spec, recipe)
        error.args = (message(params, error.capability, name("solver"), needs),)
    elif error.kind == "callback":
        error.args = (f"{component_label('callback', error.component)}: {error}",)
    elif error.kind == "fit":
        kinds = ["backend"]
        if str(getattr(spec.loss.rows, "__module__", "")).partition(".")[0] != CORE:
            kinds.insert(0, "loss")
        if params["trainer"] is not None:
            kinds.insert(0, "trainer")
        error.args = (f"{' or '.join(map(name, kinds))}: {error}",)
    elif error.kind:
        error.args = (f"{name(error.kind)}: {error}",)
    if isinstance(error, InvalidResult):
        error.kind, error.component = "", None  # it is named once, and can be pickled
