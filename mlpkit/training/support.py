"""Checks before training that the backend supports what a fit requires, and names in errors."""

from collections.abc import Iterable
from typing import Any

from scipy.sparse import issparse

from mlpkit.monitoring.protocol import Monitor
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
from mlpkit.training.components import backend_name
from mlpkit.training.parameters import LOSS, Parameters


def declared(parameters: Parameters) -> tuple[Capability, ...]:
    """The capabilities that the backend declares; all, for an object that declares none."""
    backend = parameters.backend or backend_name(parameters)
    if isinstance(backend, str):
        return installed().find("backend", backend)[1].supports
    return getattr(backend, "supports", CAPABILITIES)


def check_network(parameters: Parameters, network: Network, spec: Spec, recipe: Recipe) -> None:
    """Raise PluginError if the backend does not support the network, its loss or its solver."""
    supported, required = declared(parameters), requirements(network, spec, recipe)
    for capability, kind in required.items():
        if capability not in supported:
            component = component_in_fit(kind, parameters, network, spec, recipe)
            raise PluginError(message(parameters, capability, component, required))


def check_rows(parameters: Parameters, X: Any) -> None:
    """Raise PluginError if X is sparse and the backend does not support sparse rows."""
    if issparse(X) and "sparse_rows" not in declared(parameters):
        raise PluginError(message(parameters, "sparse_rows", "sparse X"))


def check_steps(parameters: Parameters, spec: Spec, recipe: Recipe, monitor: Monitor) -> None:
    """Raise ValueError if something requires a solver that works in steps."""
    if recipe.solver.has_steps:
        return
    if any(spec.dropouts):
        raise ValueError(
            f"dropout={parameters.dropout!r} requires a solver that works in steps, such as"
            f" 'adam' or 'sgd'; {parameters.solver!r} minimizes one function of all rows. Set"
            " dropout=0.0."
        )
    if parameters.n_folds:
        raise ValueError(
            f"n_folds={parameters.n_folds} requires a solver that works in steps, such as 'adam';"
            f" {parameters.solver!r} does not. Set n_folds=None."
        )
    if monitor.scorer or parameters.early_stopping_on == LOSS:
        raise ValueError(
            "early_stopping_on requires a solver that works in steps, such as 'adam';"
            f" {parameters.solver!r} does not."
        )


def requirements(network: Network, spec: Spec, recipe: Recipe) -> dict[Capability, str]:
    """The capabilities that a fit requires, with the kind of component that requires each."""
    form: Capability = "dense_networks" if network.apply is None else "custom_networks"
    if network.xp_apply is not None:
        form = "portable_networks"
    required: dict[Capability, str] = {form: "builder"}
    if spec.loss.delta is None:
        required["losses_without_delta"] = "loss"
    if recipe.solver.joint is not None:
        required["joint_solvers"] = "solver"
    if not recipe.solver.has_steps:
        required["gradients"] = "solver"
    return required


def message(
    parameters: Parameters,
    capability: Capability,
    component: str,
    required: Iterable[Capability] = (),
) -> str:
    """The message about a missing capability, with the backends that support all requirements."""
    capabilities = {capability, *required}
    backends = [p.load().components.get("backend", {}) for p in installed().plugins]
    names = [c.name for b in backends for c in b.values() if capabilities <= set(c.supports)]
    remedies = [f"choose a backend that does ({', '.join(map(repr, names))})"] if names else []
    remedies += [REMEDY[capability]] if capability in REMEDY else []
    remedy = " or ".join(remedies)
    remedy = f"{remedy[0].upper()}{remedy[1:]}." if remedy else ""
    backend = component_label("backend", parameters.backend or backend_name(parameters))
    return unsupported(backend, capability, component, remedy)


def component_in_fit(
    kind: str, parameters: Parameters, network: Network, spec: Spec, recipe: Recipe
) -> str:
    """The component of a kind as messages mention it."""
    if kind == "loss":
        return f"loss {spec.loss.name!r}{plugin_suffix(spec.loss.rows, spec.loss.delta)}"
    if kind == "solver":
        joint, solver = recipe.solver.joint, network.solver or parameters.solver
        step = joint.update if joint else recipe.solver.update
        return component_label("solver", solver if isinstance(solver, str) else step)
    if kind == "trainer":
        return component_label("trainer", parameters.trainer or recipe.solver.trainer)
    if kind == "builder":
        return component_label("builder", parameters.builder or "dense")
    return component_label("backend", parameters.backend or backend_name(parameters))


def add_component_name(
    error: InvalidResult | Unsupported,
    parameters: Parameters,
    network: Network,
    spec: Spec,
    recipe: Recipe,
) -> None:
    """Add the name and the distribution of the component to the message of an error."""

    def name(kind: str) -> str:
        return component_in_fit(kind, parameters, network, spec, recipe)

    if isinstance(error, Unsupported):
        required = requirements(network, spec, recipe)
        error.args = (message(parameters, error.capability, name("solver"), required),)
    elif error.kind == "callback":
        error.args = (f"{component_label('callback', error.component)}: {error}",)
    elif error.kind == "fit":
        kinds = ["backend"]
        if str(getattr(spec.loss.rows, "__module__", "")).partition(".")[0] != CORE:
            kinds.insert(0, "loss")
        if parameters.trainer is not None:
            kinds.insert(0, "trainer")
        error.args = (f"{' or '.join(map(name, kinds))}: {error}",)
    elif error.kind:
        error.args = (f"{name(error.kind)}: {error}",)
    if isinstance(error, InvalidResult):
        error.kind, error.component = "", None  # added once, and picklable
