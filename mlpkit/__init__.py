"""mlpkit: multilayer perceptrons behind scikit-learn's interface, on the backend you choose."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlpkit.classifier import MLPClassifier
from mlpkit.regressor import MLPRegressor

if TYPE_CHECKING:
    from mlpkit.display import MetricHistoryDisplay, PartitionReportDisplay
    from mlpkit.evaluation import evaluate
    from mlpkit.gate import CheckFailed
    from mlpkit.metrics import from_function
    from mlpkit.partitioning import by, cross
    from mlpkit.partitions import by_column, by_function, by_labels, by_quantile, by_target
    from mlpkit.predictions import Chunk
    from mlpkit.report import PartitionReport
    from mlpkit.scorer import make_partition_scorer

__all__ = [
    "CheckFailed",
    "Chunk",
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
    "CheckFailed": "gate",
    "Chunk": "predictions",
    "MetricHistoryDisplay": "display",
    "PartitionReport": "report",
    "PartitionReportDisplay": "display",
    "by": "partitioning",
    "by_column": "partitions",
    "by_function": "partitions",
    "by_labels": "partitions",
    "by_quantile": "partitions",
    "by_target": "partitions",
    "cross": "partitioning",
    "evaluate": "evaluation",
    "from_function": "metrics",
    "make_partition_scorer": "scorer",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'mlpkit' has no attribute {name!r}")
    return getattr(import_module(f"mlpkit.{_LATER[name]}"), name)
