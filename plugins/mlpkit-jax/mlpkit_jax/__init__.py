"""The JAX backend of mlpkit. This module describes it and imports no framework."""

from mlpkit.plugin import Component, hookimpl

mlpkit_api = (1, 1)  # the supported versions of the contract


@hookimpl
def mlpkit_backends() -> list[Component]:
    """Return the backend."""
    return [
        Component(
            "jax",
            "mlpkit_jax.steps:backend",
            "JAX: compiled by XLA, on CPU, GPU or TPU",
            requires=("jax",),
            options=("device",),
            device="mlpkit_jax.runtime:device",
            supports=(
                "dense_networks",
                "custom_networks",
                "portable_networks",
                "losses_without_delta",
                "joint_solvers",
                "gradients",
                "epoch_predictions",
                "sparse_rows",
            ),
        )
    ]
