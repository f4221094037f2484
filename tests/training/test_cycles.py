"""Training in cycles: their lengths, the learning rate, the best epoch, and when it ends."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import steps as numpy_backend
from mlpkit.plugin import Job, Progress, Report
from mlpkit.testing.cases import data, recipe, spec
from mlpkit.training.batches import EpochBatches
from mlpkit.training.cycle_run import BestStates
from mlpkit.training.cycles import Cycles

X, Y = load_breast_cancer(return_X_y=True)
X = X / X.max(axis=0)


def job_with(score: Callable[[Any], Any] | None, **changes: Any) -> tuple[Job, Any]:
    """A job on NumPy of 40 rows in steps of 10, with its initial state."""
    s = spec()
    r = replace(recipe(max_iter=100), batch_size=10, **changes)
    network = dense.build(s, np.random.RandomState(1))
    steps, (rows, y, w) = numpy_backend.backend(network, s, r), data(s, 40)
    rng = np.random.RandomState(2)
    batches = EpochBatches(r, seed=3)
    job = Job(steps, steps.put(rows, y, w), 40, r, rng, 3, network.decayed, batches, score)
    return job, steps.start(network.arrays)


def trained(
    trainer: Cycles, scores: list[float] | None = None, **changes: Any
) -> tuple[Any, list[Report], list[Any]]:
    """The final weights, the reports, and the weights after each epoch, for these scores."""
    values = iter(scores or [])
    job, state = job_with((lambda state: next(values)) if scores else None, **changes)
    reports: list[Report] = []
    weights: list[Any] = []

    def observer(state: Any, report: Report) -> bool:
        reports.append(report)
        weights.append(job.steps.arrays(state))
        return False

    state, _ = trainer(job, state, Progress(learning_rate=0.01), observer)
    return job.steps.arrays(state), reports, weights


def test_cycles_grow_until_the_maximum_number_of_epochs() -> None:
    """The first cycle has a minimum number of steps; a cycle that is too long is left out."""
    assert list(Cycles(max_cycles=3).lengths(n_steps=2, max_epochs=10_000)) == [38, 76, 152]
    assert list(Cycles(max_cycles=2).lengths(n_steps=100, max_epochs=100)) == [3, 6]
    assert list(Cycles(first_cycle=3, growth=1.5).lengths(2, 12)) == [3, 5]
    assert list(Cycles(first_cycle=30).lengths(2, 12)) == [12]


def test_every_order_that_is_drawn_is_used() -> None:
    """The generator of the order is where training of the same number of epochs leaves it."""
    job, state = job_with(None)
    trainer = Cycles(first_cycle=2, max_cycles=1)
    trainer(job, state, Progress(learning_rate=0.01), lambda state, report: False)
    rng = np.random.RandomState(2)
    for _ in range(2):
        rng.shuffle(np.arange(40))
    assert job.rng.randint(2**31) == rng.randint(2**31)


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("first_cycle", 0),
        ("first_cycle", 2.5),
        ("first_steps", 0),
        ("min_epochs", 0),
        ("growth", 0.5),
        ("max_cycles", 0),
        ("min_gain", "0.1"),
        ("warmup", 1.0),
        ("eligible", 0.0),
    ],
)
def test_invalid_parameters(name: str, value: Any) -> None:
    """They raise an error that names the parameter."""
    with pytest.raises(ValueError, match=f"The '{name}' parameter of Cycles must be"):
        Cycles(**{name: value})


def test_the_learning_rate_warms_up_and_falls_in_each_cycle() -> None:
    """The default schedule is a cosine after a linear warm-up, anew in each cycle."""
    rates: list[float] = []
    job, state = job_with(None)
    epoch = job.steps.epoch

    def recorded(state: Any, rows: Any, batches: Any) -> Any:
        rates.extend(batches.learning_rates)
        return epoch(state, rows, batches)

    r = replace(job.recipe, solver=job.recipe.solver._replace(learning_rate_at=None))
    job = job._replace(steps=job.steps._replace(epoch=recorded), recipe=r)
    trainer = Cycles(first_cycle=5, max_cycles=2, warmup=0.25)
    trainer(job, state, Progress(learning_rate=0.01), lambda state, report: False)
    t = np.concatenate([(np.arange(n) + 0.5) / n for n in (20, 40)])
    after = (1 + np.cos(np.pi * np.clip((t - 0.25) / 0.75, 0, 1))) / 2
    expected = 0.01 * np.where(t < 0.25, t / 0.25, after)
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


def test_a_schedule_of_the_estimator_replaces_the_cosine() -> None:
    """A schedule in the recipe spans each cycle."""
    _, reports, _ = trained(Cycles(first_cycle=2, max_cycles=2), schedule=lambda t: 1 - t)
    assert [round(r.learning_rate, 6) for r in reports] == [
        0.0075, 0.0025, 0.00875, 0.00625, 0.00375, 0.00125,
    ]  # fmt: skip


def test_only_epochs_at_the_end_of_a_cycle_may_be_the_best() -> None:
    """The best score counts among the last 40 % of the epochs of each cycle."""
    scores = [0.9, 0.1, 0.2, 0.5, 0.4]
    final, reports, weights = trained(Cycles(first_cycle=5, max_cycles=1), scores)
    assert [r.score for r in reports] == scores
    assert all(np.array_equal(final[name], weights[3][name]) for name in final)


@pytest.mark.parametrize(("second", "n_epochs"), [(0.505, 15), (0.5049, 15), (0.6, 35)])
def test_training_ends_after_a_cycle_without_gain(second: float, n_epochs: int) -> None:
    """A third cycle follows if the second one improves the score by at least `min_gain`."""
    scores = [0.5] * 5 + [second] * 10 + [second] * 20
    trainer = Cycles(first_cycle=5, min_gain=0.1)
    assert len(trained(trainer, scores)[1]) == n_epochs


def test_the_best_epoch_of_each_model() -> None:
    """With a score for each model, each has the weights of its own best epoch."""
    steps = numpy_backend.backend(
        dense.build(spec(), np.random.RandomState(0)), spec(), recipe(max_iter=2)
    )._replace(start=dict, arrays=dict, optimizer_state=lambda state: {})
    job = job_with(None)[0]._replace(n_models=2, steps=steps)
    best = BestStates(job)
    for value, scores in ((1.0, [0.1, 0.5]), (2.0, [0.3, 0.4]), (3.0, [np.nan, 0.2])):
        best.update({"a": np.full((2, 3), value)}, np.array(scores))
    assert best.score == pytest.approx(0.4)
    final = best.final({"a": np.zeros((2, 3))})
    np.testing.assert_array_equal(final["a"], [[2.0] * 3, [1.0] * 3])


def test_an_estimator_trains_in_cycles_without_a_warning() -> None:
    """The end is planned, so there is no ConvergenceWarning; more cycles lower the loss."""
    clf = MLPClassifier(
        trainer=Cycles(first_cycle=4, max_cycles=2),
        early_stopping_on="loss",
        learning_rate_init=0.01,
        random_state=0,
    ).fit(X, Y)
    assert clf.n_iter_ == len(clf.validation_scores_) == 12
    assert clf.best_validation_score_ in clf.validation_scores_[2:4] + clf.validation_scores_[7:]
    assert clf.score(X, Y) > 0.9
    stream = MLPClassifier(trainer="cycles", random_state=0).partial_fit(X, Y, classes=[0, 1])
    assert stream.n_iter_ == 1


def test_early_stopping_on_the_loss_keeps_the_epoch_of_the_lowest_loss() -> None:
    """The score is the negative loss of the validation rows, and callbacks receive the loss."""
    seen: list[Any] = []
    reg = MLPRegressor(
        hidden_layer_sizes=(8,),
        early_stopping_on="loss",
        max_iter=20,
        random_state=0,
        callbacks=lambda report: seen.append((report.score, report.monitored)),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        reg.fit(X[:300], X[:300, 0] * 3, X_val=X[300:], y_val=X[300:, 0] * 3)
    residuals = X[300:, 0] * 3 - reg.predict(X[300:])
    assert -0.5 * np.mean(residuals**2) == pytest.approx(reg.best_validation_score_, rel=1e-6)
    assert reg.best_validation_score_ == max(score for score, _ in seen)
    assert all(monitored == ("loss", -score) for score, monitored in seen)
    assert len(reg.metric_history_) > 0


def test_divergence_keeps_the_best_epoch_or_is_an_error() -> None:
    """Weights that become infinite are an error before the first eligible epoch."""
    clf = MLPRegressor(
        hidden_layer_sizes=(4,), solver="sgd", trainer="cycles", learning_rate_init=1e10
    )
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        clf.fit(X, X[:, 0] * 1e6)


@pytest.mark.once
def test_the_class_in_place_of_an_object() -> None:
    """The message says that the class must be called."""
    wrong: Any = Cycles
    with pytest.raises(ValueError, match=r"got the class Cycles\. Did you mean trainer=Cycles\(\)"):
        MLPClassifier(trainer=wrong).fit(X, Y)
