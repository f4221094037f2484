"""mlpkit: multilayer perceptrons behind scikit-learn's interface, on the backend you choose."""

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it as true; the module typing is not imported here
if TYPE_CHECKING:
    from mlpkit import schedules
    from mlpkit.data.row_sources import RowSource
    from mlpkit.estimators.classifier import MLPClassifier
    from mlpkit.estimators.loading import load
    from mlpkit.estimators.regressor import MLPRegressor
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
    from mlpkit.sources.scan import scan
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
    "RowSource",
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
    "scan",
    "schedules",
]
__version__ = "0.1.0"

# where each name is; it is imported when it is used, so that the command line starts at once
_ATTRIBUTES = {
    "SKOPS_TRUSTED_TYPES": "estimators.skops_types",
    "CheckFailed": "reports.limits",
    "Cycles": "training.cycles",
    "Dataset": "plugin",
    "InconsistentVersionWarning": "estimators.stored_versions",
    "InvalidFile": "files.errors",
    "MLPClassifier": "estimators.classifier",
    "MLPRegressor": "estimators.regressor",
    "MetricHistoryDisplay": "reports.displays",
    "PartitionReport": "reports.report",
    "PartitionReportDisplay": "reports.displays",
    "RowSource": "data.row_sources",
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
    "scan": "sources.scan",
}
_MODULES = {  # the module itself, not an attribute of it
    "backend_kit": "backend_kit",
    "numpy_namespace": "numpy_backend.namespace",
    "plugin": "plugin",
    "registry": "registry",
    "schedules": "schedules",
}


if not TYPE_CHECKING:  # type checkers reject names that do not exist

    def __getattr__(name):
        if name in _MODULES:
            return import_module(f"mlpkit.{_MODULES[name]}")
        if name not in _ATTRIBUTES:
            raise AttributeError(f"module 'mlpkit' has no attribute {name!r}")
        if _ATTRIBUTES[name].startswith("estimators."):
            # first: in CPython, its nested imports take up to half as long again inside of ours
            import_module("sklearn")
        value = getattr(import_module(f"mlpkit.{_ATTRIBUTES[name]}"), name)
        globals()[name] = value  # the next access does not call this function
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
