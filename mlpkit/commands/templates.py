"""The texts of a new plugin; `mlpkit.commands.new_plugin` fills in ``$name`` and the like."""

from typing import NamedTuple

from mlpkit.commands.template_backend import BACKEND
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

mlpkit_api = ($api, $api)  # the versions of the contract that it supports


@hookimpl
def mlpkit_${kind}s() -> list[Component]:
    """Return the components of this plugin."""
    return [
        Component(
            "$name",
            "$module.$kind:$id",
            "a summary in a few words",
            requires=(),  # modules that must be installed, such as a framework
            options=($options),$supports
        )
    ]
'''

TESTS = '''
"""Conformance tests; those that can't pass go into ``exempt = {"test_...": "why"}``."""

from mlpkit.testing import $laws


class Test$Class($laws):
    $kind = "$name"
'''

SOLVER = '''
"""Sign momentum: the solver's step, written once for every backend."""

from mlpkit.plugin import Solver


def update(xp, p, g, optimizer_state, learning_rate, options):
    """Weights and optimizer state after one step; ``xp`` is the namespace of the backend."""
    (m,) = optimizer_state
    p = p - learning_rate * xp.sign(options["beta"] * m + (1 - options["beta"]) * g)
    return p, (0.99 * m + 0.01 * g,)


def $id(beta: float = 0.9) -> Solver:
    """The solver; ``beta`` is set by ``solver_options={"beta": 0.8}``."""
    return Solver(update=update, optimizer_state=("m",), options={"beta": beta})
'''

METRIC = '''
"""The mean cost of a prediction: statistics of each row, and the ratio of their sums."""

from functools import partial

from mlpkit.plugin import Array, Metric, Predictions


def costs(scored: Predictions, miss: float) -> Array:
    """Return the cost of each row, (n,): ``miss`` per false negative, 1 per false positive."""
    return miss * (scored.y_true > scored.y_pred) + 1.0 * (scored.y_true < scored.y_pred)


def per_row(sums: Array) -> tuple[Array, Array]:
    """Return numerator and denominator: the cost and the weight."""
    return sums[..., 1], sums[..., 0]


def $id(miss: float = 5.0) -> Metric:
    """The metric."""
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


def learn(sample: Dataset, column: int) -> float:
    """Return the median of the column."""
    return float(np.nanmedian(np.asarray(sample.X)[:, column].astype(float)))


def assign(cut: Any, sample: Dataset, column: int) -> Groups:
    """Return the group of each row."""
    values = np.asarray(sample.X)[:, column].astype(float)
    return Groups(np.where(np.isnan(values), 2, (values > cut).astype(int)), NAMES)


def $id(column: int = 0) -> Partitioner:
    """The partitioner."""
    functions = partial(learn, column=column), partial(assign, column=column)
    return Partitioner("$name", *functions)
'''

CALLBACK = '''
"""Stop training when the loss has not decreased for some epochs."""

import math

from mlpkit.plugin import Callback, Report


def $id(epochs: int = 5) -> Callback:
    """Return a new callback for each fit."""
    best, stale = math.inf, 0

    def listen(report: Report) -> bool:
        """Return True to stop; a float would set the learning rate."""
        nonlocal best, stale
        stale = 0 if report.loss < best else stale + 1
        best = min(best, report.loss)
        return stale > epochs

    return listen
'''

BUILDER = '''
"""The dense chain with orthogonal initial weights."""

import numpy as np

from mlpkit.plugin import Network, Spec


def $id(spec: Spec, rng: np.random.RandomState, gain: float = 1.0) -> Network:
    """The network: NumPy arrays. Without an `apply` of its own it is the dense chain."""
    arrays = {}
    units = spec.layer_units
    for i, (n, m) in enumerate(zip(units[:-1], units[1:], strict=True)):
        q, _ = np.linalg.qr(rng.standard_normal((max(n, m), min(n, m))))
        arrays[f"coef_{i}"] = (gain * (q if n >= m else q.T)).astype(spec.dtype)
        arrays[f"intercept_{i}"] = np.zeros(m, spec.dtype)
    return Network(arrays, decayed=frozenset(name for name in arrays if "coef" in name))
'''


class Texts(NamedTuple):
    """What differs from kind to kind: the code, its options, an example."""

    code: str
    options: str
    example: str


FIT = "from mlpkit import MLPClassifier\n\nclf = MLPClassifier({}).fit(X, y)"
EVALUATE = "from mlpkit import MLPClassifier, evaluate\n\nclf = MLPClassifier().fit(X, y)\n{}"
KINDS: dict[Kind, Texts] = {
    "backend": Texts(BACKEND, "", FIT.format('backend="$name"')),
    "solver": Texts(SOLVER, '"beta",', FIT.format('solver="$name"')),
    "builder": Texts(BUILDER, '"gain",', FIT.format('builder="$name"')),
    "trainer": Texts(TRAINER, "", FIT.format('trainer="$name"')),
    "callback": Texts(CALLBACK, '"epochs",', FIT.format('callbacks="$name"')),
    "metric": Texts(METRIC, '"miss",', EVALUATE.format('evaluate(clf, X, y, metrics=["$name"])')),
    "partitioner": Texts(
        PARTITIONER, '"column",', EVALUATE.format('evaluate(clf, X, y, partitions=["$name"])')
    ),
}
