"""The laws that every plugin is held to, as test classes to subclass.

A backend's whole test module::

    from mlpkit.testing import BackendTests

    class TestMyBackend(BackendTests):
        backend = "mine"

`BuilderTests`, `SolverTests`, `MetricTests`, `PartitionerTests`, `TrainerTests` and
`CallbackTests` are used likewise: one attribute, the name, and ``options`` where needed.

What a plugin can't meet it declares in ``exempt``, a mapping from a law's name to the
reason: the law then becomes an expected failure, and an unexpected success fails.
"""

# ruff: noqa: E402

import pytest

# before they are imported: a law that is broken then shows the values that it compared
PARTS = (
    "backends",
    "callbacks",
    "capabilities",
    "conformance",
    "metrics",
    "networks",
    "partitioners",
    "processes",
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in (*PARTS, "training")))

from mlpkit.testing.backends import BackendTests
from mlpkit.testing.callbacks import CallbackTests
from mlpkit.testing.cases import TASKS, TOLERANCE, batches, close, data, recipe, spec
from mlpkit.testing.conformance import ConformanceTests
from mlpkit.testing.metrics import MetricTests
from mlpkit.testing.networks import BuilderTests, SolverTests
from mlpkit.testing.partitioners import PartitionerTests
from mlpkit.testing.training import TrainerTests

__all__ = [
    "TASKS",
    "TOLERANCE",
    "BackendTests",
    "BuilderTests",
    "CallbackTests",
    "ConformanceTests",
    "MetricTests",
    "PartitionerTests",
    "SolverTests",
    "TrainerTests",
    "batches",
    "close",
    "data",
    "recipe",
    "spec",
]
