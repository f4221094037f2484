"""Tables in mlpkit. This module lists the components and imports no framework.

The encoder "tabular" turns the raw columns of a table (numbers, strings, categories, booleans,
dates, missing values) into one array of numbers.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlpkit.plugin import Component, hookimpl

if TYPE_CHECKING:
    from mlpkit_tabular.encoding.encoder import TabularEncoder
    from mlpkit_tabular.estimators.classifier import TabularClassifier
    from mlpkit_tabular.estimators.regressor import TabularRegressor

__all__ = ["SKOPS_TRUSTED_TYPES", "TabularClassifier", "TabularEncoder", "TabularRegressor"]

#: The classes of this plugin whose fitted objects `skops.io.load` accepts with ``trusted=``.
SKOPS_TRUSTED_TYPES = [
    "mlpkit_tabular.estimators.classifier.TabularClassifier",
    "mlpkit_tabular.estimators.regressor.TabularRegressor",
]

mlpkit_api = (1, 1)  # the supported versions of the plugin contract

_LATER = {
    "TabularClassifier": "estimators.classifier",
    "TabularRegressor": "estimators.regressor",
    "TabularEncoder": "encoding.encoder",
}


@hookimpl
def mlpkit_encoders() -> list[Component]:
    """The encoder of tables."""
    return [
        Component(
            "tabular",
            "mlpkit_tabular.encoding.encoder:TabularEncoder",
            "columns of any type: numbers, strings, categories, booleans, dates, missing values",
            requires=("narwhals",),
            options=("max_one_hot", "min_count", "max_levels", "tied_values", "level_means"),
        )
    ]


@hookimpl
def mlpkit_builders() -> list[Component]:
    """The networks for tables."""
    return [
        Component(
            "tabm",
            "mlpkit_tabular.networks.tabm:tabm",
            "an ensemble of networks that share most of their weights",
            options=(
                *("n_members", "form", "embedding", "embedding_options", "category_size"),
                *("embedded", "adapters", "member_biases", "bias_scale"),
                *("front_scale", "front_scale_rate"),
            ),
        ),
        Component(
            "realmlp",
            "mlpkit_tabular.networks.realmlp:realmlp",
            "a dense network with trained activations and a data-driven initialization",
            options=(
                *("embedding", "embedding_options", "category_size", "embedded", "activation"),
                *("front_scale", "front_scale_rate", "embedding_rate", "activation_rate"),
                "bias_rate",
            ),
        ),
        Component(
            "resnet",
            "mlpkit_tabular.networks.resnet:resnet",
            "residual blocks with normalization and dropout",
            options=(
                *("width", "normalization", "residual_dropout"),
                *("embedding", "embedding_options", "category_size", "embedded"),
            ),
        ),
    ]


@hookimpl
def mlpkit_estimators() -> list[Component]:
    """The estimators of tables, which files may contain."""
    module = "mlpkit_tabular.estimators"
    return [
        Component(
            "TabularClassifier", f"{module}.classifier:TabularClassifier", "classifier of tables"
        ),
        Component(
            "TabularRegressor", f"{module}.regressor:TabularRegressor", "regressor of tables"
        ),
    ]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"mlpkit_tabular.{_LATER[name]}"), name)
