"""The estimator of a fit: its class by name or by default, and its parameters."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

from sklearn.utils import get_tags

from mlpkit.commands.fitting.tasks import Task
from mlpkit.messages import comma_separated, did_you_mean, escaped
from mlpkit.registry.distributions import TABLE_ESTIMATORS
from mlpkit.registry.lookup import installed

CORE: Mapping[Task, str] = {"classification": "MLPClassifier", "regression": "MLPRegressor"}
TYPES: Mapping[Task, str] = {"classification": "classifier", "regression": "regressor"}
TABLE_ENCODER, NUMBER_ENCODER = "tabular", "standard"


def default_estimator(task: Task) -> str:
    """Return the name of the estimator of tables if its plugin is installed, else of the core's."""
    name = TABLE_ESTIMATORS[task]
    return name if name in installed().names("estimator") else CORE[task]


def estimator_class(name: str, task: Task) -> type:
    """Return the class of an estimator by its name.

    Raises ValueError if there is none of this name, or if it is for another task.
    """
    factory: type
    factory, _ = installed().resolve("estimator", name)
    other: Task = "regression" if task == "classification" else "classification"
    if get_tags(factory()).estimator_type != TYPES[task]:
        raise ValueError(
            f"--estimator: {escaped(name)} is for {other}, but the task is {task}. Pass"
            f" --estimator {default_estimator(task)} or --task {other}."
        )
    return factory


def checked_parameters(cls: type, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters; ValueError for one that the class does not have."""
    known = list(signature(cls).parameters)
    for name in parameters:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ValueError(
                f"--set: {cls.__name__} has no parameter {escaped(name)!r}. {hint}".rstrip()
                + (f" Its parameters are: {comma_separated(known)}." if not hint else "")
            )
    return dict(parameters)


def with_defaults(cls: type, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with the defaults of the command line.

    An estimator that has no encoder by default gets one: "tabular" if it is installed, else
    "standard". It keeps the weights of the epoch with the best validation loss, unless other
    criteria are set or its solver works on all rows at once. Targets of a regression are
    standardized.
    """
    own = {name: p.default for name, p in signature(cls).parameters.items()}
    defaults: dict[str, Any] = {}
    if own.get("encoder", ...) is None:
        names = installed().names("encoder")
        defaults["encoder"] = TABLE_ENCODER if TABLE_ENCODER in names else NUMBER_ENCODER
    stops = {"early_stopping", "early_stopping_on"} & parameters.keys()
    in_steps = parameters.get("solver") != "lbfgs"
    if own.get("early_stopping_on", ...) is None and in_steps and not stops:
        defaults["early_stopping_on"] = "loss"
    is_plain = own.get("standardize_targets", ...) is False
    if is_plain and parameters.get("loss") != "poisson":
        defaults["standardize_targets"] = True
    return {**defaults, **parameters}


def accepts_text(cls: type, parameters: Mapping[str, Any]) -> bool:
    """Return whether the estimator encodes columns of any kind."""
    default = signature(cls).parameters["encoder"].default
    return parameters.get("encoder", default) not in (None, NUMBER_ENCODER)


def made(cls: type, parameters: Mapping[str, Any]) -> Any:
    """Return an estimator; raise ValueError for a value or a backend that it cannot have."""
    estimator = cls(**parameters)
    estimator._validate_params()  # before training, and before anything is printed
    if isinstance(estimator.backend, str):
        installed().resolve("backend", estimator.backend)
    return estimator
