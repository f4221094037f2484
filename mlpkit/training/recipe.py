"""From parameters to the solver, the loss and the recipe of a fit."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from mlpkit.messages import did_you_mean, plain_repr
from mlpkit.objectives import losses, schedules
from mlpkit.objectives.averaging import averaging
from mlpkit.plugin import Loss, PluginError, Recipe, Solver, Spec
from mlpkit.registry.distributions import CORE
from mlpkit.registry.lookup import adapted, installed, resolve
from mlpkit.registry.spellings import canonical_name
from mlpkit.training.parameters import NAMES, Parameters

OF_SKLEARN = ("constant", "invscaling", "adaptive")  # schedules of the learning rate
FULL_BATCH = 200  # rows of a step with batch_size="auto", as in scikit-learn


def solver_of(parameters: Parameters) -> Solver:
    """The solver. Options that it declares are taken from the parameters of the same name."""
    solver, options = parameters.solver, parameters.solver_options
    if isinstance(solver, Solver):
        if options:
            raise ValueError(
                "solver_options requires the name of a solver, got a Solver. Create the Solver"
                " with these options."
            )
        return solver
    if not isinstance(solver, str):
        return _adapted_solver(solver, options)
    plugin, component = installed().find("solver", solver)
    # momentum, beta_1 and so on have scikit-learn's defaults, which are not those of a plugin
    shared = component.options if plugin.distribution == CORE else ("backend",)
    own = {n: getattr(parameters, n) for n in shared if n in NAMES and n in component.options}
    factory, options = resolve("solver", solver, {**own, **(options or {})})
    made = factory(**options)
    if not isinstance(made, Solver):
        raise PluginError(f"solver {solver!r} must return an mlpkit.plugin.Solver, got {made!r}.")
    return made


def _adapted_solver(optimizer: Any, options: Mapping[str, Any] | None) -> Solver:
    solver = adapted("solver", optimizer)
    if not isinstance(solver, Solver):
        raise ValueError(
            "solver must be the name of a solver, an mlpkit.plugin.Solver, or an optimizer of a"
            f" framework for which a plugin is installed, got {plain_repr(optimizer)}."
        )
    if options:
        raise ValueError(
            "solver_options requires the name of a solver, got an optimizer. Create the"
            " optimizer with these options."
        )
    return solver


def loss_of(loss: Any, spec: Spec, options: Mapping[str, Any] | None = None) -> Loss:
    """The loss of the task for None, a built-in one by name, a `Loss`, or an adapted object.

    Raises ValueError if it is none of these or does not fit the task.
    """
    default, options = spec.loss, options or {}
    names = losses.REGRESSION if spec.task == "regression" else ("log_loss",)
    if loss is None or (isinstance(loss, str) and loss in (default.name, *names)):
        name = loss if spec.task == "regression" and loss else default.name
        return losses.named(name, options)
    if options:
        raise ValueError(
            "loss_options requires the name of a loss with options"
            f" ({', '.join(map(repr, losses.WITH_OPTIONS))}), got loss={plain_repr(loss)}."
            " Create the loss with these options."
        )
    made = loss if isinstance(loss, Loss) else adapted("loss", loss, spec=spec)
    if not isinstance(made, Loss):
        raise ValueError(
            f"loss must be {_alternatives(names)}, an mlpkit.plugin.Loss, or a loss of a framework"
            " for which a plugin is installed, as an object or as 'framework.name', got"
            f" {plain_repr(loss)}. {_suggested_loss(loss, names)}".rstrip()
        )
    fitting = ("identity", "exp") if spec.task == "regression" else (default.out_activation,)
    if made.out_activation not in fitting:
        raise ValueError(
            f"loss={plain_repr(loss)} has out_activation={made.out_activation!r}, which does not"
            f" fit the task {spec.task!r}: it requires {' or '.join(map(repr, fitting))}."
        )
    return made


def _suggested_loss(loss: Any, names: Iterable[str]) -> str:
    """Return a question that suggests one of the names, or "" if none is similar."""
    known = list(names)
    spelled = canonical_name("loss", loss, known) if isinstance(loss, str) else ""
    return did_you_mean(spelled or str(loss), known)


def _alternatives(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))


def has_steps(parameters: Parameters) -> bool:
    """Whether the solver works in steps, which `partial_fit` requires."""
    try:
        return solver_of(parameters).has_steps
    except (ValueError, PluginError):
        return True  # `partial_fit` raises the error


def recipe_of(parameters: Parameters, solver: Solver | None = None) -> Recipe:
    """The recipe of the parameters. A solver that the network brings replaces theirs."""
    if solver is None:
        solver = solver_of(parameters)
    elif parameters.solver != "adam":  # the default
        raise ValueError(
            f"solver={plain_repr(parameters.solver)} conflicts with the solver of the builder's"
            " model (a compiled model has one). Remove one of them."
        )
    shared = {f.name for f in fields(Recipe)} & set(NAMES) - {"solver", "batch_size"}
    auto = parameters.batch_size == "auto"
    values = {name: getattr(parameters, name) for name in shared}
    values["learning_rate_init"] = solver.learning_rate or parameters.learning_rate_init
    for name in ("weight_decay_schedule", "dropout_schedule"):
        values[name] = schedules.named(getattr(parameters, name))
    schedule: Any = parameters.learning_rate
    decay = parameters.average_decay
    return Recipe(
        solver=solver if decay is None else averaging(solver, float(decay)),
        batch_size=FULL_BATCH if auto else int(parameters.batch_size),
        schedule=schedule if schedule in OF_SKLEARN else schedules.named(schedule),
        **values,
    )
