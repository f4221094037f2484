"""One fit: hold out validation rows, start the backend, train, and collect the result."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mlpkit.data.targets import Targets
from mlpkit.distributed.groups import of_first_process
from mlpkit.distributed.sharded_rows import ShardedRows
from mlpkit.distributed.steps import distributed
from mlpkit.monitoring.protocol import set_state, state_of
from mlpkit.numpy_backend.portable import predictions_of
from mlpkit.plugin import (
    Array,
    Arrays,
    InvalidResult,
    Job,
    Observer,
    Progress,
    Spec,
    State,
    Unsupported,
)
from mlpkit.training import checks
from mlpkit.training.checkpoint import SavedResult
from mlpkit.training.components import callbacks_of, selected_callbacks
from mlpkit.training.epoch import with_weights
from mlpkit.training.epoch_observer import EpochObserver
from mlpkit.training.fit_records import FitInputs, FitResult, HeldOut
from mlpkit.training.fitted_network import FittedNetwork, LiveState
from mlpkit.training.parameters import LOSS, Parameters
from mlpkit.training.selection import Selection
from mlpkit.training.splits import Split, split_of
from mlpkit.training.support import (
    add_component_name,
    check_network,
    check_rows,
    check_steps,
    declared,
)
from mlpkit.training.time_limit import Score
from mlpkit.training.validation import Validation, monitored_loss, score_of


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
    recipe, monitor, tasks = inputs.recipe, inputs.monitor, inputs.tasks
    checkpoint, time_limit = inputs.checkpoint, inputs.time_limit
    check_rows(parameters, inputs.data.X)
    if checkpoint.finished is not None:
        return _finished(network, parameters, inputs, checkpoint.finished)
    local = _live_state(network, parameters, inputs.selection)
    group, live = inputs.group, _of_group(local, inputs, network)
    time_limit.group = group
    check_steps(parameters, network.spec, recipe, monitor)
    tasks.begin(_max_epochs(parameters, inputs), inputs.rows)

    split = split_of(parameters, inputs, network.spec.seed)
    validation = _validation_of(network, inputs, live, split)
    if split.is_out_of_fold and validation is not None:
        monitor.predict_validation(validation.predictions)
    monitor.begin(partial(_predict, live, network.spec, inputs.targets), live.state)
    score = time_limit.timed(score_of(parameters, inputs, validation), live.state)
    observer = _observer_of(network, parameters, inputs, live.steps.arrays)
    checkpoint.check("callbacks", observer.description)
    checkpoint.restore(observer)
    result = partial(_result, network, inputs.selection, local, observer)
    state = _beginning(live, checkpoint.training)
    try:
        learning_rate = group.same(observer.begin(state, inputs.progress.learning_rate))
        progress = inputs.progress._replace(learning_rate=learning_rate, epoch=0, interrupted=False)
        job = _job_of(network, parameters, inputs, live, split, score, observer)
        job = tasks.observed_job(job, progress, lambda *args: inputs.attributes_of(result(*args)))
        observe = of_first_process(group, tasks.observed(observer))
        observe = time_limit.observed(checkpoint.observed(observe, observer))
        state, progress = _trained(inputs, job, live.state, progress, observe)
        tasks.close()
        if time_limit.reached:
            observer.add_note(time_limit.note)
    finally:
        observer.end(state)
    weights = group.same(observer.final_weights(state))
    if weights is not None:
        state = with_weights(live.steps, state, weights)
    made = result(state, progress, progress.epoch)  # an interrupted epoch does not count
    if inputs.predicts_held_out:
        made = made._replace(held_out=_held_out(network, inputs, live, validation, state))
    _conclude(inputs, made, score is not None, progress.interrupted or observer.interrupted)
    return made


def _conclude(inputs: FitInputs, result: FitResult, has_score: bool, interrupted: bool) -> None:
    """Warn if the time limit ended training; otherwise save the result of a complete fit."""
    checkpoint, time_limit = inputs.checkpoint, inputs.time_limit
    if time_limit.reached:
        time_limit.warn(result.progress.epoch, has_score, checkpoint.how_to_continue())
    elif checkpoint.is_used and not inputs.group.same(interrupted):
        checkpoint.finish(_saved(result))


def _trained(
    inputs: FitInputs, job: Job, state: State, progress: Progress, observe: Observer
) -> tuple[State, Progress]:
    """Train, and return the last state and the progress.

    Raises KeyboardInterrupt if one of several processes is interrupted: the others are then in
    another step, so that this one cannot communicate with them.
    """
    returned = inputs.selection.trainer(job, state, progress, observe)
    state, progress = checks.checked_training(returned)
    if inputs.group.size > 1 and progress.interrupted and not inputs.time_limit.reached:
        raise KeyboardInterrupt
    return state, progress


def _beginning(live: LiveState, training: Mapping[str, Any] | None) -> State:
    """The state that training begins with or continues from, for callbacks."""
    weights = None if training is None else training.get("weights")
    return live.state if weights is None else live.steps.start(weights)


def _saved(result: FitResult) -> SavedResult:
    """The result of a fit in the form of a checkpoint."""
    network, held_out = result.network, result.held_out
    return SavedResult(
        network.arrays,
        network.optimizer_state,
        result.progress,
        result.reports,
        state_of(result.monitor),
        None if held_out is None else held_out.outputs,
    )


def _finished(
    network: FittedNetwork, parameters: Parameters, inputs: FitInputs, saved: SavedResult
) -> FitResult:
    """The result of a fit that is complete: without training and without a backend."""
    observer = _observer_of(network, parameters, inputs, lambda state: saved.weights)
    inputs.checkpoint.check("callbacks", observer.description)
    inputs.tasks.begin(_max_epochs(parameters, inputs), inputs.rows)
    split = split_of(parameters, inputs, network.spec.seed)
    set_state(inputs.monitor, saved.monitor)
    inputs.checkpoint.skip_to_end()
    trained = network.edited(network.spec, saved.weights, saved.optimizer_state)
    trained.sources = inputs.selection.sources
    has_steps = inputs.recipe.solver.has_steps
    result = FitResult(trained, saved.progress, saved.reports, inputs.monitor, has_steps)
    rows = inputs.validation if split.validation is None else split.validation
    if saved.outputs is None or rows is None:
        return result
    return result._replace(held_out=HeldOut(rows, saved.outputs, split.is_out_of_fold))


def _live_state(network: FittedNetwork, parameters: Parameters, selection: Selection) -> LiveState:
    """The training state of the last call, or a new one if the backend or recipe changed."""
    backend, recipe = selection.backend, selection.recipe
    live = network.live_for(backend, recipe)
    if live is None:
        check_network(parameters, network.structure, network.spec, recipe)
        live = network.started(backend, recipe)
    return live


def _of_group(live: LiveState, inputs: FitInputs, network: FittedNetwork) -> LiveState:
    """The live state with functions for the rows of all processes, if there are several."""
    X = inputs.data.X
    if not isinstance(X, ShardedRows):
        return live
    out_activation = network.spec.loss.out_activation
    steps = distributed(live.steps, X.group, out_activation, network.structure.n_models)
    return live._replace(steps=steps)


def _validation_of(
    network: FittedNetwork, inputs: FitInputs, live: LiveState, split: Split
) -> Validation | None:
    """The rows that training is scored by, if any."""
    if split.validation is None:
        return None
    folds = split.folds if split.is_out_of_fold else None
    return Validation(live, network.spec, inputs.targets, split.validation, folds)


def _held_out(
    network: FittedNetwork,
    inputs: FitInputs,
    live: LiveState,
    validation: Validation | None,
    state: State,
) -> HeldOut | None:
    """The rows that were not trained on, if any, with their predictions."""
    if validation is None and inputs.validation is not None:  # training was not scored by it
        validation = Validation(live, network.spec, inputs.targets, inputs.validation, None)
    return None if validation is None else validation.held_out(state)


def _observer_of(
    network: FittedNetwork,
    parameters: Parameters,
    inputs: FitInputs,
    arrays: Callable[[State], Arrays],
) -> EpochObserver:
    """The observer with the monitor and all callbacks; ``arrays(state)`` are weights."""
    sources = [] if inputs.group.rank else selected_callbacks(parameters, inputs.passes)
    callbacks = callbacks_of(
        sources,
        parameters,
        network=network.structure,
        spec=network.spec,
        recipe=inputs.recipe,
        metrics=inputs.monitor.metrics,
    )
    scorer = inputs.monitor.scorer
    monitored = None if scorer is None else scorer.monitored
    if parameters.early_stopping_on == LOSS:
        monitored = monitored_loss
    predictions = inputs.targets.predictions
    return EpochObserver(
        callbacks, arrays, inputs.monitor, monitored, sources, predictions, inputs.group
    )


def _job_of(
    network: FittedNetwork,
    parameters: Parameters,
    inputs: FitInputs,
    live: LiveState,
    split: Split,
    score: Score | None,
    observer: EpochObserver,
) -> Job:
    """The job of the trainer."""
    train = split.train
    # the models of several processes have no predictions of their own rows
    measures_steps = inputs.monitor.with_predictions and not (
        inputs.group.size > 1 and network.structure.n_models
    )
    return Job(
        steps=live.steps,
        rows=live.steps.put(train.X, inputs.targets.network_targets(train.y), train.sample_weight),
        n_rows=len(train.y),
        recipe=inputs.recipe,
        rng=inputs.rng,
        seed=network.spec.seed,
        decayed=network.structure.decayed,
        batches=live.batches,
        frozen=network.structure.frozen,
        score=score,
        passes=inputs.passes,
        with_predictions=measures_steps and "epoch_predictions" in declared(parameters),
        n_models=network.structure.n_models,
        folds=None if split.folds is None else split.folds.kept,
        with_checkpoints=inputs.checkpoint.is_used,
        resumed=inputs.checkpoint.training,
        deadline=inputs.time_limit.deadline,
        observed=bool(observer.callbacks) or inputs.needs_each_epoch,
    )


def _max_epochs(parameters: Parameters, inputs: FitInputs) -> int | None:
    """The maximum number of epochs; None for a trainer of a plugin."""
    trainer = parameters.trainer or inputs.recipe.solver.trainer
    if isinstance(trainer, str):
        built_in = trainer in ("epochs", "lbfgs", "cycles")
    else:
        from mlpkit.training.cycles import Cycles

        built_in = isinstance(trainer, Cycles)
    return inputs.passes or (inputs.recipe.max_iter if built_in else None)


def _predict(live: LiveState, spec: Spec, targets: Targets, state: State, X: Any) -> Array:
    """Predictions in the form of encoded targets, (n_samples, n_outputs)."""
    outputs = checks.checked_outputs(live.steps.outputs(state, X), X.shape[0], spec.n_outputs)
    return targets.predictions(predictions_of(outputs, spec.loss.out_activation))


def _result(
    network: FittedNetwork,
    selection: Selection,
    live: LiveState,
    observer: EpochObserver,
    state: State,
    progress: Progress,
    n_epochs: int,
) -> FitResult:
    """The result of a fit that ended with this state after so many epochs."""
    return FitResult(
        network.trained(live._replace(state=state), selection),
        progress,
        observer.reports[:n_epochs],
        observer.monitor,
        live.recipe.solver.has_steps,
    )
