"""Parameters into a `Recipe`: the one place where an estimator's settings are read."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from mlpkit.messages import did_you_mean, plain_repr
from mlpkit.objectives import losses
from mlpkit.plugin import (
    Backend,
    Builder,
    Callback,
    Loss,
    PluginError,
    Recipe,
    Solver,
    Spec,
    Trainer,
)
from mlpkit.registry.distributions import CORE
from mlpkit.registry.lookup import adapted, installed, resolve
from mlpkit.training.progress import shown_by_verbose

# what scikit-learn's optimizer keeps from its first call on, whatever is set later
OPTIMIZER = (
    "solver",
    "solver_options",
    "learning_rate",
    "learning_rate_init",
    "power_t",
    "momentum",
    "nesterovs_momentum",
    "beta_1",
    "beta_2",
    "epsilon",
)
BACKEND = "MLPKIT_BACKEND"  # the environment's choice where backend=None
FULL_BATCH = 200  # rows of a step with batch_size="auto", as scikit-learn has it


def solver_of(params: Mapping[str, Any]) -> Solver:
    """The solver, with the options that it declares taken from the parameters of that name."""
    given = params["solver"]
    if isinstance(given, Solver):
        if params["solver_options"]:
            raise ValueError("solver_options go with the name of a solver, not with a Solver.")
        return given
    if not isinstance(given, str):
        return _adapted_solver(given, params["solver_options"])
    plugin, component = installed().find("solver", given)
    # the estimator's own settings (momentum, beta_1 ...) have scikit-learn's defaults, which
    # are not those of another solver
    shared = component.options if plugin.distribution == CORE else ("backend",)
    known = {name: params[name] for name in shared if name in params and name in component.options}
    factory, options = resolve("solver", given, {**known, **(params["solver_options"] or {})})
    solver = factory(**options)
    if not isinstance(solver, Solver):
        raise PluginError(f"solver {given!r} must return mlpkit.plugin.Solver, not {solver!r}.")
    return solver


def _adapted_solver(given: Any, options: Mapping[str, Any] | None) -> Solver:
    solver = adapted("solver", given)
    if not isinstance(solver, Solver):
        raise ValueError(
            f"solver={given!r}: expected the name of a solver, a mlpkit.plugin.Solver, or an"
            " optimizer of a framework for which a plugin is installed."
        )
    if options:
        raise ValueError("solver_options go with the name of a solver, not with an optimizer.")
    return solver


def loss_of(given: Any, spec: Spec, options: Mapping[str, Any] | None = None) -> Loss:
    """The loss: that of the task for None, one of ours by its name and options, a `Loss`, or
    what an adapter makes of an object.

    ValueError for what is none, or does not fit the task.
    """
    own, options = spec.loss, options or {}
    names = losses.REGRESSION if spec.task == "regression" else ("log_loss",)
    if given is None or (isinstance(given, str) and given in (own.name, *names)):
        name = given if spec.task == "regression" and given else own.name
        return losses.named(name, options)
    if options:
        raise ValueError(
            f"loss={given!r}: loss_options go with the names"
            f" {' and '.join(map(repr, losses.WITH_OPTIONS))}. Give the settings to the object."
        )
    loss = given if isinstance(given, Loss) else adapted("loss", given, spec=spec)
    if not isinstance(loss, Loss):
        raise ValueError(
            f"loss={given!r}: expected {_alternatives(names)}, a mlpkit.plugin.Loss, or"
            " a loss of a framework for which a plugin is installed, as an object or as"
            f" 'framework.name'. {did_you_mean(str(given), names)}".rstrip()
        )
    fitting = ("identity", "exp") if spec.task == "regression" else (own.out_activation,)
    if loss.out_activation not in fitting:
        raise ValueError(
            f"loss={given!r}: its out_activation {loss.out_activation!r} does not fit the task"
            f" {spec.task!r}, whose outputs end in {' or '.join(map(repr, fitting))}."
        )
    return loss


def _alternatives(names: Iterable[str]) -> str:
    *most, last = map(repr, names)
    return f"{', '.join(most)} or {last}" if most else last


def has_steps(params: Mapping[str, Any]) -> bool:
    """Whether the solver works step by step, so that `partial_fit` makes sense."""
    try:
        return solver_of(params).has_steps
    except (ValueError, PluginError):
        return True  # partial_fit says what is wrong with it


def recipe_of(params: Mapping[str, Any], solver: Solver | None = None) -> Recipe:
    """How to train, from the parameters of an estimator; with a solver, by that one."""
    if solver is None:
        solver = solver_of(params)
    elif params["solver"] != "adam":  # the default
        raise ValueError(
            f"solver={params['solver']!r} is given, and the builder's model comes with a solver"
            " of its own (a model that is compiled does). Leave one out."
        )
    auto = params["batch_size"] == "auto"
    return Recipe(
        solver=solver,
        alpha=params["alpha"],
        batch_size=FULL_BATCH if auto else int(params["batch_size"]),
        schedule=params["learning_rate"],
        learning_rate_init=solver.learning_rate or params["learning_rate_init"],
        power_t=params["power_t"],
        max_iter=params["max_iter"],
        max_fun=params["max_fun"],
        shuffle=params["shuffle"],
        tol=params["tol"],
        n_iter_no_change=params["n_iter_no_change"],
    )


def backend_name(params: Mapping[str, Any]) -> str:
    """The backend's name: given, or the environment's, or NumPy."""
    given = params["backend"]
    if given is None:
        given = os.environ.get(BACKEND) or "numpy"
    return given if isinstance(given, str) else getattr(given, "__qualname__", repr(given))


def backend_of(params: Mapping[str, Any]) -> tuple[Backend, dict[str, Any]]:
    """The backend and its options."""
    given = params["backend"]
    if given is None:
        given = backend_name(params)
    try:
        return resolve("backend", given, params["backend_options"])
    except (ValueError, PluginError) as error:
        if params["backend"] is not None:
            raise
        if os.environ.get(BACKEND):
            source = f"The name comes from the environment variable {BACKEND}."
        else:
            source = f"No backend was given, so it is {given!r}: choose one with backend=."
        raise type(error)(f"{error} {source}") from error.__cause__


def builder_of(params: Mapping[str, Any]) -> tuple[Builder, dict[str, Any]]:
    """The builder and its options."""
    given = "dense" if params["builder"] is None else params["builder"]
    return resolve("builder", given, params["builder_options"])


def trainer_of(params: Mapping[str, Any], recipe: Recipe) -> Trainer:
    """The loop: given, or the one that the solver needs."""
    given = recipe.solver.trainer if params["trainer"] is None else params["trainer"]
    trainer, _ = resolve("trainer", given)
    return trainer  # type: ignore[no-any-return]


def given_callbacks(params: Mapping[str, Any], passes: int = 0) -> list[Any]:
    """The callbacks, one or a list, as they were given; verbose adds one.

    ``passes`` is as in `Task`.
    """
    given = params["callbacks"]
    if given is None:
        given = []
    elif isinstance(given, str) or callable(given) or not isinstance(given, Iterable):
        given = [given]
    named = list(given)
    if params["verbose"]:
        shown = shown_by_verbose(passes)
        named = [shown, *(c for c in named if not (isinstance(c, str) and c == shown))]
    return named


def callbacks_of(params: Mapping[str, Any], passes: int = 0, **context: Any) -> list[Callback]:
    """The callbacks, by name, as they are, or adapted; ``passes`` is as in `Task`."""
    named = given_callbacks(params, passes)
    found = [_named_callback(c, params) if isinstance(c, str) else c for c in named]
    return [adapted("callback", c, **context) or _callable(c) for c in found]


def _named_callback(name: str, params: Mapping[str, Any]) -> Any:
    plugin, component = installed().find("callback", name)
    own = component.options if plugin.distribution == CORE else ()
    return resolve("callback", name)[0](**{option: params[option] for option in own})


def _callable(given: Any) -> Callback:
    if not callable(given):
        raise ValueError(
            f"callbacks: {plain_repr(given)} is neither a name nor callable, and no installed"
            " plugin adapts it."
        )
    return given  # type: ignore[no-any-return]
