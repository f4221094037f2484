"""The parameters of an estimator as one frozen record."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from os import PathLike
from typing import Any, Self

import numpy as np

LOSS = "loss"  # the value of `early_stopping_on` that stands for the loss of the network
# scikit-learn's optimizer keeps these from the first call of `partial_fit`, whatever is set later
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


@dataclass(frozen=True)
class Parameters:
    """The parameters that both estimators share, with the values of one call.

    `MLPClassifier` documents them.
    """

    loss: Any
    hidden_layer_sizes: Any
    activation: Any
    solver: Any
    alpha: float
    batch_size: int | str
    learning_rate: Any
    learning_rate_init: float
    power_t: float
    max_iter: int
    shuffle: bool
    random_state: int | np.random.RandomState | None
    tol: float
    verbose: bool | int
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    backend: Any
    backend_options: Mapping[str, Any] | None
    builder: Any
    builder_options: Mapping[str, Any] | None
    encoder: Any
    encoder_options: Mapping[str, Any] | None
    solver_options: Mapping[str, Any] | None
    loss_options: Mapping[str, Any] | None
    dropout: Any
    weight_decay_schedule: Any
    dropout_schedule: Any
    max_gradient_norm: float | None
    average_decay: float | None
    trainer: Any
    callbacks: Any
    dtype: str | None
    metrics: Any
    partitions: Any
    train_metrics: str
    metrics_window: int
    early_stopping_on: Any
    n_folds: int | None
    checkpoint: str | PathLike[str] | None
    checkpoint_every: int
    time_limit: float | None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The parameters among the values of an estimator, by name."""
        return cls(**{name: values[name] for name in NAMES})

    @cached_property
    def optimizer(self) -> dict[str, Any]:
        """The values of the parameters of the optimizer, by name."""
        return {name: getattr(self, name) for name in OPTIMIZER}

    def with_optimizer(self, optimizer: Mapping[str, Any]) -> "Parameters":
        """The parameters with other values of `optimizer`."""
        own = self.optimizer
        if optimizer is own or all(map(is_same, map(own.get, optimizer), optimizer.values())):
            return self
        return replace(self, **optimizer)


NAMES = tuple(field.name for field in fields(Parameters))


def is_same(a: Any, b: Any) -> bool:
    """Return whether two values of a parameter are equal; False if they cannot be compared.

    >>> is_same((5,), (5,)), is_same("a", "b"), is_same([np.ones(2)], [np.ones(2)])
    (True, False, True)
    """
    if a is b:
        return True
    try:
        return bool(a == b)
    except Exception:  # arrays, or what contains them
        return _is_same_by_element(a, b)


def _is_same_by_element(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(is_same(value, b[key]) for key, value in a.items())
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(is_same, a, b))
    return False


def copied(value: Any) -> Any:
    """Return a value with copies of the dicts, lists and arrays in it, which a user may change.

    >>> options = {"sizes": [1]}
    >>> own = copied(options)
    >>> options["sizes"].append(2)
    >>> own
    {'sizes': [1]}
    """
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: copied(element) for key, element in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(copied, value))
    return value
