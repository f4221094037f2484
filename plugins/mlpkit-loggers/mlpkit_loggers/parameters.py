"""The parameters of a fit that are logged."""

from typing import Any

from mlpkit.plugin import Recipe, Spec

OF_SPEC = ("task", "n_features", "n_outputs", "n_rows", "hidden_layer_sizes", "activation")
OF_FIT = ("dtype", "backend", "seed", "dropout")
OF_RECIPE = (
    "alpha",
    "batch_size",
    "learning_rate_init",
    "power_t",
    "max_iter",
    "shuffle",
    "tol",
    "n_iter_no_change",
    "max_gradient_norm",
    "average_decay",
)
SCHEDULES = ("weight_decay_schedule", "dropout_schedule")


def parameters_of(spec: Spec, recipe: Recipe) -> dict[str, Any]:
    """Return the parameters of a fit by name, as numbers and strings."""
    solver = recipe.solver
    values: dict[str, Any] = {name: getattr(spec, name) for name in OF_SPEC}
    values["loss"] = spec.loss.name
    values |= {name: getattr(spec, name) for name in OF_FIT}
    values["solver"] = solver.name
    values |= {f"solver.{name}": value for name, value in solver.options.items()}
    values |= {name: getattr(recipe, name) for name in OF_RECIPE}
    values["learning_rate"] = _name(recipe.schedule)
    values |= {name: _name(getattr(recipe, name)) for name in SCHEDULES}
    return {name: value for name, value in values.items() if value is not None}


def _name(schedule: Any) -> Any:
    """The name of a schedule that is a function."""
    if schedule is None or isinstance(schedule, str):
        return schedule
    return getattr(schedule, "__qualname__", None) or repr(schedule)
