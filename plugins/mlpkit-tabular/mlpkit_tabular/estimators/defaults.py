"""The values that the estimators choose by the task and the number of rows.

They were chosen by the scores of validation rows on 14 tables.
"""

import math
import os
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, NamedTuple

from sklearn.utils._param_validation import Interval, StrOptions

from mlpkit import Cycles

AUTO = "auto"
_AUTO = StrOptions({AUTO})

#: Constraints of the parameters that other estimators do not have, or that may be "auto".
CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left"), _AUTO],
    "n_members": [Interval(Integral, 1, None, closed="left"), _AUTO],
    "n_folds": [Interval(Integral, 2, None, closed="left"), _AUTO, None],
    "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple, _AUTO],
    "weight_decay": [Interval(Real, 0, None, closed="left"), _AUTO],
}
BATCH_SIZES = ((20_000, 128), (100_000, 256))  # up to so many rows, and the rows of a step
LARGEST_BATCH = 512
FEW_ROWS, MANY_ROWS = 3_000, 10_000


class Preset(NamedTuple):
    """The values of the parameters of the same names."""

    hidden_layer_sizes: tuple[int, ...]
    n_members: int
    n_folds: int | None
    dropout: float
    weight_decay: float
    loss: str | None = None
    max_cycles: int = 6


def preset(n_rows: int, classification: bool) -> Preset:
    """The values for so many training rows.

    With few rows, networks are smaller and more regular, and there are folds: there are too few
    rows to choose the best epoch of a single network.

    >>> [preset(n, classification=True).n_folds for n in (1_000, 5_000, 50_000)]
    [4, 4, None]
    """
    if n_rows >= MANY_ROWS:
        dropout, decay, loss = (0.15, 0.1, None) if classification else (0.1, 0.03, "squared_error")
        return Preset((192, 192), 8, None, dropout, decay, loss)
    dropout, decay, loss = (0.4, 1.0, None) if classification else (0.2, 0.3, "huber")
    if n_rows < FEW_ROWS:  # longer training costs much and gains nothing
        return Preset((96, 96), 8, 4, dropout, decay, loss, max_cycles=3)
    return Preset((96, 96), 16, 4, dropout, decay, loss)


def batch_size(n_rows: int) -> int:
    """The number of rows of a step.

    >>> batch_size(1_000), batch_size(50_000), batch_size(1_000_000)
    (128, 256, 512)
    """
    return next((size for limit, size in BATCH_SIZES if n_rows <= limit), LARGEST_BATCH)


def with_backend(parameters: Any) -> Any:
    """The parameters with a backend that can train the networks, if none is chosen."""
    if parameters.backend is None and not os.environ.get("MLPKIT_BACKEND"):
        return replace(parameters, backend="jax")
    return parameters


def resolved(estimator: Any, parameters: Any, call: Any, classification: bool) -> Any:
    """The parameters with values in place of "auto", and options of the builder and the solver.

    Parameters
    ----------
    estimator : TabularClassifier or TabularRegressor
    parameters : object
        The parameters that all estimators share.
    call : object
        What the values depend on: `n_rows`, `incremental`, `has_validation` and `spec`.
    classification : bool
        Whether the estimator is a classifier.
    """
    values = preset(call.n_rows, classification)
    if parameters.builder != "tabm":  # the strong ones were measured with an ensemble of members
        usual = preset(MANY_ROWS, classification)
        values = values._replace(dropout=usual.dropout, weight_decay=usual.weight_decay)
    n_members = _chosen(estimator.n_members, values.n_members)
    weight_decay = _chosen(estimator.weight_decay, values.weight_decay)
    builder = {"n_members": n_members} if parameters.builder == "tabm" else {}
    solver = {"weight_decay": weight_decay} if parameters.solver == "adamw" else {}
    sizes = _chosen(parameters.hidden_layer_sizes, values.hidden_layer_sizes)
    dropout = _chosen(parameters.dropout, values.dropout)
    folds = None if call.has_validation else values.n_folds
    if folds is not None and call.n_rows > 1:
        folds = min(folds, call.n_rows)
    n_folds = _chosen(parameters.n_folds, folds)
    if call.incremental:
        n_folds = None
    if call.spec is not None:  # a fitted network stays as it is
        _check_members(estimator, parameters)
        n_folds = call.spec.n_models or None
        sizes = _chosen(parameters.hidden_layer_sizes, call.spec.hidden_layer_sizes)
        dropout = _chosen(parameters.dropout, call.spec.dropout)
    loss: Any = "squared_error"  # the other one is for standardized targets
    if call.spec is not None:
        loss = call.spec.loss
    elif not classification and estimator.standardize_targets:
        loss = values.loss
    loss = _chosen(parameters.loss, loss)
    trainer = parameters.trainer
    if trainer == "cycles":
        trainer = Cycles(max_cycles=values.max_cycles)
    size = parameters.batch_size
    if size == AUTO and not call.incremental:
        size = min(batch_size(call.n_rows), _n_kept(parameters, call, n_folds))
    return replace(
        parameters,
        hidden_layer_sizes=sizes,
        dropout=dropout,
        n_folds=n_folds,
        loss=loss,
        trainer=trainer,
        batch_size=size,
        builder_options={**builder, **(parameters.builder_options or {})},
        solver_options={**solver, **(parameters.solver_options or {})},
        early_stopping_on=None if call.incremental else parameters.early_stopping_on,
    )


def _check_members(estimator: Any, parameters: Any) -> None:
    """Raise ValueError if the fitted network has another number of members."""
    fitted = estimator._network.structure.n_members
    if parameters.builder == "tabm" and estimator.n_members not in (AUTO, fitted):
        raise ValueError(
            f"n_members={estimator.n_members} differs from the fitted network, which has {fitted}"
            f" members. Set n_members={fitted}, or fit a new network with warm_start=False."
        )


def _chosen(value: Any, automatic: Any) -> Any:
    return automatic if isinstance(value, str) and value == AUTO else value


def _n_kept(parameters: Any, call: Any, n_folds: int | None) -> int:
    """The smallest number of rows that a model is trained on, at least 1."""
    fraction = 1 / n_folds if n_folds else parameters.validation_fraction
    held = 0 if call.has_validation and not n_folds else math.ceil(call.n_rows * fraction)
    return max(1, int(call.n_rows) - held)
