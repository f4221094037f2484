"""The command ``mlpkit fit``, from its arguments to the written model."""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from mlpkit import durations
from mlpkit.commands.fitting import estimators
from mlpkit.commands.fitting.columns import Rows
from mlpkit.commands.fitting.data import Data, read_data
from mlpkit.commands.fitting.epoch_log import EpochLog, Style, style_of, write_json
from mlpkit.commands.fitting.interruption import Interruption, print_announcement
from mlpkit.commands.fitting.settings import (
    Settings,
    parsed_parameters,
    read_config,
)
from mlpkit.commands.models.names import KINDS, TARGET
from mlpkit.commands.output_files import check_writable
from mlpkit.commands.running import INTERRUPTED
from mlpkit.data.column_kinds import encoder_kinds
from mlpkit.messages import comma_separated, counted, escaped
from mlpkit.partitions.partitioners import by_labels

INTERRUPTION = "Training interrupted by user."  # the warning of trainers


class Plan(NamedTuple):
    """What is fitted."""

    estimator: Any
    train: Rows
    valid: Rows | None


def main(options: argparse.Namespace) -> int:
    """Fit a model and write it; return the exit code."""
    settings = settings_of(options)
    with read_data(settings) as data:
        return fitted_to(data, settings, options)


def fitted_to(data: Data, settings: Settings, options: argparse.Namespace) -> int:
    """Fit a model to data and write it; return the exit code."""
    settings = resolved(settings, data)
    plan = plan_of(settings, data)
    if options.print_config:
        print(settings.toml(), end="")
        return 0
    style = style_of(options.log, options.quiet)
    say = printer(options.quiet or style == "json")
    check_outputs(settings, options.resume)
    say(f"{data.name}: {_size(plan.train, plan.valid)}")
    say(data.inference.reason)
    if settings.checkpoint is not None and os.path.exists(settings.checkpoint):
        say(f"Continuing from {escaped(settings.checkpoint)}")
    if style == "json":
        write_json("start", {"task": data.inference.task, "reason": data.inference.reason})
    return fitted(settings, plan, style, say)


def settings_of(options: argparse.Namespace) -> Settings:
    """Return the settings of the command line, and of the file that it names."""
    given = {
        name: getattr(options, name)
        for name in vars(Settings())
        if name != "parameters" and getattr(options, name) not in (None, [])
    }
    settings = Settings(**given, parameters=parsed_parameters(options.set))
    if options.config is not None:
        settings = read_config(options.config).updated(settings)
    required = {"data": "DATA", "target": "--target"}
    if not options.print_config:
        required["output"] = "--output"
    for name, argument in required.items():
        if not getattr(settings, name):
            raise ValueError(f"{argument} is required, on the command line or in --config")
    return settings


def resolved(settings: Settings, data: Data) -> Settings:
    """Return the settings with the values that were chosen for the data."""
    task = data.inference.task
    name = settings.estimator or estimators.default_estimator(task)
    cls = estimators.estimator_class(name, task)
    given = estimators.checked_parameters(cls, settings.parameters)
    chosen = estimators.with_defaults(cls, given)
    seed = 0 if settings.seed is None else settings.seed
    return settings.updated(Settings(task=task, estimator=name, seed=seed, parameters=chosen))


def plan_of(settings: Settings, data: Data) -> Plan:
    """Return the estimator with its parameters, and the rows in its form."""
    assert settings.estimator is not None
    cls = estimators.estimator_class(settings.estimator, data.inference.task)
    text = estimators.accepts_text(cls, settings.parameters)
    train = data.rows(data.train, text)
    valid = None if data.valid is None else data.rows(data.valid, text)
    parameters = {"random_state": settings.seed, **settings.parameters}
    if settings.backend is not None:
        parameters["backend"] = settings.backend
    if data.roles.groups and "partitions" not in parameters:
        parameters["partitions"] = [
            name if name in data.roles.features else by_labels(name) for name in data.roles.groups
        ]
    if settings.checkpoint is not None:
        parameters["checkpoint"] = settings.checkpoint
    if settings.time_limit is not None:
        parameters["time_limit"] = durations.parsed(settings.time_limit)
    return Plan(estimators.made(cls, parameters), train, valid)


def check_outputs(settings: Settings, resumes: bool) -> None:
    """Raise ValueError for an output or a checkpoint that cannot be written."""
    assert settings.output is not None
    inputs = (*(settings.data or ()), settings.valid)
    check_writable(settings.output, (*inputs, settings.checkpoint))
    if settings.checkpoint is None:
        if resumes:
            raise ValueError("--resume requires --checkpoint FILE")
        return
    check_writable(settings.checkpoint, inputs)
    if os.path.realpath(settings.checkpoint) == os.path.realpath(settings.output):
        raise ValueError("--checkpoint and --output are the same file. Pass different names.")
    if os.path.exists(settings.checkpoint) and not resumes:
        raise ValueError(
            f"the checkpoint {escaped(settings.checkpoint)} exists. Pass --resume to continue from"
            " it, or remove it."
        )


def fitted(settings: Settings, plan: Plan, style: Style, say: Callable[[str], None]) -> int:
    """Train, write the model, and return the exit code."""
    estimator = plan.estimator
    assert settings.output is not None
    with Interruption(print_announcement) as interruption:
        log = EpochLog(
            style,
            getattr(estimator, "max_iter", None),
            getattr(estimator, "time_limit", None),
            interruption,
        )
        started = time.monotonic()
        train(estimator, plan, log)
        seconds = time.monotonic() - started
        if interruption.requested and not getattr(estimator, "n_iter_", 0):
            raise KeyboardInterrupt  # no epoch is complete
        interruption.end_training()
        describe(estimator, settings)
        of_run = {"checkpoint", "time_limit"} & estimator.get_params(deep=False).keys()
        estimator.set_params(**dict.fromkeys(of_run))  # not part of the model
        estimator.save(settings.output)
        size = os.path.getsize(settings.output)
    n_epochs = estimator.n_iter_
    if style == "json":
        write_json(
            "end",
            {
                "epochs": n_epochs,
                "seconds": seconds,
                "interrupted": interruption.requested,
                "output": settings.output,
                "last_epoch": log.last,
            },
        )
    say(f"Trained {counted(n_epochs, 'epoch')} in {durations.shown(seconds)}{_scores(log)}")
    say(f"Wrote {escaped(settings.output)} ({size / 1e6:.2f} MB)")
    return INTERRUPTED if interruption.requested else 0


def train(estimator: Any, plan: Plan, log: EpochLog) -> None:
    """Fit the estimator with a callback that is not part of the model."""
    callbacks = estimator.callbacks
    own = [] if callbacks is None else callbacks if isinstance(callbacks, list) else [callbacks]
    estimator.callbacks = [*own, log]
    arguments: dict[str, Any] = {"sample_weight": plan.train.sample_weight}
    if plan.train.labels is not None:
        arguments["labels"] = plan.train.labels
    if plan.valid is not None:
        X, y, weight, labels, *_ = plan.valid
        arguments |= {"X_val": X, "y_val": y, "sample_weight_val": weight, "labels_val": labels}
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", INTERRUPTION)  # Ctrl-C is announced
            estimator.fit(plan.train.X, plan.train.y, **arguments)
    finally:
        estimator.callbacks = callbacks


def describe(estimator: Any, settings: Settings) -> None:
    """Store what the columns are, for the other commands."""
    setattr(estimator, TARGET, settings.target)
    encoder = getattr(estimator, "encoder_", None)
    if encoder is not None:
        kinds = encoder_kinds(list(estimator.feature_names_in_), encoder)
        setattr(estimator, KINDS, list(kinds.values()))


def printer(quiet: bool) -> Callable[[str], None]:
    """Return a function that prints a line, or does nothing."""
    return (lambda line: None) if quiet else (lambda line: print(line, flush=True))


def _size(train: Rows, valid: Rows | None) -> str:
    rows = f"{train.n_rows:,} row{'' if train.n_rows == 1 else 's'}"
    if valid is not None:
        rows = f"{train.n_rows:,} training rows, {valid.n_rows:,} validation rows"
    n = train.n_features
    return f"{rows}, {n} feature{'' if n == 1 else 's'}"


def _scores(log: EpochLog) -> str:
    """The scores of the last epoch, for the last line."""
    metrics = log.last.get("metrics", {}).get("validation", {})
    values = comma_separated(f"{name} {value:.4g}" for name, value in metrics.items())
    return f"; last epoch: {values}" if metrics else ""
