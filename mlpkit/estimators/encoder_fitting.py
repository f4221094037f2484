"""Fitting the encoder of an estimator."""

import reprlib
from collections.abc import Sequence
from inspect import signature
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import _is_fitted

from mlpkit.data.row_sources import StoredTable
from mlpkit.data.tables import n_rows_of, nested_columns
from mlpkit.estimators.dtypes import as_dtype
from mlpkit.estimators.encoder_interface import is_encoder
from mlpkit.estimators.encoding import Encoding
from mlpkit.messages import plain_repr
from mlpkit.plugin import Array, Column, Dataset, InvalidResult
from mlpkit.registry.labels import component_label
from mlpkit.registry.lookup import resolve
from mlpkit.training.parameters import Parameters
from mlpkit.training.support import declared


def fitted_encoding(
    parameters: Parameters, table: Dataset, data: Dataset, incremental: bool
) -> tuple[Encoding, Array]:
    """Return the fitted encoder and the encoded training rows.

    Parameters
    ----------
    parameters : Parameters
    table : Dataset
        The training rows, with the targets as the user passed them.
    data : Dataset
        The same rows with encoded targets and with class weights applied.
    incremental : bool
        Whether an encoder that is already fitted is used as it is, in `partial_fit`.
    """
    label = component_label("encoder", parameters.encoder)
    if incremental and _is_fitted_object(parameters.encoder):
        _check_options(parameters)
        encoder = parameters.encoder
        rows = encoder.transform(table.X)
    else:
        encoder = new_encoder(parameters, label)
        rows = fit_transform(encoder, label, table, data)
    encoding = encoding_of(parameters, label, encoder, rows)
    return encoding, as_dtype(encoding.checked(rows, n_rows_of(table.X)), parameters.dtype)


def encoding_of(parameters: Parameters, label: str, encoder: Any, rows: Any = None) -> Encoding:
    """Return the encoding of a fitted encoder, of which ``rows`` are encoded rows."""
    keeps_sparse = parameters.builder in (None, "dense") and "sparse_rows" in declared(parameters)
    columns = _columns(encoder, label, rows, getattr(encoder, "feature_names_in_", None))
    name, options = parameters.encoder, dict(parameters.encoder_options or {})
    origin = (name, options) if isinstance(name, str) else None
    return Encoding(encoder, label, columns, keeps_sparse, origin)


def new_encoder(parameters: Parameters, label: str) -> Any:
    """Return a new encoder: that of a name, or a clone of an object."""
    encoder = parameters.encoder
    if isinstance(encoder, str):
        factory, options = resolve("encoder", encoder, parameters.encoder_options)
        made = factory(**options)
        if not all(hasattr(type(made), n) for n in ("fit", "transform", "columns", "get_state")):
            raise InvalidResult(
                f"{label} returned {plain_repr(made)}; expected an object with the methods and"
                " properties of mlpkit.plugin.Encoder."
            )
        return made
    _check_options(parameters)
    if isinstance(encoder, type):
        raise ValueError(
            f"encoder must be an object, got the class {encoder.__name__}. Did you mean"
            f" encoder={encoder.__name__}()?"
        )
    return clone(encoder, safe=False)


def _check_options(parameters: Parameters) -> None:
    """Raise ValueError if there are options for an object."""
    if parameters.encoder_options:
        raise ValueError(
            "encoder_options requires the name of an encoder, got"
            f" {type(parameters.encoder).__name__}. Create the encoder with these options."
        )


def _is_fitted_object(encoder: Any) -> bool:
    return not isinstance(encoder, str | type) and _is_fitted(encoder)


def fit_transform(encoder: Any, label: str, table: Dataset, data: Dataset) -> Any:
    """Fit an encoder, and return the encoded rows, or for a table in files its own columns.

    An `Encoder` receives encoded targets, a transformer of scikit-learn those of the user.
    """
    y: Any = table.y
    if is_encoder(encoder):
        y = np.asarray(data.y, dtype=float)
        nested = {} if isinstance(table.X, StoredTable) else nested_columns(table.X)
        if nested:
            name, kind = next(iter(nested.items()))
            raise ValueError(
                f"X has nested values in column {name!r}: values of type {kind}. {label} accepts"
                " one value in each cell: a number, text, a boolean or a date."
            )
    weights: dict[str, Any] = {}
    if table.sample_weight is not None and "sample_weight" in signature(encoder.fit).parameters:
        weights["sample_weight"] = table.sample_weight
    if isinstance(table.X, StoredTable):
        return encoder.fit_columns(table.X, y, **weights)
    if hasattr(encoder, "fit_transform"):
        return encoder.fit_transform(table.X, y, **weights)
    return encoder.fit(table.X, y, **weights).transform(table.X)


def _columns(
    encoder: Any, label: str, rows: Any, sources: Sequence[str] | None
) -> tuple[Column, ...]:
    """Return the columns of encoded rows; those of a transformer of scikit-learn are numeric."""
    columns: Any = getattr(encoder, "columns", None)
    is_valid = isinstance(columns, tuple) and all(isinstance(c, Column) for c in columns)
    if is_valid and (columns or is_encoder(encoder)):
        return columns
    if is_encoder(encoder):
        raise InvalidResult(
            f"{label} has columns={reprlib.repr(columns)}; expected a tuple of"
            " mlpkit.plugin.Column."
        )
    n_columns = rows.shape[1] if len(getattr(rows, "shape", ())) == 2 else 1
    try:
        names = [str(name) for name in encoder.get_feature_names_out()]
    except (AttributeError, ValueError):
        names = []
    if len(names) != n_columns:
        names = [f"x{i}" for i in range(n_columns)]
    known = set() if sources is None else set(sources)
    return tuple(Column(name, name if name in known else "") for name in names)
