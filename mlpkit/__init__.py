"""mlpkit: multilayer perceptrons behind scikit-learn's interface, on the backend you choose."""

from mlpkit.classifier import MLPClassifier
from mlpkit.display import MetricHistoryDisplay, PartitionReportDisplay
from mlpkit.evaluation import evaluate
from mlpkit.gate import CheckFailed
from mlpkit.metrics import from_function
from mlpkit.partitioning import by, cross
from mlpkit.partitions import by_column, by_function, by_labels, by_quantile, by_target
from mlpkit.predictions import Chunk
from mlpkit.regressor import MLPRegressor
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
