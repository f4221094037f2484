"""Dropout of the units of hidden layers, with the same masks on every backend."""

from typing import Any

import numpy as np

from mlpkit.plugin import Namespace, StepContext, dropout_mask


def dropped(
    xp: Namespace, x: Any, step: StepContext | None, layer: int, rate: float, n_members: int = 0
) -> Any:
    """Set some units of each row to 0 in a training step, and scale the others.

    Parameters
    ----------
    xp : namespace
        The namespace of the backend.
    x : array of shape (..., n, n_units) or (..., n_members, n, n_units)
        Activations.
    step : StepContext or None
        The training step.
    layer : int
        Index of the layer, so that layers have different masks.
    rate : float
        The fraction of the units that is dropped, before the factor of the step.
    n_members : int, default=0
        Number of members, of which each has its own masks; 0 means that x has no such axis.

    Returns
    -------
    array of the shape of x
    """
    if step is None or not rate:
        return x
    rows, dtype = step.indices, step.seed.dtype
    if n_members:
        members = xp.astype(xp.arange(n_members), dtype)[:, None]
        rows = xp.astype(rows, dtype)[..., None, :] * n_members + members
    units = xp.astype(xp.arange(x.shape[-1]), dtype)
    # backends have either unsigned integers that wrap around or integers of 64 bits
    uint32 = np.uint32 if "uint32" in str(dtype) else None
    scheduled = rate * step.dropout
    kept = dropout_mask(xp, rows, units, step.seed, layer, scheduled, uint32)
    return x * (xp.astype(kept, x.dtype) / (1 - xp.astype(scheduled, x.dtype)))
