"""For every law a plugin that breaks it, and the law says so."""

import inspect
import os
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from culprits import backends, measures, solvers, training
from distributions import install, offering

from mlpkit import testing
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.objectives.solvers import adam
from mlpkit.plugin import Solver
from mlpkit.training import loop as trainer
from mlpkit.training.progress import printer

CULPRITS: dict[str, dict[str, Any]] = {
    "Backend": backends.BACKENDS,
    "Solver": solvers.SOLVERS,
    "Builder": training.BUILDERS,
    "Trainer": training.TRAINERS,
    "Callback": training.CALLBACKS,
    "Metric": measures.METRICS,
    "Partitioner": measures.PARTITIONERS,
}
RIGHT: dict[str, Any] = {
    "Backend": numpy_backend.backend,
    "Solver": adam,
    "Builder": dense.build,
    "Trainer": trainer.train,
    "Callback": printer,
    "Metric": measures.metric,
    "Partitioner": measures.partitioner,
}
BASES: dict[str, Any] = {
    "Backend": backends.BackendCulprit,
    "Solver": solvers.SolverCulprit,
    "Callback": training.CallbackCulprit,
}
WATCHED = "an_epoch_returns_predictions"
METRIC = "fields_are_valid_and_picklable"
GROUPS = "codes_and_names_are_valid"
# what the first case of a law lets pass, and others that hypothesis draws do not
SUBTLE: list[tuple[str, str, Any]] = [
    (
        "Backend",
        "an_epoch_equals_gradients_and_updates",
        backends.steps_with(gradient=backends.packed),
    ),
    ("Backend", "gradients_of_shards_add_up", backends.steps_with(gradient=backends.short)),
    ("Solver", "the_update_is_elementwise", partial(Solver, solvers.clipped)),
    (
        "Metric",
        "merged_chunks_equal_all_rows",
        partial(measures.metric, row_statistics=measures.eights),
    ),
    (
        "Partitioner",
        "groups_do_not_depend_on_other_rows",
        partial(measures.partitioner, assign=measures.once),
    ),
    (
        "Partitioner",
        "fitted_groups_merge",
        partial(measures.partitioner, merge=measures.one_of),
    ),
]


def nothing(*given: Any) -> None:
    """A factory that forgets to return what it makes."""


# further ways to break a law
MORE: list[tuple[str, str, Any]] = [
    ("Backend", "states_are_not_modified", backends.steps_with(arrays=backends.lending)),
    ("Backend", "custom_losses_are_differentiated", backends.undifferentiating),
    ("Backend", WATCHED, backends.steps_with(epoch=backends.unwatched)),
    ("Metric", METRIC, partial(measures.metric, tasks=("binry",))),
    ("Metric", METRIC, partial(measures.metric, tasks="binary")),
    ("Metric", METRIC, partial(measures.metric, needs="probability")),
    ("Metric", METRIC, partial(measures.metric, interval="wilsons")),
    ("Metric", METRIC, nothing),
    ("Partitioner", GROUPS, partial(measures.partitioner, assign=measures.without_missing)),
    (
        "Partitioner",
        "assign_is_deterministic",
        partial(measures.partitioner, assign=lambda cut, sample: measures.assign(cut, sample)),
    ),
]


def laws_of(kit: str) -> set[str]:
    """The laws of a kit."""
    return {name.removeprefix("test_") for name in dir(kit_of(kit)) if name.startswith("test_")}


def kit_of(kit: str) -> Any:
    """The class of laws."""
    return getattr(testing, f"{kit}Tests")


@pytest.mark.parametrize("kit", CULPRITS)
def test_no_law_without_a_culprit(kit: str) -> None:
    """Each law has a plugin that breaks it."""
    assert laws_of(kit) == CULPRITS[kit].keys()


def arguments(law: Any) -> list[dict[str, Any]]:
    """All that a law is parametrized with."""
    found: list[dict[str, Any]] = [{}]
    for mark in getattr(law, "pytestmark", []):
        if mark.name == "parametrize":
            names, values = mark.args
            names = names.split(",") if isinstance(names, str) else names
            rows = [v if len(names) > 1 else (v,) for v in values]
            found = [{**f, **dict(zip(names, row, strict=True))} for f in found for row in rows]
    return found


def surroundings(law: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """What a culprit needs around it: a framework of its own."""
    if law == "discovery_imports_no_framework":
        source = "import keras\n" + offering("mlpkit_backends", "'heavy', 'json:loads'")
        install(folder, "mlpkit-heavy", {"heavy": source}, modules={"keras": ""})
        patch.setenv("PYTHONPATH", str(folder), os.pathsep)
    if law == "a_model_predicts_without_the_framework":
        jax = ModuleType("jax")
        jax.Array = type("Array", (np.ndarray,), {"__module__": "jax"})  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "jax", jax)


def held_of(kit: str, plugin: Any) -> Any:
    """The laws, for a plugin that is given."""
    base = BASES.get(kit, kit_of(kit))
    return type("Held", (base,), {kit.lower(): staticmethod(plugin), "__test__": False})()


def failures(kit: str, law: str, plugin: Any, tmp_path: Path) -> list[Exception]:
    """What the cases of a law say to a plugin."""
    test = getattr(held_of(kit, plugin), f"test_{law}")
    needs = {"tmp_path": tmp_path} if "tmp_path" in inspect.signature(test).parameters else {}
    caught = []
    for case in arguments(getattr(kit_of(kit), f"test_{law}")):
        try:
            test(**case, **needs)
        except pytest.skip.Exception as skipped:
            pytest.fail(f"skipped: {skipped}")
        except Exception as error:
            caught.append(error)
    return caught


EVERY_LAW = pytest.mark.parametrize(
    ("kit", "law"), [(kit, law) for kit in CULPRITS for law in sorted(CULPRITS[kit])]
)


@pytest.mark.filterwarnings("ignore")
@EVERY_LAW
def test_the_law_catches_its_culprit(
    kit: str, law: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least one of the law's cases fails."""
    surroundings(law, tmp_path, monkeypatch)
    assert failures(kit, law, CULPRITS[kit][law], tmp_path)


@pytest.mark.filterwarnings("ignore")
@EVERY_LAW
def test_the_law_lets_the_right_one_pass(kit: str, law: str, tmp_path: Path) -> None:
    """Held in the same way, a plugin without fault passes: it is the fault that is caught."""
    assert failures(kit, law, RIGHT[kit], tmp_path) == []


@pytest.mark.parametrize(("kit", "law", "plugin"), SUBTLE)
def test_what_is_drawn_finds_more(kit: str, law: str, plugin: Any, tmp_path: Path) -> None:
    """A subtle fault passes the first case of its law, and not those that hypothesis draws."""
    (first,) = getattr(kit_of(kit), f"test_{law}").hypothesis_explicit_examples
    getattr(held_of(kit, plugin), f"test_{law}").hypothesis.inner_test(
        held_of(kit, plugin), **first.kwargs
    )
    assert failures(kit, law, plugin, tmp_path)


@pytest.mark.parametrize(("kit", "law", "plugin"), MORE)
def test_other_ways_to_break_a_law(kit: str, law: str, plugin: Any, tmp_path: Path) -> None:
    """Each is caught, and told in words."""
    caught = failures(kit, law, plugin, tmp_path)
    assert caught
    assert all(str(error) for error in caught)


def test_every_kit_has_culprits() -> None:
    """And no kind goes without laws."""
    assert {f"{kit}Tests" for kit in CULPRITS} | {"ConformanceTests"} == {
        name for name in testing.__all__ if name.endswith("Tests")
    }
