"""The templates of a new plugin, in which `mlpkit.commands.new_plugin` replaces ``$name`` etc."""

from typing import NamedTuple

from mlpkit.commands.template_backend import BACKEND
from mlpkit.commands.template_communicator import COMMUNICATOR
from mlpkit.commands.template_encoder import ENCODER
from mlpkit.commands.template_exporter import EXPORTER
from mlpkit.commands.template_trainer import TRAINER
from mlpkit.plugin import Kind

PYPROJECT = """
[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "mlpkit-$name"
version = "0.1.0"
description = "A $kind for mlpkit"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["mlpkit$version"]

[project.optional-dependencies]
test = ["mlpkit[testing]"]

[project.entry-points.mlpkit]
$name = "$module"

[tool.hatch.build.targets.wheel]
packages = ["$module"]
"""

TOX = """
[tox]
env_list = py{311, 312, 313}
skip_missing_interpreters = true

[testenv]
extras = test
commands = pytest {posargs}
"""

README = """
# mlpkit-$name

The $kind `$name` for mlpkit.

    pip install .

```python
$example
```

`mlpkit plugins` lists it, and `mlpkit check $name` runs its conformance
tests.
"""

PACKAGE = '''
"""The $kind $name for mlpkit. This module must not import a framework."""

from mlpkit.plugin import Component, hookimpl

mlpkit_api = ($api, $api)  # the supported versions of the contract


@hookimpl
def mlpkit_${kind}s() -> list[Component]:
    """Return the components of this plugin."""
    return [
        Component(
            "$name",
            "$module.$kind:$id",
            "a short summary",
            requires=(),  # modules that must be installed, such as a framework
            options=($options),$supports
        )
    ]
'''

TESTS = '''
"""Conformance tests; set ``exempt = {"test_...": "reason"}`` for a test that cannot pass."""

from mlpkit.testing import $tests


class Test$Class($tests):
    """The $kind passes the conformance tests."""

    $kind = "$name"
'''

SOLVER = '''
"""A solver with sign momentum, for every backend."""

from mlpkit.plugin import Solver


def update(xp, p, g, optimizer_state, learning_rate, options):
    """Return new weights and optimizer state; ``xp`` is the array namespace of the backend."""
    (m,) = optimizer_state
    p = p - learning_rate * xp.sign(options["beta"] * m + (1 - options["beta"]) * g)
    return p, (0.99 * m + 0.01 * g,)


def $id(beta: float = 0.9) -> Solver:
    """Return the solver; users set ``beta`` with ``solver_options={"beta": 0.8}``."""
    return Solver(update=update, optimizer_state=("m",), options={"beta": beta})
'''

METRIC = '''
"""The mean cost of a prediction: the ratio of the sums of per-row statistics."""

from functools import partial

from mlpkit.plugin import Array, Metric, Predictions


def costs(predictions: Predictions, miss: float) -> Array:
    """Return the cost of each row, (n,): ``miss`` per false negative, 1 per false positive."""
    y_true, y_pred = predictions.y_true, predictions.y_pred
    return miss * (y_true > y_pred) + 1.0 * (y_true < y_pred)


def per_row(sums: Array) -> tuple[Array, Array]:
    """Return the numerator and the denominator: the cost and the weight."""
    return sums[..., 1], sums[..., 0]


def $id(miss: float = 5.0) -> Metric:
    """Return the metric; ``miss`` is the cost of a false negative."""
    return Metric(
        "$name",
        ("binary",),
        False,
        row_statistics=partial(costs, miss=miss),
        ratio=per_row,
        interval="normal",
    )
'''

PARTITIONER = '''
"""Groups of rows below and above the median of a column."""

from functools import partial
from typing import Any

import numpy as np

from mlpkit.plugin import Dataset, Groups, Partitioner

NAMES = ("below the median", "above the median", "missing")


def fit(dataset: Dataset, column: int) -> float:
    """Return the median of the column."""
    return float(np.nanmedian(np.asarray(dataset.X)[:, column].astype(float)))


def assign(fitted: Any, dataset: Dataset, column: int) -> Groups:
    """Return the group of each row."""
    values = np.asarray(dataset.X)[:, column].astype(float)
    return Groups(np.where(np.isnan(values), 2, (values > fitted).astype(int)), NAMES)


def $id(column: int = 0) -> Partitioner:
    """Return the partitioner; ``column`` is an index."""
    functions = partial(fit, column=column), partial(assign, column=column)
    return Partitioner("$name", *functions)
'''

CALLBACK = '''
"""Stop training when the loss has not decreased for some epochs."""

import math
from typing import Any

from mlpkit.plugin import Report


class $id:
    """A callback of one fit, which receives a report after each epoch."""

    def __init__(self, epochs: int = 5) -> None:
        self.epochs = epochs
        self.best, self.stale = math.inf, 0

    def __call__(self, report: Report) -> bool:
        """Return True to stop; a float would set the learning rate."""
        self.stale = 0 if report.loss < self.best else self.stale + 1
        self.best = min(self.best, report.loss)
        return self.stale > self.epochs

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint contains."""
        return {"best": self.best, "stale": self.stale}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self.best, self.stale = state["best"], state["stale"]
'''

BUILDER = '''
"""A dense network with orthogonal initial weights."""

import numpy as np

from mlpkit.plugin import Network, Spec


def $id(
    spec: Spec,
    rng: np.random.RandomState,
    gain: float = 1.0,
) -> Network:
    """Return the initial arrays; a network without `apply` is a chain of dense layers."""
    arrays = {}
    units = spec.layer_units
    for i, (n, m) in enumerate(zip(units[:-1], units[1:], strict=True)):
        q, _ = np.linalg.qr(rng.standard_normal((max(n, m), min(n, m))))
        arrays[f"coef_{i}"] = (gain * (q if n >= m else q.T)).astype(spec.dtype)
        arrays[f"intercept_{i}"] = np.zeros(m, spec.dtype)
    return Network(arrays, decayed=frozenset(name for name in arrays if "coef" in name))
'''


class KindTemplate(NamedTuple):
    """The parts that depend on the kind: the code, its options and an example."""

    code: str
    options: str
    example: str


FIT = "from mlpkit import MLPClassifier\n\nclf = MLPClassifier({}).fit(X, y)"
EVALUATE = "from mlpkit import MLPClassifier, evaluate\n\nclf = MLPClassifier().fit(X, y)\n{}"
JOIN = """
import socket
from mlpkit.distributed import communicator_of

communicator = communicator_of("$name")
host = socket.gethostbyname(socket.gethostname())
with communicator.listen(host, 1, 60) as address, communicator.join(address, 0, 1, 60) as group:
    print(group.gather("one process"))
""".strip()
TEMPLATES: dict[Kind, KindTemplate] = {
    "backend": KindTemplate(BACKEND, "", FIT.format('backend="$name"')),
    "solver": KindTemplate(SOLVER, '"beta",', FIT.format('solver="$name"')),
    "builder": KindTemplate(BUILDER, '"gain",', FIT.format('builder="$name"')),
    "trainer": KindTemplate(TRAINER, "", FIT.format('trainer="$name"')),
    "callback": KindTemplate(CALLBACK, '"epochs",', FIT.format('callbacks="$name"')),
    "metric": KindTemplate(
        METRIC, '"miss",', EVALUATE.format('evaluate(clf, X, y, metrics=["$name"])')
    ),
    "encoder": KindTemplate(ENCODER, '"missing",', FIT.format('encoder="$name"')),
    "partitioner": KindTemplate(
        PARTITIONER, '"column",', EVALUATE.format('evaluate(clf, X, y, partitions=["$name"])')
    ),
    "exporter": KindTemplate(EXPORTER, '"indent",', f'{FIT.format("")}\nclf.export("$name")'),
    "communicator": KindTemplate(COMMUNICATOR, "", JOIN),
}
