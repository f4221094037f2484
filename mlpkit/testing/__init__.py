"""The laws that every plugin is held to, as test classes to subclass.

A backend's whole test module::

    from mlpkit.testing import BackendLaws

    class TestMyBackend(BackendLaws):
        backend = "mine"

`BuilderLaws`, `SolverLaws`, `MetricLaws`, `PartitionerLaws`, `TrainerLaws` and
`CallbackLaws` are used likewise: one attribute, the name, and ``options`` where needed.

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
    "laws",
    "metrics",
    "networks",
    "partitioners",
    "processes",
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in (*PARTS, "training")))

from mlpkit.testing.backends import BackendLaws
from mlpkit.testing.callbacks import CallbackLaws
from mlpkit.testing.cases import TASKS, TOLERANCE, batches, close, data, recipe, spec
from mlpkit.testing.laws import Laws
from mlpkit.testing.metrics import MetricLaws
from mlpkit.testing.networks import BuilderLaws, SolverLaws
from mlpkit.testing.partitioners import PartitionerLaws
from mlpkit.testing.training import TrainerLaws

__all__ = [
    "TASKS",
    "TOLERANCE",
    "BackendLaws",
    "BuilderLaws",
    "CallbackLaws",
    "Laws",
    "MetricLaws",
    "PartitionerLaws",
    "SolverLaws",
    "TrainerLaws",
    "batches",
    "close",
    "data",
    "recipe",
    "spec",
]
