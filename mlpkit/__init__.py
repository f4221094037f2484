"""mlpkit: multilayer perceptrons behind scikit-learn's interface, on the backend you choose."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlpkit.classifier import MLPClassifier
from mlpkit.regressor import MLPRegressor

if TYPE_CHECKING:
    from mlpkit.metrics.lookup import from_function
    from mlpkit.partitions.lookup import by, cross
    from mlpkit.partitions.simple import by_column, by_function, by_labels, by_quantile, by_target
    from mlpkit.reports.display import MetricHistoryDisplay, PartitionReportDisplay
    from mlpkit.reports.evaluation import evaluate
    from mlpkit.reports.gate import CheckFailed
    from mlpkit.reports.predictions import Chunk
    from mlpkit.reports.report import PartitionReport
    from mlpkit.reports.scorer import make_partition_scorer
    from mlpkit.versions import InconsistentVersionWarning

__all__ = [
    "CheckFailed",
    "Chunk",
    "InconsistentVersionWarning",
    "MLPClassifier",
    "MLPRegressor",
    "MetricHistoryDisplay",
    "PartitionReport",
    "PartitionReportDisplay",
    "by",
    "by_column",
    "by_function",
    "by_labels",
    "by_quantile",
    "by_target",
    "cross",
    "evaluate",
    "from_function",
    "make_partition_scorer",
]
__version__ = "0.1.0"

# where to find what a program that only trains does not need
_LATER = {
    "CheckFailed": "reports.gate",
    "Chunk": "reports.predictions",
    "InconsistentVersionWarning": "versions",
    "MetricHistoryDisplay": "reports.display",
    "PartitionReport": "reports.report",
    "PartitionReportDisplay": "reports.display",
    "by": "partitions.lookup",
    "by_column": "partitions.simple",
    "by_function": "partitions.simple",
    "by_labels": "partitions.simple",
    "by_quantile": "partitions.simple",
    "by_target": "partitions.simple",
    "cross": "partitions.lookup",
    "evaluate": "reports.evaluation",
    "from_function": "metrics.lookup",
    "make_partition_scorer": "reports.scorer",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'mlpkit' has no attribute {name!r}")
    return getattr(import_module(f"mlpkit.{_LATER[name]}"), name)
