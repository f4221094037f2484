"""Callbacks for mlpkit: MLflow, TensorBoard, and pruning by Optuna.

This module describes the plugin, and imports none of the three libraries.
"""

from mlpkit.plugin import Component, hookimpl
from mlpkit_loggers.event_files import TensorBoardLogger
from mlpkit_loggers.pruning import OptunaPruning
from mlpkit_loggers.runs import MLflowLogger

__all__ = ["MLflowLogger", "OptunaPruning", "TensorBoardLogger"]

mlpkit_api = (1, 1)  # the supported versions of the plugin contract
_NEEDS_TRIAL = "requires a trial of Optuna: OptunaPruning(trial)"
_CALLBACK_TESTS = (
    "test_an_estimator_trains",
    "test_callbacks_are_independent",
    "test_global_state_is_not_modified",
    "test_it_continues_from_its_state",
    "test_the_result_is_valid_for_every_report",
    "test_weights_are_not_modified",
)


@hookimpl
def mlpkit_callbacks() -> list[Component]:
    """The callbacks of this plugin."""
    return [
        Component(
            "mlflow",
            "mlpkit_loggers:MLflowLogger",
            "logs parameters, losses and metrics by group to MLflow",
            ("mlflow",),
            ("experiment", "run_name", "tags", "nested"),
        ),
        Component(
            "tensorboard",
            "mlpkit_loggers:TensorBoardLogger",
            "writes losses and metrics by group for TensorBoard",
            ("tensorboard",),
            ("folder", "run_name"),
        ),
        Component(
            "optuna",
            "mlpkit_loggers:OptunaPruning",
            "reports values to a trial of Optuna, and prunes it",
            ("optuna",),
            ("trial", "metric", "split", "by", "group"),
            dict.fromkeys(_CALLBACK_TESTS, _NEEDS_TRIAL),
        ),
    ]


@hookimpl
def mlpkit_adapters() -> list[Component]:
    """The adapter that gives a callback of this plugin the network and the recipe of a fit."""
    return [Component("mlpkit_loggers", "mlpkit_loggers.fit_callback:adapt")]
