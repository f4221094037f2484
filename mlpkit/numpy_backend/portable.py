"""Predictions of a network with an `xp_apply`, computed by NumPy."""

from typing import Any

import numpy as np
from scipy.sparse import issparse

from mlpkit.backend_kit import OneThread, checked_outputs, outputs_of_models, rows_within
from mlpkit.numpy_backend import namespace as xp
from mlpkit.numpy_backend.activations import ACTIVATIONS
from mlpkit.numpy_backend.shared_work import PART_FLOPS, share
from mlpkit.plugin import Array, Network

BLOCK_ROWS = 256  # of all members and models: the block of a layer stays in the cache


def outputs(network: Network, X: Array) -> Array:
    """Return the outputs before activation, in the form of `Steps.outputs`.

    X has shape (n, n_features), and the dtype of the network.

    >>> def apply(xp, arrays, x, step=None):
    ...     return xp.matmul(x, arrays["w"]), {}
    >>> outputs(Network({"w": np.ones((2, 1))}, xp_apply=apply), np.array([[1.0, 2.0]]))
    array([[3.]])
    """
    assert network.xp_apply is not None
    n_models, apply = network.n_models, network.xp_apply

    def forward(x: Array) -> Array:
        rows = x.shape[:1]
        if n_models:
            rows = (n_models, len(x) // n_models)
            x = x.reshape((*rows, x.shape[1]))
        z, _ = apply(xp, network.arrays, x)
        return np.array(checked_outputs(xp, np.asarray(z), rows, network.n_members))

    return np.asarray(outputs_of_models(xp, forward, X, n_models))


def predictions_of(z: Array, activation: str) -> Array:
    """Return the mean over the members of the activated outputs, (n, n_outputs).

    The outputs have the shape (n, n_outputs) or (n, n_members, n_outputs), and are overwritten.

    >>> predictions_of(np.array([[[0.0], [np.inf]]]), "logistic")
    array([[0.75]])
    """
    ACTIVATIONS[activation](z)
    return z if z.ndim == 2 else np.asarray(z.mean(axis=1))


def predict(network: Network, X: Any, dtype: str, out: str) -> Array:
    """Return the activated outputs (n, n_outputs) of dense or sparse X, in blocks of rows.

    Many rows are divided between several threads.
    """
    n, copies = X.shape[0], max(1, network.n_members) * max(1, network.n_models)
    X = X.tocsr() if issparse(X) else X
    most = max(16, BLOCK_ROWS // copies)
    most = min(most, rows_within(X.shape[1], np.dtype(dtype).itemsize, most))

    def block(begin: int) -> Array:
        rows = X[begin : begin + most]
        rows = rows.toarray() if issparse(rows) else rows
        return predictions_of(outputs(network, np.asarray(rows, dtype)), out)

    with OneThread():
        first = block(0)
        if n <= most:
            return first
        predictions = np.empty((n, first.shape[1]), first.dtype)
        predictions[:most] = first

        def fill(begins: range) -> None:
            for i in begins:
                predictions[i : i + most] = block(i)

        flops = 2 * copies * most * sum(a.size for a in network.arrays.values())
        part = most * max(1, round(PART_FLOPS / max(1, flops)))
        ends = range(most, n, n if issparse(X) else part)
        share(fill, [range(i, min(n, i + ends.step), most) for i in ends])
        return predictions
