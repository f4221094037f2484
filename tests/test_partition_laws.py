"""The built-in metrics and partitioners hold to their laws."""

import numpy as np
import pytest

from mlpkit.plugin import Metric
from mlpkit.registry import installed
from mlpkit.testing import MetricLaws, PartitionerLaws


@pytest.mark.parametrize("name", installed().plugins[0].load().components["metric"])
class TestMetrics(MetricLaws):
    @pytest.fixture(autouse=True)
    def _named(self, name: str) -> None:
        self.name = name

    def made(self) -> Metric:
        """The metric that the test is about."""
        factory, _ = installed().resolve("metric", self.name)
        return factory()  # type: ignore[no-any-return]


class TestColumn(PartitionerLaws):
    partitioner = "column"
    options = {"column": 0}


class TestQuantile(PartitionerLaws):
    partitioner = "quantile"
    options = {"column": 1, "n": 5}


class TestTarget(PartitionerLaws):
    partitioner = "target"


class TestLabels(PartitionerLaws):
    partitioner = "labels"
    options = {"labels": "region"}


class TestFunction(PartitionerLaws):
    partitioner = "function"
    options = {"function": lambda X: np.where(X[:, 1] > 0, "above", "below")}


class TestMasks(PartitionerLaws):
    partitioner = "function"
    options = {"function": lambda X: {"above": X[:, 1] > 0, "far": abs(X[:, 1]) > 1}}
