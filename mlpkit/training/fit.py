"""One fit, from a model and data to the trained model: split, put, train, report."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from mlpkit.data.targets import Labels, Values
from mlpkit.numpy_backend.dense import activated
from mlpkit.plugin import (
    Array,
    Dataset,
    InvalidResult,
    Job,
    Observer,
    Progress,
    Recipe,
    Report,
    State,
    Unsupported,
)
from mlpkit.registry import provenance
from mlpkit.training import checks as answers
from mlpkit.training import recipe as recipes
from mlpkit.training.model import Model
from mlpkit.training.observers import Listeners
from mlpkit.training.support import check_network, check_rows, declared, name_in

if TYPE_CHECKING:  # it is there where metrics are asked for
    from mlpkit.monitoring.monitor import Asked, Monitor
    from mlpkit.monitoring.stream import Arrival, StreamMonitor
    from mlpkit.training.sklearn_callbacks import FitTasks


class Fitted(NamedTuple):
    """The result of a fit."""

    model: Model
    progress: Progress
    reports: list[Report]
    monitor: "Monitor | StreamMonitor | None" = None
    has_steps: bool = True  # else the loss is the least one, also where no iteration was made


class Task(NamedTuple):
    """What a fit works with, besides the model and the parameters.

    ``validation`` are rows to stop early on, instead of some held out; ``passes`` 0 trains
    until the trainer's own rules end it.
    """

    data: Dataset
    targets: Labels | Values
    rng: np.random.RandomState
    progress: Callable[[Recipe], Progress]
    passes: int = 0
    validation: Dataset | None = None
    asked: "Asked | Arrival | None" = None
    tasks: "FitTasks | None" = None  # of scikit-learn's callbacks


def run(model: Model, params: dict[str, Any], task: Task) -> Fitted:
    """Train the model on the backend, with the solver and callbacks that `params` name.

    Raises PluginError, with the name and the distribution of the component, for one that does
    not support what is asked of it, or that returns something invalid.
    """
    recipe = recipes.recipe_of(params, model.solver)
    try:
        return _run(model, params, task, recipe)
    except (InvalidResult, Unsupported) as error:
        name_in(error, params, model.structure, model.spec, recipe)
        raise


def _run(model: Model, params: dict[str, Any], task: Task, recipe: Recipe) -> Fitted:
    backend = recipes.backend_of(params)
    check_rows(params, task.data.X)
    live = model.kept(backend, recipe)
    if live is None:
        check_network(params, model.structure, model.spec, recipe)
        live = model.live(backend, recipe)

    def predict(state: State, X: Any) -> Array:
        z = answers.outputs(live.steps.outputs(state, X), X.shape[0], model.spec.n_outputs)
        return activated(z, model.spec.loss.out_activation)

    if any(model.spec.dropouts) and not recipe.solver.has_steps:
        raise ValueError(
            f"dropout={params['dropout']!r} needs a solver that works in steps, as 'adam' or"
            f" 'sgd'; {params['solver']!r} minimises one function of all rows. Set dropout=0.0."
        )
    tasks = task.tasks
    if tasks is not None:
        tasks.begin(_at_most(params, recipe, task.passes))
    data, asked, score = task.data, task.asked, None
    if recipe.solver.has_steps:  # else the whole data at once
        data, asked, score = _split(params, task, predict)
        _warn_if_clipped(params["batch_size"], len(data.y))
    elif asked is not None and asked.plan.goal is not None:
        raise ValueError(
            f"early_stopping_on needs a solver that works in steps, as 'adam'; {params['solver']!r}"
            " has none."
        )
    monitor = None
    if asked is not None:
        monitor = asked.monitor(predict)
        monitor.begin(live.state)
        if asked.plan.goal is not None:
            score = monitor.score
    callbacks = recipes.callbacks_of(
        params,
        task.passes,
        network=model.structure,
        spec=model.spec,
        recipe=recipe,
        metrics=() if asked is None else asked.plan.metrics,
    )
    measure = None if monitor is None else monitor.measure
    monitored = None if monitor is None else monitor.monitored
    given = recipes.given_callbacks(params, task.passes)
    listeners = Listeners(callbacks, live.steps.arrays, measure, monitored, given)
    before = task.progress(recipe)

    def fitted(state: State, progress: Progress, n_epochs: int) -> Fitted:
        backend = params["backend"]
        if backend is None:
            backend = recipes.backend_name(params)
        sources = provenance.sources_of(backend, params["builder"], model.structure)
        trained = model.trained(live._replace(state=state), sources)
        reports = listeners.reports[:n_epochs]
        return Fitted(trained, progress, reports, monitor, recipe.solver.has_steps)

    state = live.state
    try:
        before = replace(before, learning_rate=listeners.begin(live.state, before.learning_rate))
        job = Job(
            steps=answers.checked(live.steps, model.spec),
            rows=live.steps.put(data.X, data.y, data.sample_weight),
            n_rows=len(data.y),
            recipe=recipe,
            rng=task.rng,
            seed=model.spec.seed,
            decayed=model.decayed,
            frozen=model.structure.frozen,
            score=score,
            passes=task.passes,
            with_predictions=monitor is not None
            and monitor.with_predictions
            and "epoch_predictions" in declared(params),
        )
        observer: Observer = listeners
        if tasks is not None:
            job, observer = tasks.followed(job, before, fitted), tasks.observed(observer)
        train = recipes.trainer_of(params, recipe)
        state, after = answers.trained(train(job, live.state, before, observer))
        if tasks is not None:
            tasks.close()
    finally:
        listeners.end(state)
    if (chosen := listeners.chosen(state)) is not None:
        state = live.steps.start({**chosen, **live.steps.optimizer_state(state)})
    return fitted(state, after, after.epoch)  # an interrupted epoch does not count


def _at_most(params: dict[str, Any], recipe: Recipe, passes: int) -> int | None:
    """The number of epochs at most, None of a trainer of a plugin."""
    ours = (params["trainer"] or recipe.solver.trainer) in ("epochs", "lbfgs")
    return passes or (recipe.max_iter if ours else None)


def _split(
    params: dict[str, Any], task: Task, predict: Callable[[State, Any], Array]
) -> "tuple[Dataset, Asked | Arrival | None, Callable[[State], float] | None]":
    """Rows to train on, what is measured, and the score for early stopping, if that is wanted."""
    data, held = task.data, task.validation
    asked: Any = task.asked  # of a stream, nothing that follows is wanted
    goal = None if asked is None else asked.plan.goal
    if not params["early_stopping"] and goal is None:
        return data, asked, None
    if held is None and (goal is None or goal.split == "validation"):
        data, held, indices = _held_out(data, task, params["validation_fraction"])
        asked = None if asked is None else asked.split(*indices)
        if task.tasks is not None:
            task.tasks.keep(indices[0])
    if held is None:
        return data, asked, None  # the monitor scores an evaluation set
    validation = held

    def score(state: State) -> float:
        p = predict(state, validation.X)
        return task.targets.score(validation.y, p, validation.sample_weight)

    return data, asked, score


def _held_out(
    data: Dataset, task: Task, fraction: float
) -> tuple[Dataset, Dataset, tuple[Array, Array]]:
    """The rows to train on, those to score on, and the indices of both: stratified for two
    classes.
    """
    stratify = data.y if task.targets.task == "binary" else None
    kept, held = train_test_split(
        np.arange(len(data.y)), random_state=task.rng, test_size=fraction, stratify=stratify
    )
    if len(held) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of"
            " your dataset."
        )
    return data.take(kept), data.take(held), (kept, held)


def _warn_if_clipped(batch_size: int | str, n_rows: int) -> None:
    if batch_size != "auto" and int(batch_size) > n_rows:
        warnings.warn(
            f"Got `batch_size` {batch_size}, larger than the sample size {n_rows}. It is going"
            " to be clipped"
        )
