"""mlpkit on a Dask cluster. This module lists the components and imports no framework."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlpkit.plugin import Component, hookimpl

if TYPE_CHECKING:
    from mlpkit_dask.estimators import DaskMLPClassifier, DaskMLPRegressor
    from mlpkit_dask.evaluation import evaluate
    from mlpkit_dask.fitting.statistics import FitStatistics, RankStatistics
    from mlpkit_dask.predictions import predict
    from mlpkit_dask.tabular import DaskTabularClassifier, DaskTabularRegressor

__all__ = [
    "DaskMLPClassifier",
    "DaskMLPRegressor",
    "DaskTabularClassifier",
    "DaskTabularRegressor",
    "FitStatistics",
    "RankStatistics",
    "evaluate",
    "predict",
]

mlpkit_api = (1, 1)  # the supported versions of the plugin contract
_PACKAGE = "mlpkit_dask.communicators"
_COMMUNICATOR_TESTS = (
    "test_a_killed_process_ends_the_others",
    "test_a_process_that_does_not_join_ends_the_others",
    "test_a_stopped_process_ends_the_others",
    "test_an_error_in_one_rank_ends_the_others",
    "test_arrays_are_not_shared",
    "test_gather_returns_all_values_in_order",
    "test_large_arrays",
    "test_many_operations_in_a_row",
    "test_ranks_are_those_requested",
    "test_same_returns_the_value_of_rank_0",
    "test_sums_equal_numpys",
    "test_sums_have_the_same_bits",
    "test_two_groups_at_once",
)
_LATER = {
    "DaskMLPClassifier": "estimators",
    "DaskMLPRegressor": "estimators",
    "DaskTabularClassifier": "tabular",
    "DaskTabularRegressor": "tabular",
    "FitStatistics": "fitting.statistics",
    "RankStatistics": "fitting.statistics",
    "evaluate": "evaluation",
    "predict": "predictions",
}


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
            "dask",
            f"{_PACKAGE}.comms:communicator",
            "connections between Dask's workers, encrypted if the cluster uses TLS",
            ("distributed",),
            exempt=dict.fromkeys(_COMMUNICATOR_TESTS, "works in tasks on Dask workers only"),
        ),
        Component(
            "gloo",
            f"{_PACKAGE}.gloo:communicator",
            "the collective operations of PyTorch, over TCP without encryption",
            ("torch",),
        ),
    ]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"mlpkit_dask.{_LATER[name]}"), name)
