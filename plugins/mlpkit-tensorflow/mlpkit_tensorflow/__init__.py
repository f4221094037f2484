"""TensorFlow as a backend of mlpkit; TensorFlow is imported when the backend is used."""

from mlpkit.plugin import Component, hookimpl

mlpkit_api = (1, 1)  # the versions of the contract that it was made for


@hookimpl
def mlpkit_backends() -> list[Component]:
    """The one backend."""
    return [
        Component(
            "tensorflow",
            "mlpkit_tensorflow.steps:backend",
            "TensorFlow, compiled by XLA, on CPU or GPU",
            requires=("tensorflow",),
            options=("jit_compile", "device"),
            device="mlpkit_tensorflow.process:device",
            supports=(
                "dense_networks",
                "custom_networks",
                "losses_without_delta",
                "joint_solvers",
                "gradients",
                "epoch_predictions",
                "sparse_rows",
            ),
        )
    ]
