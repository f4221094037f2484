"""A faulty plugin does not affect programs that do not use it.

Each fault is installed by pip from a wheel into its own virtual environment. It is reported with
distribution, version, hook and remedy.
"""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from distributions import offering
from environments import Environment, source
from lookups import BROKEN, FAST

pytestmark = pytest.mark.once

GOOD = (
    offering("mlpkit_solvers", "'tame', 'mlpkit_zoo:tame'")
    + "from mlpkit.objectives.solvers import sgd\n"
)
# a fit with the default backend, one with a plugin that is found last, one with the faulty plugin
PROGRAM = """
import json, warnings
import numpy as np
from mlpkit import MLPClassifier
X, y = np.random.RandomState(0).rand(20, 2), np.arange(20) % 2
clf = MLPClassifier((2,), tol=9.0, n_iter_no_change=1, random_state=0)
with warnings.catch_warnings(record=True) as first:
    warnings.simplefilter("always")
    clf.fit(X, y)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    clf.set_params(solver="tame").fit(X, y).predict(X)
try:
    clf.set_params(backend="fast").fit(X, y)
except Exception as error:
    message = f"{type(error).__name__}: {error}"
print(json.dumps([len(first), [str(w.message) for w in caught], message]))
"""
REMEDY = (
    "Try: pip install --upgrade mlpkit-fast, or disable the plugin: MLPKIT_DISABLE_PLUGINS=fast"
)


class Fault(NamedTuple):
    """The code of a plugin, and its reason and status in the list of plugins."""

    code: str
    reason: str
    status: str


FAULTS = {
    "raises on import": Fault(
        BROKEN, "ModuleNotFoundError: No module named 'nonexistent_library'", "unavailable"
    ),
    "raises inside a hook": Fault(
        FAST.replace("return", "1 / 0; return"),
        "mlpkit_backends raised ZeroDivisionError: division by zero",
        "invalid",
    ),
    "returns the wrong thing": Fault(
        FAST.replace("return", "return 7 #"),
        "mlpkit_backends must return a list of mlpkit.plugin.Component, got 7",
        "invalid",
    ),
    "misspells a hook": Fault(
        FAST.replace("mlpkit_backends", "mlpkit_backend"),
        "unknown hook 'mlpkit_backend'. The hooks are: mlpkit_backends, ",
        "invalid",
    ),
    "supports another contract": Fault(
        f"mlpkit_api = (7, 9)\n{FAST}",
        "it supports versions 7 to 9 of the plugin contract, and mlpkit ",
        "incompatible",
    ),
}
COSTS = {
    "slow to import": Fault(f"import time; time.sleep(0.5)\n{FAST}", "Takes 0.", "ok"),
    "prints on import": Fault(f"print('Welcome!')\n{FAST}", "Prints 'Welcome!'", "ok"),
}


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of a plugin without a fault."""
    code = GOOD + "tame = sgd\n"
    return source(tmp_path_factory.mktemp("zoo"), "mlpkit-zoo", "1.0", code)


def installed(folder: Path, zoo: Path, code: str) -> Environment:
    """Return an environment with a correct plugin, and mlpkit-fast 3.2 with this code."""
    return Environment(folder / "venv").install(zoo, source(folder, "mlpkit-fast", "3.2", code))


def listed(made: Environment) -> dict[str, str]:
    """Return the entry of the plugin in ``mlpkit plugins --json``."""
    rows = json.loads(made.run("-m", "mlpkit", "plugins", "--json").stdout)["plugins"]
    entry: dict[str, str] = next(row for row in rows if row["plugin"] == "fast")
    return entry


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_reported(fault: str, tmp_path: Path, zoo: Path) -> None:
    """A warning in a lookup, an error if the plugin is requested, and the list report it."""
    code, reason, status = FAULTS[fault]
    made = installed(tmp_path, zoo, code)
    done = made.run("-c", PROGRAM)
    assert done.stderr == ""
    first, (warned,), message = json.loads(done.stdout)
    label = "plugin 'fast' (mlpkit-fast 3.2)"
    assert first == 0
    assert warned.startswith(f"{label} is {status}: {reason}")
    assert warned.endswith(REMEDY)
    asked = f"PluginError: backend='fast' cannot be used: {label} is {status}: {reason}"
    assert message.startswith(asked)
    assert message.endswith(REMEDY)
    row = listed(made)
    assert (row["distribution"], row["version"], row["status"]) == ("mlpkit-fast", "3.2", status)
    assert row["note"].startswith(reason)


@pytest.mark.parametrize("fault", COSTS)
def test_the_cost_of_a_plugin_is_reported(fault: str, tmp_path: Path, zoo: Path) -> None:
    """The plugin can be used; the list reports its cost, and prints only JSON."""
    code, reason, status = COSTS[fault]
    made = installed(tmp_path, zoo, code)
    row = listed(made)
    assert (row["distribution"], row["version"], row["status"]) == ("mlpkit-fast", "3.2", status)
    assert row["note"].startswith(reason)
    assert row["note"].endswith("Only the factories should do this.")
    done = made.run("-c", "import mlpkit; mlpkit.MLPClassifier((2,), max_iter=1).get_params()")
    assert (done.stdout, done.stderr) == ("", "")
    done = made.run("-c", PROGRAM)
    assert done.stderr == ""
    assert json.loads(done.stdout.splitlines()[-1])[:2] == [0, []]


def test_two_distributions_with_one_name(tmp_path: Path, zoo: Path) -> None:
    """The error names both and how to choose; programs that use neither are not affected."""
    made = installed(tmp_path, zoo, FAST)
    made.install(source(tmp_path, "acme-mlp", "0.9", FAST, "fast"))
    done = made.run("-c", PROGRAM)
    assert done.stderr == ""
    assert json.loads(done.stdout) == [
        0,
        [],
        "PluginError: backend 'fast' is provided by plugin 'fast' (acme-mlp 0.9) and plugin 'fast'"
        " (mlpkit-fast 3.2). Use backend='acme-mlp/fast' or backend='mlpkit-fast/fast'",
    ]
    row = listed(made)
    assert (row["distribution"], row["status"]) == ("acme-mlp", "ambiguous")
