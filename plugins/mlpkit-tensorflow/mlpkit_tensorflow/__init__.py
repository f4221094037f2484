"""The TensorFlow backend of mlpkit. This module describes it and imports no framework."""

from mlpkit.plugin import Component, hookimpl

mlpkit_api = (1, 1)  # the supported versions of the contract


@hookimpl
def mlpkit_backends() -> list[Component]:
    """Return the backend."""
    return [
        Component(
            "tensorflow",
            "mlpkit_tensorflow.steps:backend",
            "TensorFlow, compiled by XLA, on CPU or GPU",
            requires=("tensorflow",),
            options=("jit_compile", "device"),
            device="mlpkit_tensorflow.devices:device",
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
