"""The built-in metrics and partitioners pass their conformance tests."""

from typing import Any

import numpy as np
import pytest
import sklearn
from sklearn.utils.fixes import parse_version

from mlpkit.plugin import Metric
from mlpkit.registry.lookup import installed
from mlpkit.testing import MetricTests, PartitionerTests

pytestmark = pytest.mark.once


@pytest.mark.parametrize("name", installed().plugins[0].load().components["metric"])
class TestMetrics(MetricTests):
    @pytest.fixture(autouse=True)
    def _named(self, name: str) -> None:
        self.name = name

    def test_integer_weights_equal_repeated_rows(self) -> None:
        """A weight of 3 is three rows, where scikit-learn's own function says so."""
        old = parse_version(sklearn.__version__) < parse_version("1.8")
        if old and self.name == "median_absolute_error":
            pytest.xfail("its weighted median was the lower of two, its plain one their mean")
        super().test_integer_weights_equal_repeated_rows()

    def made(self) -> Metric:
        """The metric that the test is about."""
        factory, _ = installed().resolve("metric", self.name)
        return factory()


def side(X: Any) -> Any:
    """The group of each row."""
    return np.where(X[:, 1] > 0, "above", "below")


def masks(X: Any) -> Any:
    """Groups that overlap."""
    return {"above": X[:, 1] > 0, "far": abs(X[:, 1]) > 1}


class TestColumn(PartitionerTests):
    partitioner = "column"
    options = {"column": 0}


class TestQuantile(PartitionerTests):
    partitioner = "quantile"
    options = {"column": 1, "n": 5}


class TestTarget(PartitionerTests):
    partitioner = "target"


class TestLabels(PartitionerTests):
    partitioner = "labels"
    options = {"labels": "region"}


class TestFunction(PartitionerTests):
    partitioner = "function"
    options = {"function": side}


class TestMasks(PartitionerTests):
    partitioner = "function"
    options = {"function": masks}
