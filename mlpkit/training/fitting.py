"""One fit, from a model and data to the trained model: split, put, train, report."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from mlpkit import provenance, recipes
from mlpkit.dense import ACTIVATIONS
from mlpkit.model import Model
from mlpkit.plugin import Array, Job, Progress, Recipe, Report, State
from mlpkit.targets import Labels, Values
from mlpkit.training.listeners import Listeners


class Data(NamedTuple):
    """Validated rows: X (n, n_features), encoded y (n, n_outputs), weights (n,) or None."""

    X: Any
    y: Array
    w: Array | None


class Fitted(NamedTuple):
    """What a fit brings."""

    model: Model
    progress: Progress
    reports: list[Report]


def run(
    model: Model,
    params: dict[str, Any],
    data: Data,
    targets: Labels | Values,
    rng: np.random.RandomState,
    progress: Callable[[Recipe], Progress],
    passes: int,
) -> Fitted:
    """Train the model on the backend, with the solver and callbacks that `params` name.

    ``passes`` 0 trains until the trainer's own rules end it.
    """
    recipe = recipes.recipe_of(params, model.solver)
    live = model.live(recipes.backend_of(params), recipe)
    score: Callable[[State], float] | None = None
    if recipe.solver.has_steps:  # else the whole data at once
        if params["early_stopping"]:
            data, held = _held_out(data, targets, params["validation_fraction"], rng)

            def score(state: State) -> float:
                p = live.steps.outputs(state, held.X)
                ACTIVATIONS[model.spec.loss.out_activation](p)
                return targets.score(held.y, p, held.w)

        _warn_if_clipped(params["batch_size"], len(data.y))
    callbacks = recipes.callbacks_of(
        params, network=model.structure, spec=model.spec, recipe=recipe
    )
    listeners = Listeners(callbacks, live.steps.arrays)
    before = progress(recipe)
    before = replace(before, rate=listeners.begin(live.state, before.rate))
    state = live.state
    try:
        state, after = recipes.trainer_of(params, recipe)(
            Job(
                steps=live.steps,
                rows=live.steps.put(*data),
                n_rows=len(data.y),
                recipe=recipe,
                rng=rng,
                seed=model.spec.seed,
                decayed=model.decayed,
                frozen=model.structure.frozen,
                score=score,
                passes=passes,
            ),
            live.state,
            before,
            listeners,
        )
    finally:
        chosen = listeners.end(state)
    if chosen is not None:
        state = live.steps.start({**chosen, **live.steps.slots(state)})
    backend = params["backend"] or recipes.backend_name(params)
    sources = provenance.sources_of(backend, params["builder"], model.structure)
    trained = model.trained(live._replace(state=state), sources)
    return Fitted(trained, after, listeners.reports)


def _held_out(
    data: Data, targets: Labels | Values, fraction: float, rng: np.random.RandomState
) -> tuple[Data, Data]:
    """The rows to train on, and those to score on: stratified for two classes."""
    stratify = data.y if targets.task == "binary" else None
    given = [part for part in data if part is not None]
    parts = train_test_split(*given, random_state=rng, test_size=fraction, stratify=stratify)
    no_weights = [None] if data.w is None else []
    held = Data(*parts[1::2], *no_weights)
    if held.X.shape[0] < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of"
            " your dataset."
        )
    return Data(*parts[::2], *no_weights), held


def _warn_if_clipped(batch_size: int | str, n_rows: int) -> None:
    if batch_size != "auto" and int(batch_size) > n_rows:
        warnings.warn(
            f"Got `batch_size` {batch_size}, larger than the sample size {n_rows}. It is going"
            " to be clipped"
        )
