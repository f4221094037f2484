"""mlpkit on a Dask cluster. This module lists the components and imports no framework."""

from mlpkit.plugin import Component, hookimpl

mlpkit_api = (1, 1)  # the supported versions of the plugin contract
_PACKAGE = "mlpkit_dask.communicators"


@hookimpl
def mlpkit_communicators() -> list[Component]:
    """The communicators of this plugin."""
    return [
        Component(
            "xgboost",
            f"{_PACKAGE}.xgboost:communicator",
            "the collective operations of XGBoost, over TCP without encryption",
            ("xgboost",),
        ),
        Component(
            "gloo",
            f"{_PACKAGE}.gloo:communicator",
            "the collective operations of PyTorch, over TCP without encryption",
            ("torch",),
        ),
    ]
