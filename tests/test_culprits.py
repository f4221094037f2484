"""For every law a plugin that breaks it, and the law says so."""

import inspect
import itertools
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from distributions import install, offering

from mlpkit import dense, numpy_backend, testing
from mlpkit.plugin import Network, Report, Solver, Steps
from mlpkit.solvers import adam, sgd
from mlpkit.training import trainer
from mlpkit.training.callbacks import printer

KITS = ["Backend", "Solver", "Builder", "Trainer", "Callback"]
Culprits = dict[str, Any]
# ---------------------------------------------------------------- backends


def steps_with(**wrong: Callable[[Steps], Any]) -> Any:
    """NumPy's backend with functions replaced; each is made from the right ones."""

    def backend(network: Network, spec: Any, recipe: Any) -> Steps:
        right = numpy_backend.backend(network, spec, recipe)
        return right._replace(**{name: make(right) for name, make in wrong.items()})

    return backend


def rounded(right: Steps) -> Any:
    """Weights that went through float16."""
    return lambda a: right.start({n: v.astype(np.float16).astype(v.dtype) for n, v in a.items()})


def unsolved(network: Network, spec: Any, recipe: Any) -> Steps:
    """Adam, whatever was asked for."""
    return numpy_backend.backend(network, spec, replace(recipe, solver=adam()))


def counting_zero_rows(right: Steps) -> Any:
    """Padding counts: it is taken for row 0."""
    return lambda s, rows, b: right.epoch(s, rows, b._replace(order=np.maximum(b.order, 0)))


def moving_without_weight(right: Steps) -> Any:
    """An empty step shrinks the weights."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = right.epoch(state, rows, batches)
        return after._replace(weights=after.weights * 0.999), sums

    return epoch


def with_means(right: Steps) -> Any:
    """Gradients as means over the rows."""

    def gradient(*given: Any) -> Any:
        sums, g = right.gradient(*given)
        return sums, {name: a / max(sums.weight, 1) for name, a in g.items()}

    return gradient


def in_place(right: Steps) -> Any:
    """The state that was given is worked in."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = right.epoch(state, rows, batches)
        state.weights[...] = after.weights
        return after, sums

    return epoch


def mixing_rows_up(right: Steps) -> Any:
    """Predictions come in another order than their rows."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = right.epoch(state, rows, batches)
        seen = sums.predictions
        return after, sums._replace(predictions=None if seen is None else seen[::-1])

    return epoch


def writing_put(right: Steps) -> Any:
    """Data are scaled where they are."""

    def put(X: Any, y: Any, w: Any) -> Any:
        X *= 1.0
        return right.put(X, y, w)

    return put


def short_outputs(right: Steps) -> Any:
    """The last, odd block of rows is lost."""
    return lambda s, X: right.outputs(s, X)[: max(1, len(X) // 8 * 8)]


def wide(right: Steps) -> Any:
    """Everything in float64."""
    return lambda s: {n: a.astype(float) for n, a in right.arrays(s).items()}


def losing_small_steps(right: Steps) -> Any:
    """A stream's chunks below 8 rows are ignored."""

    def epoch(state: Any, rows: Any, batches: Any) -> Any:
        after, sums = right.epoch(state, rows, batches)
        return (after if batches.order.shape[1] >= 8 else state), sums

    return epoch


def seeding(right: Steps) -> Any:
    """NumPy's global generator is seeded."""

    def put(*data: Any) -> Any:
        np.random.seed(0)
        return right.put(*data)

    return put


def frameworks_arrays(right: Steps) -> Any:
    """Weights stay in a class of the framework."""
    return lambda s: {n: a.view(sys.modules["jax"].Array) for n, a in right.arrays(s).items()}


BACKENDS: Culprits = {
    "arrays_come_back_bit_for_bit": steps_with(start=rounded),
    "first_steps_equal_numpy": steps_with(epoch=moving_without_weight),
    "solvers_equal_numpy": unsolved,
    "rows_of_weight_zero_change_nothing": steps_with(epoch=counting_zero_rows),
    "a_step_of_weight_zero_changes_nothing": steps_with(epoch=moving_without_weight),
    "epoch_equals_gradient_and_update": steps_with(gradient=with_means),
    "shards_sum_to_the_whole": steps_with(gradient=with_means),
    "states_are_never_written_to": steps_with(epoch=in_place),
    "a_watched_epoch_keeps_what_each_row_was_predicted": steps_with(epoch=mixing_rows_up),
    "any_form_of_input": steps_with(put=writing_put),
    "outputs_of_any_number_of_rows": steps_with(outputs=short_outputs),
    "dtype_of_the_data_decides": steps_with(arrays=wide),
    "streams_of_any_size_equal_numpy": steps_with(epoch=losing_small_steps),
    "no_global_state_is_touched": steps_with(put=seeding),
    "predicts_in_a_process_without_the_framework": steps_with(arrays=frameworks_arrays),
    "describing_imports_no_framework": numpy_backend.backend,  # see `_surroundings`
}


class BackendCulprit(testing.BackendLaws):
    """The laws, for an object instead of a name."""

    __test__ = False

    def steps(self, network: Any, spec: Any, recipe: Any, backend: str = "") -> Steps:
        """The culprit's functions, or NumPy's."""
        made = numpy_backend.backend if backend else type(self).backend
        return made(network, spec, recipe)  # type: ignore[operator, no-any-return]


# ---------------------------------------------------------------- solvers


def uphill(xp: Any, p: Any, g: Any, slots: Any, rate: Any, options: Any) -> Any:
    """Steps to the wrong side."""
    return p + rate * g, ()


def normed(xp: Any, p: Any, g: Any, slots: Any, rate: Any, options: Any) -> Any:
    """Looks at all weights of an array."""
    return p - rate * g / xp.sqrt(xp.sum(g * g)), ()


def widening(xp: Any, p: Any, g: Any, slots: Any, rate: Any, options: Any) -> Any:
    """float64, whatever was given."""
    return p - np.float64(rate) * g.astype("float64"), ()


HIDDEN = itertools.count()


def remembering(xp: Any, p: Any, g: Any, slots: Any, rate: Any, options: Any) -> Any:
    """Counts its steps where nobody sees it."""
    return p - rate / (1 + next(HIDDEN)) * g, ()


class Momentum:
    """An update that remembers, and whose memory a pickle forgets."""

    def __init__(self) -> None:
        self.before: dict[Any, Any] = {}

    def __call__(self, xp: Any, p: Any, g: Any, slots: Any, rate: Any, options: Any) -> Any:
        """One step."""
        self.before[p.shape] = 0.9 * self.before.get(p.shape, 0) + g
        return p - rate * self.before[p.shape], ()

    def __getstate__(self) -> dict[str, Any]:
        return {"before": {}}


def infinite(rate: float, step: Any, options: Any) -> Any:
    """0 / 0 in the first step."""
    with np.errstate(all="ignore"):
        return rate * (step - 1) / (step - 1)


SOLVERS: Culprits = {
    "it_is_a_solver_that_can_be_pickled": lambda: Solver(lambda *a: a),
    "the_same_settings_give_the_same_functions": lambda: Solver(Momentum()),
    "shapes_and_dtypes_stay": lambda: Solver(widening),
    "it_is_elementwise": lambda: Solver(normed),
    "all_it_knows_is_what_it_is_given": lambda: Solver(remembering),
    "its_rates_are_finite": lambda: sgd()._replace(rate_at=infinite),
    "it_goes_down": lambda: Solver(uphill),
    "it_trains": lambda: Solver(uphill),
    "a_stream_goes_on_from_a_pickle": lambda: Solver(Momentum()),
}


class SolverCulprit(testing.SolverLaws):
    """The laws, for a function instead of a name, where no compiler hides its memory."""

    __test__ = False
    backend = "numpy"

    def made(self) -> Solver:
        """A new one."""
        return type(self).solver()  # type: ignore[operator, no-any-return]

    def test_it_trains(self) -> None:
        """With the object itself."""
        law, self.solver = super().test_it_trains, self.made()  # type: ignore[misc, assignment]
        law()


# ---------------------------------------------------------------- builders


def apply(arrays: Any, x: Any, *, train: bool, seed: Any, w: Any) -> Any:
    """A network of its own."""
    return x @ arrays["coef_0"], {}


def unseeded(spec: Any, rng: Any) -> Network:
    """Draws from NumPy's global generator."""
    return dense.build(spec, np.random.mtrand._rand)


def narrow(spec: Any, rng: Any) -> Network:
    """float32, whatever was asked for."""
    made = dense.build(spec, rng)
    return made._replace(arrays={n: a.astype("float32") for n, a in made.arrays.items()})


def fresh(spec: Any, rng: Any) -> Network:
    """Another function each time, which can't be pickled either."""
    return dense.build(spec, rng)._replace(apply=lambda arrays, x, **_: (x, {}))


def three_outputs(spec: Any, rng: Any) -> Network:
    """Three outputs, whatever was asked for."""
    return dense.build(replace(spec, n_outputs=4), rng)


def level(xp: Any, y: Any, p: Any) -> Any:
    """A loss without a slope."""
    return 0 * p


def unmoved(spec: Any, rng: Any) -> Network:
    """Brings a loss from which nothing learns."""
    return dense.build(spec, rng)._replace(loss=spec.loss._replace(delta=level))


BUILDERS: Culprits = {
    "it_returns_a_network": narrow,
    "the_seed_decides": unseeded,
    "the_same_structure_has_the_same_apply": fresh,
    "it_can_be_pickled": fresh,
    "outputs_fit_the_spec": three_outputs,
    "it_trains": unmoved,
}
# ---------------------------------------------------------------- trainers


def idle(job: Any, state: Any, progress: Any, watch: Any) -> Any:
    """Reports, and trains nothing."""
    for epoch in range(1, job.recipe.max_iter + 1):
        watch(state, Report(epoch, 1.0, None, 0.01, 0.0))
    return state, replace(progress, epoch=job.recipe.max_iter)


def silent(job: Any, state: Any, progress: Any, watch: Any) -> Any:
    """Trains, and reports nothing."""
    return trainer.train(job, state, progress, lambda state, report: False)


def stubborn(job: Any, state: Any, progress: Any, watch: Any) -> Any:
    """Does not listen."""

    def deaf(state: Any, report: Report) -> bool:
        watch(state, report)
        return False

    return trainer.train(job, state, progress, deaf)


def endless(job: Any, state: Any, progress: Any, watch: Any) -> Any:
    """Takes no notice of `passes`."""
    return trainer.train(job._replace(passes=0), state, progress, watch)


def overwriting(job: Any, state: Any, progress: Any, watch: Any) -> Any:
    """Puts the last weights into the first state."""
    after, progress = trainer.train(job, state, progress, watch)
    state.weights[...] = after.weights
    return after, progress


def dicing(job: Any, state: Any, progress: Any, watch: Any) -> Any:
    """Draws from the entropy of the machine."""
    return trainer.train(job._replace(rng=np.random.RandomState()), state, progress, watch)


TRAINERS: Culprits = {
    "the_loss_goes_down": idle,
    "every_epoch_is_reported": silent,
    "true_stops": stubborn,
    "a_float_is_the_rate_from_there": stubborn,
    "passes_are_kept": endless,
    "the_first_state_stays": overwriting,
    "the_seed_decides": dicing,
    "it_trains_an_estimator": idle,
}
# ---------------------------------------------------------------- callbacks


def chatty() -> Any:
    """Answers in words."""
    return lambda report: "go on"


def scribbling() -> Any:
    """Writes into what it is shown."""

    def callback(report: Report) -> None:
        for a in report.arrays().values():
            a *= 0

    return callback


CALLS = itertools.count()


def shared() -> Any:
    """Counts over all fits."""
    return lambda report: next(CALLS) > 15


def global_seed() -> Any:
    """Seeds NumPy's global generator."""
    return lambda report: np.random.seed(report.epoch)


class Nervous:
    """Raises for what it has not seen: an epoch without a score."""

    def __call__(self, report: Report) -> bool:
        """Whether to stop."""
        return not np.isfinite(float(report.score))  # type: ignore[arg-type]


CALLBACKS: Culprits = {
    "it_answers_every_report": chatty,
    "weights_are_left_alone": scribbling,
    "each_is_new": shared,
    "no_global_state_is_touched": global_seed,
    "it_listens_to_an_estimator": Nervous,
}


class CallbackCulprit(testing.CallbackLaws):
    """The laws, for a function instead of a name, where no compiler hides its memory."""

    __test__ = False
    backend = "numpy"

    def made(self) -> Any:
        """A new one."""
        return type(self).callback()  # type: ignore[operator]


# ---------------------------------------------------------------- the proof

CULPRITS: dict[str, Culprits] = dict(
    zip(KITS, [BACKENDS, SOLVERS, BUILDERS, TRAINERS, CALLBACKS], strict=True)
)
BASES: dict[str, Any] = {
    "Backend": BackendCulprit,
    "Solver": SolverCulprit,
    "Callback": CallbackCulprit,
}


def laws_of(kit: str) -> set[str]:
    """The laws of a kit."""
    return {name.removeprefix("test_") for name in dir(kit_of(kit)) if name.startswith("test_")}


def kit_of(kit: str) -> Any:
    """The class of laws."""
    return getattr(testing, f"{kit}Laws")


@pytest.mark.parametrize("kit", KITS)
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
    if law == "describing_imports_no_framework":
        source = "import keras\n" + offering("mlpkit_backends", "'heavy', 'json:loads'")
        install(folder, "mlpkit-heavy", {"heavy": source}, modules={"keras": ""})
        patch.setenv("PYTHONPATH", str(folder), os.pathsep)
    if law == "predicts_in_a_process_without_the_framework":
        jax = ModuleType("jax")
        jax.Array = type("Array", (np.ndarray,), {"__module__": "jax"})  # type: ignore[attr-defined]
        patch.setitem(sys.modules, "jax", jax)


def failures(kit: str, law: str, plugin: Any, tmp_path: Path) -> list[Exception]:
    """What the cases of a law say to a plugin."""
    base = BASES.get(kit, kit_of(kit))
    held = type("Held", (base,), {kit.lower(): staticmethod(plugin), "__test__": False})()
    test = getattr(held, f"test_{law}")
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
    ("kit", "law"), [(kit, law) for kit in KITS for law in sorted(CULPRITS[kit])]
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
    right: dict[str, Any] = {
        "Backend": numpy_backend.backend,
        "Solver": adam,
        "Builder": dense.build,
        "Trainer": trainer.train,
        "Callback": printer,
    }
    assert failures(kit, law, right[kit], tmp_path) == []
