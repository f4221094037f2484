"""Each conformance test fails for a plugin that violates it, and passes for a valid plugin."""

import inspect
import os
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from culprits import (
    altered_backends,
    backends,
    communicators,
    encoders,
    exporters,
    measures,
    solvers,
    step_functions,
    training,
)
from distributions import install, offering
from encoders import Levels

from mlpkit import testing
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.objectives.solvers import adam
from mlpkit.plugin import Solver
from mlpkit.testing.tables import FRAMES
from mlpkit.training import loop as trainer
from mlpkit.training.progress import printer

pytestmark = pytest.mark.once  # the plugins compute with NumPy

CULPRITS: dict[str, dict[str, Any]] = {
    "Backend": backends.BACKENDS,
    "Solver": solvers.SOLVERS,
    "Builder": training.BUILDERS,
    "Trainer": training.TRAINERS,
    "Callback": training.CALLBACKS,
    "Metric": measures.METRICS,
    "Partitioner": measures.PARTITIONERS,
    "Encoder": encoders.ENCODERS,
    "Exporter": exporters.EXPORTERS,
    "Communicator": communicators.COMMUNICATORS,
}
RIGHT: dict[str, Any] = {
    "Backend": numpy_backend.backend,
    "Solver": adam,
    "Builder": dense.build,
    "Trainer": trainer.train,
    "Callback": printer,
    "Metric": measures.metric,
    "Partitioner": measures.partitioner,
    "Encoder": Levels,
    "Exporter": exporters.exporter,
    "Communicator": communicators.communicator,
}
BASES: dict[str, Any] = {
    "Backend": backends.BackendCulprit,
    "Solver": solvers.SolverCulprit,
    "Callback": training.CallbackCulprit,
    "Exporter": exporters.ExporterCulprit,
    "Communicator": communicators.CommunicatorCulprit,
}
WATCHED = "an_epoch_returns_predictions"
METRIC = "fields_are_valid_and_picklable"
GROUPS = "codes_and_names_are_valid"
# plugins that pass the first example of a test and fail for examples that hypothesis draws
SUBTLE: list[tuple[str, str, Any]] = [
    (
        "Backend",
        "an_epoch_equals_gradients_and_updates",
        backends.steps_with(gradient=step_functions.packed),
    ),
    ("Backend", "gradients_of_shards_add_up", backends.steps_with(gradient=step_functions.short)),
    ("Solver", "the_update_is_elementwise", partial(Solver, solvers.clipped)),
    (
        "Metric",
        "merged_chunks_equal_all_rows",
        partial(measures.metric, row_statistics=measures.without_last_block),
    ),
    (
        "Partitioner",
        "groups_do_not_depend_on_other_rows",
        partial(measures.partitioner, assign=measures.without_repeats),
    ),
    (
        "Partitioner",
        "fitted_groups_merge",
        partial(measures.partitioner, merge=measures.keep_first),
    ),
]


def nothing(*args: Any) -> None:
    """A factory that returns None."""


# further plugins that violate a test
MORE: list[tuple[str, str, Any]] = [
    ("Backend", "states_are_not_modified", backends.steps_with(arrays=step_functions.lending)),
    ("Backend", "custom_losses_are_differentiated", altered_backends.undifferentiating),
    ("Backend", WATCHED, backends.steps_with(epoch=step_functions.unwatched)),
    ("Metric", METRIC, partial(measures.metric, tasks=("binry",))),
    ("Metric", METRIC, partial(measures.metric, tasks="binary")),
    ("Metric", METRIC, partial(measures.metric, needs="probability")),
    ("Metric", METRIC, partial(measures.metric, interval="wilsons")),
    ("Metric", METRIC, nothing),
    ("Partitioner", GROUPS, partial(measures.partitioner, assign=measures.without_missing)),
    ("Encoder", "columns_are_described", encoders.Repeated),
    ("Encoder", "copies_are_equal", nothing),
    (
        "Partitioner",
        "assign_is_deterministic",
        partial(
            measures.partitioner, assign=lambda fitted, dataset: measures.assign(fitted, dataset)
        ),
    ),
]


def names_of(kit: str) -> set[str]:
    """Return the names of the conformance tests of a kit."""
    return {name.removeprefix("test_") for name in dir(kit_of(kit)) if name.startswith("test_")}


def kit_of(kit: str) -> Any:
    """Return the class of conformance tests."""
    return getattr(testing, f"{kit}Tests")


@pytest.mark.parametrize("kit", CULPRITS)
def test_every_conformance_test_has_a_culprit(kit: str) -> None:
    """Each conformance test has a plugin that violates it."""
    assert names_of(kit) == CULPRITS[kit].keys()


def arguments(function: Any) -> list[dict[str, Any]]:
    """Return the parameters of all cases of a test."""
    cases: list[dict[str, Any]] = [{}]
    for mark in getattr(function, "pytestmark", []):
        if mark.name == "parametrize":
            names, values = mark.args
            names = names.split(",") if isinstance(names, str) else names
            rows = [v if len(names) > 1 else (v,) for v in values]
            cases = [{**c, **dict(zip(names, row, strict=True))} for c in cases for row in rows]
    return cases


def provide_framework(name: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Provide the framework that the plugin of a test needs."""
    if name == "discovery_imports_no_framework":
        source = "import keras\n" + offering("mlpkit_backends", "'heavy', 'json:loads'")
        install(folder, "mlpkit-heavy", {"heavy": source}, modules={"keras": ""})
        patch.setenv("PYTHONPATH", str(folder), os.pathsep)
    if name == "a_model_predicts_without_the_framework":
        jax = ModuleType("jax")
        jax.Array = type("Array", (np.ndarray,), {"__module__": "jax"})  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "jax", jax)


def instance_of(kit: str, plugin: Any) -> Any:
    """Return an instance of the conformance tests for a plugin."""
    base = BASES.get(kit, kit_of(kit))
    return type("Culprit", (base,), {kit.lower(): staticmethod(plugin), "__test__": False})()


def failures(kit: str, name: str, plugin: Any, tmp_path: Path) -> list[Exception]:
    """Return the errors that the cases of a test raise for a plugin."""
    instance = instance_of(kit, plugin)
    test = getattr(instance, f"test_{name}")
    caught = []
    for i, case in enumerate(arguments(getattr(kit_of(kit), f"test_{name}"))):
        if "tmp_path" in inspect.signature(test).parameters:
            case["tmp_path"] = tmp_path / str(i)
            case["tmp_path"].mkdir()
        try:
            test(**case)
        except pytest.skip.Exception as skipped:
            pytest.fail(f"skipped: {skipped}")
        except Exception as error:
            caught.append(error)
    getattr(instance, "teardown_class", lambda: None)()
    return caught


EVERY_TEST = pytest.mark.parametrize(
    ("kit", "name"), [(kit, name) for kit in CULPRITS for name in sorted(CULPRITS[kit])]
)


@pytest.mark.filterwarnings("ignore")
@EVERY_TEST
def test_invalid_plugins_fail(
    kit: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least one case of the test fails for the plugin that violates it."""
    if name == "order_of_columns" and not FRAMES:
        pytest.skip("arrays have no names of columns")
    provide_framework(name, tmp_path, monkeypatch)
    assert failures(kit, name, CULPRITS[kit][name], tmp_path)


@pytest.mark.filterwarnings("ignore")
@EVERY_TEST
def test_valid_plugins_pass(kit: str, name: str, tmp_path: Path) -> None:
    """A valid plugin passes the same tests, so the failures are due to the violation."""
    assert failures(kit, name, RIGHT[kit], tmp_path) == []


@pytest.mark.parametrize(("kit", "name", "plugin"), SUBTLE)
def test_drawn_examples_find_subtle_errors(
    kit: str, name: str, plugin: Any, tmp_path: Path
) -> None:
    """A subtle error passes the first example, but fails for examples that hypothesis draws."""
    (first,) = getattr(kit_of(kit), f"test_{name}").hypothesis_explicit_examples
    getattr(instance_of(kit, plugin), f"test_{name}").hypothesis.inner_test(
        instance_of(kit, plugin), **first.kwargs
    )
    assert failures(kit, name, plugin, tmp_path)


@pytest.mark.parametrize(("kit", "name", "plugin"), MORE)
def test_other_invalid_plugins_fail(kit: str, name: str, plugin: Any, tmp_path: Path) -> None:
    """The test fails with a message."""
    caught = failures(kit, name, plugin, tmp_path)
    assert caught
    assert all(str(error) for error in caught)


def test_every_kit_has_culprits() -> None:
    """The plugins cover all classes of conformance tests."""
    assert {f"{kit}Tests" for kit in CULPRITS} | {"ConformanceTests"} == {
        name for name in testing.__all__ if name.endswith("Tests")
    }
