"""The PyTorch backend of mlpkit. This module describes it and imports no framework."""

from mlpkit.plugin import CAPABILITIES, Component, hookimpl

mlpkit_api = (1, 1)  # the supported versions of the contract


@hookimpl
def mlpkit_backends() -> list[Component]:
    """Return the backend."""
    return [
        Component(
            "torch",
            "mlpkit_torch.steps:backend",
            "PyTorch: eager, on CPU, CUDA or MPS",
            requires=("torch",),
            options=("device",),
            device="mlpkit_torch.devices:device",
            supports=CAPABILITIES,
        )
    ]
