"""The predictions of a fitted model from encoded rows, for exporters.

The functions work on arrays of any framework, through a namespace `xp`, so an exporter that has
such a namespace converts dense networks and all networks with an `xp_apply`.
"""

from typing import Any, NamedTuple

import numpy as np

from mlpkit.backend_kit.members import mean_of_members
from mlpkit.backend_kit.models import checked_outputs, outputs_of_models
from mlpkit.backend_kit.quantiles import ascending, central
from mlpkit.plugin import FittedModel, Namespace, Network, Task


class ModelOutputs(NamedTuple):
    """What a fitted model computes for encoded rows.

    Parameters
    ----------
    outputs : array of shape (n, n_outputs)
        The activated outputs of the network, the mean over its members. They determine the labels
        that a classifier predicts: the largest one of several classes, or whether an output is
        above 0.5.
    values : array of shape (n, n_outputs), or (n, n_quantiles)
        Calibrated probabilities, or predictions in the units of y. With quantiles, these are the
        predictions of all of them.
    prediction : int or None
        The column of `values` that a regressor predicts, if they are quantiles.
    """

    outputs: Any
    values: Any
    prediction: int | None = None


def predictions(xp: Namespace, model: FittedModel, arrays: Any, x: Any) -> ModelOutputs:
    """Return the predictions for encoded rows.

    Parameters
    ----------
    xp : namespace
        A namespace with the functions of `mlpkit.plugin.NAMESPACE`.
    model : FittedModel
        A model with a dense network or with an `xp_apply`.
    arrays : dict of arrays
        The weights of the network, as arrays of the namespace.
    x : array of shape (n, n_columns)
        Encoded rows, in the dtype of the weights.

    Returns
    -------
    ModelOutputs
        In float64 if predictions are standardized or clipped, else in the dtype of the weights.

    Raises
    ------
    ValueError
        If the network has an `apply`.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpkit import MLPRegressor
    >>> reg = MLPRegressor("squared_error", (4,), "tanh", random_state=0).initialize(3)
    >>> model, X = reg.export(lambda model: model), np.ones((2, 3), "float32")
    >>> values = predictions(np, model, model.network.arrays, X).values
    >>> np.testing.assert_allclose(values[:, 0], reg.predict(X))
    """
    z = _network_outputs(xp, model, arrays, x)
    activation = model.spec.loss.out_activation
    if model.temperature != 1.0:
        # the log-odds of probabilities close to 1 depend on their rounding
        outputs = mean_of_members(xp, _activated(xp, activation, z, exactly=True))
        return ModelOutputs(outputs, _scaled(xp, model.spec.task, outputs, model.temperature))
    outputs = mean_of_members(xp, _activated(xp, activation, z))
    if model.quantiles is None:
        return ModelOutputs(outputs, _in_units(xp, model, outputs))
    center = central(model.quantiles)
    values = xp.stack(ascending(xp, outputs, center), axis=1)
    return ModelOutputs(outputs, _in_units(xp, model, values), center)


def _network_outputs(xp: Namespace, model: FittedModel, arrays: Any, x: Any) -> Any:
    """Outputs of the network before their activation, (n, n_outputs) or (n, n_members, n_outputs).

    With several models, their members are counted together.
    """
    network, spec = model.network, model.spec
    if network.apply is not None:
        raise ValueError("Only a dense network or one with an xp_apply can be evaluated in xp.")
    if network.xp_apply is None:
        activations = (*spec.activations, "identity")
        for i, activation in enumerate(activations):
            x = xp.matmul(x, arrays[f"coef_{i}"]) + arrays[f"intercept_{i}"]
            x = x if activation == "identity" else getattr(xp, activation)(x)
        return x
    return _portable_outputs(xp, network, arrays, x)


def _portable_outputs(xp: Namespace, network: Network, arrays: Any, x: Any) -> Any:
    n_models, apply = network.n_models, network.xp_apply
    assert apply is not None

    def forward(rows: Any) -> Any:
        shape: tuple[int, ...] = (rows.shape[0],)
        if n_models:
            shape = (n_models, rows.shape[0] // n_models)
            rows = xp.reshape(rows, (*shape, rows.shape[1]))
        z, _ = apply(xp, arrays, rows, None)
        return checked_outputs(xp, z, shape, network.n_members)

    return outputs_of_models(xp, forward, x, n_models)


def _activated(xp: Namespace, activation: str, z: Any, exactly: bool = False) -> Any:
    """Activated outputs; ``exactly`` with the rounding of NumPy, also of numbers close to 1."""
    if activation == "logistic":
        return 1 / (1 + xp.exp(-z))  # some functions of frameworks are inaccurate close to 0
    if activation == "softmax" and exactly:
        e = xp.exp(z - xp.max(z, axis=-1, keepdims=True))
        return e / xp.sum(e, axis=-1, keepdims=True)
    return z if activation == "identity" else getattr(xp, activation)(z)


def _scaled(xp: Namespace, task: Task, p: Any, temperature: float) -> Any:
    """Probabilities with their log-odds, or their logarithms, divided by a temperature."""
    limits = np.finfo("float64" if "64" in str(p.dtype) else "float32")
    inner = xp.astype(p, xp.float64)
    if task == "multiclass":
        scores = xp.log(xp.maximum(inner, float(limits.tiny)))
        return xp.astype(xp.softmax(scores / temperature, axis=1), p.dtype)
    inner = xp.clip(inner, float(limits.tiny), float(1 - limits.epsneg))
    scores = xp.log(inner) - xp.log1p(-inner)
    return xp.astype(xp.sigmoid(scores / temperature), p.dtype)


def _in_units(xp: Namespace, model: FittedModel, values: Any) -> Any:
    """Predictions in the units of y, clipped to their range."""

    def number(a: Any) -> Any:
        return xp.asarray(a, dtype=xp.float64)

    if model.deviation is not None:
        values = xp.astype(values, xp.float64) * number(model.deviation) + number(model.mean)
    if model.low is not None:
        values = xp.maximum(xp.astype(values, xp.float64), number(model.low))
        values = xp.minimum(values, number(model.high))
    return values
