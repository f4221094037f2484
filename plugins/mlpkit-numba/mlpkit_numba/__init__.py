"""The Numba backend of mlpkit. This module describes it and imports no framework."""

from mlpkit.plugin import Component, hookimpl

mlpkit_api = (1, 1)  # the supported versions of the contract


@hookimpl
def mlpkit_backends() -> list[Component]:
    """Return the backend."""
    return [
        Component(
            "numba",
            "mlpkit_numba.steps:backend",
            "Numba: the dense network as one compiled loop, on the CPU",
            requires=("numba",),
            supports=("dense_networks", "gradients", "epoch_predictions", "sparse_rows"),
        )
    ]
