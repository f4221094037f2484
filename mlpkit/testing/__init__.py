"""Conformance tests for plugins, as test classes to subclass.

The test module of a backend::

    from mlpkit.testing import BackendTests

    class TestMyBackend(BackendTests):
        backend = "mine"

`BuilderTests`, `SolverTests`, `MetricTests`, `PartitionerTests`, `EncoderTests`, `TrainerTests`,
`CallbackTests`, `ExporterTests` and `CommunicatorTests` are used in the same way: the attribute
with the name of the kind is the name of the component, and ``options`` are its options.

Tests that a component cannot pass are declared in ``exempt``, a dict from the name of the test to
the reason. They are expected to fail, and a test that passes unexpectedly is a failure.
"""

# ruff: noqa: E402

import pytest

# before the modules are imported, so that a failed assertion shows the values it compared
MODULES = (
    "backends",
    "callbacks",
    "capabilities",
    "communicators",
    "conformance",
    "encoder_case",
    "encoders",
    "exporters",
    "memory",
    "metrics",
    "namespaces",
    "networks",
    "objectives",
    "partitioners",
    "portable",
    "processes",
    "rank_tasks",
    "ranks",
    "recipes",
    "results",
    "resuming",
    "shards",
    "training",
)
pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in MODULES))

from mlpkit.testing.backends import BackendTests
from mlpkit.testing.callbacks import CallbackTests
from mlpkit.testing.cases import TASKS, TOLERANCE, batches, close, data, recipe, spec
from mlpkit.testing.communicators import CommunicatorTests
from mlpkit.testing.conformance import ConformanceTests
from mlpkit.testing.encoders import EncoderTests
from mlpkit.testing.examples import run_examples
from mlpkit.testing.exporters import ExporterTests
from mlpkit.testing.groups import ThreadGroup, in_group
from mlpkit.testing.metrics import MetricTests
from mlpkit.testing.networks import BuilderTests, SolverTests
from mlpkit.testing.partitioners import PartitionerTests
from mlpkit.testing.resuming import assert_same_fit, fit_in_parts
from mlpkit.testing.training import TrainerTests

__all__ = [
    "TASKS",
    "TOLERANCE",
    "BackendTests",
    "BuilderTests",
    "CallbackTests",
    "CommunicatorTests",
    "ConformanceTests",
    "EncoderTests",
    "ExporterTests",
    "MetricTests",
    "PartitionerTests",
    "SolverTests",
    "ThreadGroup",
    "TrainerTests",
    "assert_same_fit",
    "batches",
    "close",
    "data",
    "fit_in_parts",
    "in_group",
    "recipe",
    "run_examples",
    "spec",
]
