"""One fit: hold out validation rows, start the backend, train, and collect the result."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from mlpkit.data.targets import Targets
from mlpkit.monitoring.protocol import Monitor, Predict
from mlpkit.numpy_backend.dense import activated
from mlpkit.plugin import (
    Array,
    Dataset,
    InvalidResult,
    Job,
    Progress,
    Recipe,
    Report,
    Spec,
    State,
    Unsupported,
)
from mlpkit.registry import provenance
from mlpkit.training import checks
from mlpkit.training.components import (
    backend_name,
    backend_of,
    callbacks_of,
    selected_callbacks,
    trainer_of,
)
from mlpkit.training.epoch_observer import EpochObserver
from mlpkit.training.fitted_network import FittedNetwork, LiveState
from mlpkit.training.parameters import Parameters
from mlpkit.training.support import add_component_name, check_network, check_rows, declared
from mlpkit.training.tasks import Tasks


@dataclass(frozen=True)
class FitInputs:
    """What a fit works on, in addition to the network and the parameters.

    Parameters
    ----------
    rows : Dataset
        Validated rows, with the targets as the user passed them.
    data : Dataset
        The rows with encoded targets (n_samples, n_outputs) and with class weights applied.
    targets : Targets
        The fitted encoder of the targets.
    recipe : Recipe
    rng : RandomState
    progress : Progress
        What training continues from.
    monitor : Monitor
    tasks : Tasks
    validation : Dataset or None
        Rows for early stopping; None holds out some of the training rows.
    passes : int
        As in `Job`.
    attributes_of : callable
        ``attributes_of(result)``: the attributes of an estimator with this result, for the
        callbacks of scikit-learn.
    """

    rows: Dataset
    data: Dataset
    targets: Targets
    recipe: Recipe
    rng: np.random.RandomState
    progress: Progress
    monitor: Monitor
    tasks: Tasks
    validation: Dataset | None
    passes: int
    attributes_of: "Callable[[FitResult], dict[str, Any]]"


class FitResult(NamedTuple):
    """A trained network, with the reports of the epochs and the monitor that measured them."""

    network: FittedNetwork
    progress: Progress
    reports: list[Report]
    monitor: Monitor
    has_steps: bool  # else the loss is the best one, also without any iteration


def fit(network: FittedNetwork, parameters: Parameters, inputs: FitInputs) -> FitResult:
    """Train the network on the backend and with the components that the parameters select.

    Raises PluginError, with the name and the distribution of the component, for a component that
    does not support the fit or returns an invalid result.
    """
    try:
        return _fit(network, parameters, inputs)
    except (InvalidResult, Unsupported) as error:
        add_component_name(error, parameters, network.structure, network.spec, inputs.recipe)
        raise


def _fit(network: FittedNetwork, parameters: Parameters, inputs: FitInputs) -> FitResult:
    recipe, monitor, tasks, passes = inputs.recipe, inputs.monitor, inputs.tasks, inputs.passes
    check_rows(parameters, inputs.data.X)
    live = _live_state(network, parameters, recipe)
    _check_steps(parameters, network.spec, recipe, monitor)
    tasks.begin(_max_epochs(parameters, recipe, passes), inputs.rows)

    train, validation = _split(parameters, inputs)
    predict = partial(_predict, live, network.spec)
    monitor.begin(predict, live.state)
    score = _score_of(inputs, predict, validation)
    observer = _observer_of(network, parameters, inputs, live)
    result = partial(_result, network, parameters, live, observer)
    state = live.state
    try:
        learning_rate = observer.begin(state, inputs.progress.learning_rate)
        progress = replace(inputs.progress, learning_rate=learning_rate)
        job = _job_of(network, parameters, inputs, live, train, score)
        job = tasks.observed_job(job, progress, lambda *args: inputs.attributes_of(result(*args)))
        trainer = trainer_of(parameters, recipe)
        returned = trainer(job, state, progress, tasks.observed(observer))
        state, progress = checks.checked_training(returned)
        tasks.close()
    finally:
        observer.end(state)
    weights = observer.final_weights(state)
    if weights is not None:
        state = live.steps.start({**weights, **live.steps.optimizer_state(state)})
    return result(state, progress, progress.epoch)  # an interrupted epoch does not count


def _live_state(network: FittedNetwork, parameters: Parameters, recipe: Recipe) -> LiveState:
    """The training state of the last call, or a new one if the backend or recipe changed."""
    backend = backend_of(parameters)
    live = network.live_for(backend, recipe)
    if live is None:
        check_network(parameters, network.structure, network.spec, recipe)
        live = network.started(backend, recipe)
    return live


def _score_of(
    inputs: FitInputs, predict: Predict, validation: Dataset | None
) -> Callable[[State], float] | None:
    """The validation score of a state: the criterion, that of the targets, or None."""
    if inputs.monitor.scores:
        return inputs.monitor.score
    if validation is None:
        return None
    return partial(_score, predict, inputs.targets, validation)


def _observer_of(
    network: FittedNetwork, parameters: Parameters, inputs: FitInputs, live: LiveState
) -> EpochObserver:
    """The observer with the monitor and all callbacks."""
    callbacks = callbacks_of(
        parameters,
        inputs.passes,
        network=network.structure,
        spec=network.spec,
        recipe=inputs.recipe,
        metrics=inputs.monitor.metrics,
    )
    sources = selected_callbacks(parameters, inputs.passes)
    return EpochObserver(callbacks, live.steps.arrays, inputs.monitor, sources)


def _job_of(
    network: FittedNetwork,
    parameters: Parameters,
    inputs: FitInputs,
    live: LiveState,
    train: Dataset,
    score: Callable[[State], float] | None,
) -> Job:
    """The job of the trainer."""
    measures_steps = inputs.monitor.with_predictions
    return Job(
        steps=checks.checked_steps(live.steps, network.spec),
        rows=live.steps.put(train.X, train.y, train.sample_weight),
        n_rows=len(train.y),
        recipe=inputs.recipe,
        rng=inputs.rng,
        seed=network.spec.seed,
        decayed=network.structure.decayed,
        frozen=network.structure.frozen,
        score=score,
        passes=inputs.passes,
        with_predictions=measures_steps and "epoch_predictions" in declared(parameters),
    )


def _check_steps(parameters: Parameters, spec: Spec, recipe: Recipe, monitor: Monitor) -> None:
    """Raise ValueError if something requires a solver that works in steps."""
    if recipe.solver.has_steps:
        return
    if any(spec.dropouts):
        raise ValueError(
            f"dropout={parameters.dropout!r} requires a solver that works in steps, such as"
            f" 'adam' or 'sgd'; {parameters.solver!r} minimizes one function of all rows. Set"
            " dropout=0.0."
        )
    if monitor.scores:
        raise ValueError(
            "early_stopping_on requires a solver that works in steps, such as 'adam';"
            f" {parameters.solver!r} does not."
        )


def _max_epochs(parameters: Parameters, recipe: Recipe, passes: int) -> int | None:
    """The maximum number of epochs; None for a trainer of a plugin."""
    built_in = (parameters.trainer or recipe.solver.trainer) in ("epochs", "lbfgs")
    return passes or (recipe.max_iter if built_in else None)


def _split(parameters: Parameters, inputs: FitInputs) -> tuple[Dataset, Dataset | None]:
    """The rows to train on, and those to score if the score is that of the targets."""
    if not inputs.recipe.solver.has_steps:  # all rows at once
        return inputs.data, None
    train, validation, monitor = inputs.data, inputs.validation, inputs.monitor
    if not parameters.early_stopping and not monitor.scores:
        validation = None
    elif validation is None and monitor.scored_split in ("", "validation"):
        train, validation = _held_out(parameters, inputs)
    _warn_if_clipped(parameters.batch_size, len(train.y))
    return train, validation


def _held_out(parameters: Parameters, inputs: FitInputs) -> tuple[Dataset, Dataset]:
    """Rows to train on and rows to score; stratified for two classes."""
    data = inputs.data
    kept, held = train_test_split(
        np.arange(len(data.y)),
        random_state=inputs.rng,
        test_size=parameters.validation_fraction,
        stratify=data.y if inputs.targets.task == "binary" else None,
    )
    if len(held) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of"
            " your dataset."
        )
    inputs.monitor.hold_out(kept, held)
    inputs.tasks.hold_out(kept)
    return data.take(kept), data.take(held)


def _warn_if_clipped(batch_size: int | str, n_rows: int) -> None:
    if batch_size != "auto" and int(batch_size) > n_rows:
        warnings.warn(
            f"Got `batch_size` {batch_size}, larger than the sample size {n_rows}. It is going"
            " to be clipped"
        )


def _predict(live: LiveState, spec: Spec, state: State, X: Any) -> Array:
    """Activated outputs, (n_samples, n_outputs)."""
    outputs = checks.checked_outputs(live.steps.outputs(state, X), X.shape[0], spec.n_outputs)
    return activated(outputs, spec.loss.out_activation)


def _score(predict: Predict, targets: Targets, validation: Dataset, state: State) -> float:
    """Accuracy or R2 of the validation rows."""
    p = predict(state, validation.X)
    return targets.score(validation.y, p, validation.sample_weight)


def _result(
    network: FittedNetwork,
    parameters: Parameters,
    live: LiveState,
    observer: EpochObserver,
    state: State,
    progress: Progress,
    n_epochs: int,
) -> FitResult:
    """The result of a fit that ended with this state after so many epochs."""
    backend = parameters.backend
    if backend is None:
        backend = backend_name(parameters)
    sources = provenance.sources_of(backend, parameters.builder, network.structure)
    return FitResult(
        network.trained(live._replace(state=state), sources),
        progress,
        observer.reports[:n_epochs],
        observer.monitor,
        live.recipe.solver.has_steps,
    )
