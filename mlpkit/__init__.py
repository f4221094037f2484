"""mlpkit: multilayer perceptrons behind scikit-learn's interface, on the backend you choose."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlpkit.estimators.classifier import MLPClassifier
from mlpkit.estimators.regressor import MLPRegressor

if TYPE_CHECKING:
    from mlpkit import schedules
    from mlpkit.estimators.loading import load
    from mlpkit.estimators.sklearn_import import from_sklearn
    from mlpkit.estimators.skops_types import SKOPS_TRUSTED_TYPES
    from mlpkit.estimators.stored_versions import InconsistentVersionWarning
    from mlpkit.files.errors import InvalidFile
    from mlpkit.metrics.functions import from_function
    from mlpkit.numpy_backend import namespace as numpy_namespace
    from mlpkit.partitions.arguments import by
    from mlpkit.partitions.crossing import cross
    from mlpkit.partitions.partitioners import (
        by_column,
        by_function,
        by_labels,
        by_quantile,
        by_target,
    )
    from mlpkit.plugin import Dataset
    from mlpkit.reports.displays import MetricHistoryDisplay, PartitionReportDisplay
    from mlpkit.reports.evaluation import evaluate
    from mlpkit.reports.limits import CheckFailed
    from mlpkit.reports.permutation import feature_importance
    from mlpkit.reports.report import PartitionReport
    from mlpkit.reports.scorer import make_partition_scorer
    from mlpkit.training.cycles import Cycles

__all__ = [
    "CheckFailed",
    "Cycles",
    "Dataset",
    "InconsistentVersionWarning",
    "InvalidFile",
    "MLPClassifier",
    "MLPRegressor",
    "MetricHistoryDisplay",
    "PartitionReport",
    "PartitionReportDisplay",
    "SKOPS_TRUSTED_TYPES",
    "by",
    "by_column",
    "by_function",
    "by_labels",
    "by_quantile",
    "by_target",
    "cross",
    "evaluate",
    "feature_importance",
    "from_function",
    "from_sklearn",
    "load",
    "make_partition_scorer",
    "numpy_namespace",
    "schedules",
]
__version__ = "0.1.0"

# where to find what a program that only trains does not need
_LATER = {
    "SKOPS_TRUSTED_TYPES": "estimators.skops_types",
    "CheckFailed": "reports.limits",
    "Cycles": "training.cycles",
    "Dataset": "plugin",
    "InconsistentVersionWarning": "estimators.stored_versions",
    "InvalidFile": "files.errors",
    "MetricHistoryDisplay": "reports.displays",
    "PartitionReport": "reports.report",
    "PartitionReportDisplay": "reports.displays",
    "by": "partitions.arguments",
    "by_column": "partitions.partitioners",
    "by_function": "partitions.partitioners",
    "by_labels": "partitions.partitioners",
    "by_quantile": "partitions.partitioners",
    "by_target": "partitions.partitioners",
    "cross": "partitions.crossing",
    "evaluate": "reports.evaluation",
    "feature_importance": "reports.permutation",
    "from_function": "metrics.functions",
    "from_sklearn": "estimators.sklearn_import",
    "load": "estimators.loading",
    "make_partition_scorer": "reports.scorer",
    "numpy_namespace": "numpy_backend.namespace",
    "schedules": "schedules",
}
_MODULES = {"numpy_namespace", "schedules"}  # the module itself, not an attribute of it


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'mlpkit' has no attribute {name!r}")
    module = import_module(f"mlpkit.{_LATER[name]}")
    return module if name in _MODULES else getattr(module, name)
