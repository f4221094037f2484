"""The values that the estimators choose by the number of rows."""

import math
import os
from dataclasses import replace
from numbers import Integral, Real
from typing import Any

from sklearn.utils._param_validation import Interval, StrOptions

#: Constraints of the parameters that other estimators do not have.
CONSTRAINTS: dict[str, list[Any]] = {
    "n_members": [Interval(Integral, 1, None, closed="left")],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "n_folds": [Interval(Integral, 2, None, closed="left"), StrOptions({"auto"}), None],
}

BATCH_SIZES = ((20_000, 128), (100_000, 256))  # up to so many rows, and the rows of a step
LARGEST_BATCH = 512
FOLDS = ((10_000, 5),)  # up to so many rows, and the number of folds


def batch_size(n_rows: int) -> int:
    """The number of rows of a step.

    >>> batch_size(1_000), batch_size(50_000), batch_size(1_000_000)
    (128, 256, 512)
    """
    return next((size for limit, size in BATCH_SIZES if n_rows <= limit), LARGEST_BATCH)


def n_folds(n_rows: int) -> int | None:
    """The number of folds; None is one model.

    >>> n_folds(1_000), n_folds(100_000)
    (5, None)
    """
    return next((folds for limit, folds in FOLDS if n_rows <= limit), None)


def with_backend(parameters: Any) -> Any:
    """The parameters with a backend that can train the networks, if none is chosen."""
    if parameters.backend is None and not os.environ.get("MLPKIT_BACKEND"):
        return replace(parameters, backend="jax")
    return parameters


def resolved(estimator: Any, parameters: Any, call: Any) -> Any:
    """The parameters with values in place of "auto", and options of the builder and the solver.

    Parameters
    ----------
    estimator : TabularClassifier or TabularRegressor
    parameters : object
        The parameters that all estimators share.
    call : object
        What the values depend on: `n_rows`, `incremental`, `has_validation` and `n_models`.
    """
    folds, size = parameters.n_folds, parameters.batch_size
    if call.n_models is not None:
        folds = call.n_models or None
    elif call.incremental or (folds == "auto" and call.has_validation):
        folds = None
    elif folds == "auto":
        folds = n_folds(call.n_rows)
    if size == "auto" and not call.incremental:
        size = min(batch_size(call.n_rows), _n_kept(parameters, call, folds))
    builder = {"n_members": estimator.n_members} if parameters.builder == "tabm" else {}
    solver = {"weight_decay": estimator.weight_decay} if parameters.solver == "adamw" else {}
    return replace(
        parameters,
        n_folds=folds,
        batch_size=size,
        builder_options={**builder, **(parameters.builder_options or {})},
        solver_options={**solver, **(parameters.solver_options or {})},
        early_stopping_on=None if call.incremental else parameters.early_stopping_on,
    )


def _n_kept(parameters: Any, call: Any, folds: int | None) -> int:
    """The smallest number of rows that a model is trained on, at least 1."""
    fraction = 1 / folds if folds else parameters.validation_fraction
    held = 0 if call.has_validation and not folds else math.ceil(call.n_rows * fraction)
    return max(1, call.n_rows - held)
