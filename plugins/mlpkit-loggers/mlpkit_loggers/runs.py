"""Runs of MLflow."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import mlpkit
from mlpkit.plugin import Metric, Recipe, Report, Spec
from mlpkit_loggers.fit_callback import FitCallback
from mlpkit_loggers.libraries import imported
from mlpkit_loggers.parameters import parameters_of
from mlpkit_loggers.values import Names, values_of

MAX_METRICS = 1000  # number of metrics in one request


def clean(part: str) -> str:
    """Return a part of a name without the characters that MLflow does not allow.

    >>> clean("age <= 30"), clean("a/b"), clean("..")
    ('age __ 30', 'a_b', '_')
    """
    allowed = re.sub(r"[^\w.\- ]", "_", part).strip()
    return allowed if allowed.strip(".") else "_"


@dataclass
class MLflowLogger(FitCallback):
    """Callback that logs a fit to MLflow: its parameters, and after each epoch all values.

    The values are the loss, the learning rate, the duration, the validation score and all metrics,
    also those of groups: ``validation/recall by sex/female`` is the recall of the group "female"
    of the partitioner "sex" on the validation set. Characters that MLflow does not allow become
    underscores. If a run is active, the fit is logged to it. Otherwise the fit has a run of its
    own, which fails if the fit raises an error.

    ``callbacks="mlflow"`` is the same as ``callbacks=MLflowLogger()``.

    Parameters
    ----------
    experiment : str or None, default=None
        Name of the experiment for a new run, which is created if it does not exist. None means
        that of the active run, or the default of MLflow.
    run_name : str or None, default=None
        Name of a new run. None means that MLflow chooses one.
    tags : dict of str, default={}
        Tags of the run.
    nested : bool, default=False
        Whether a fit has a run of its own within the active one, for searches and
        cross-validation.

    Examples
    --------
    >>> from mlpkit import MLPClassifier
    >>> clf = MLPClassifier(callbacks=MLflowLogger("income", tags={"data": "2024"}))
    """

    experiment: str | None = None
    run_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    nested: bool = False

    _parameters: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    _run_id: str | None = field(default=None, init=False, repr=False, compare=False)
    _started: "_Started | None" = field(default=None, init=False, repr=False, compare=False)

    def _prepare(self, spec: Spec, recipe: Recipe, metrics: tuple[Metric, ...]) -> None:
        self._parameters = parameters_of(spec, recipe)

    def __call__(self, report: Report) -> None:
        """Log the values of an epoch, and before the first one the parameters."""
        mlflow = imported("mlflow", "mlflow", type(self).__name__)
        if self._started is None:
            self._started = self._start(mlflow)
        started = self._started
        values = [(started.names(parts), value) for parts, value in values_of(report)]
        for i in range(0, len(values), MAX_METRICS):
            part = dict(values[i : i + MAX_METRICS])
            mlflow.log_metrics(part, step=report.epoch, run_id=started.run_id)

    def on_end(self, report: Report) -> None:
        """End the run, if the callback has created it.

        Parameters
        ----------
        report : Report
            The report of the last epoch.
        """
        started, self._started = self._started, None
        if started is not None and started.is_own:
            has_failed = sys.exception() is not started.handled
            mlflow = imported("mlflow", "mlflow", type(self).__name__)
            mlflow.end_run("FAILED" if has_failed else "FINISHED")

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed fit needs to continue the run.

        Returns
        -------
        state : dict
            The id of the run, or None before the first epoch.
        """
        return {"run_id": self._run_id if self._started is None else self._started.run_id}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue the run of an interrupted fit.

        Parameters
        ----------
        state : dict
            What `get_state` returned.
        """
        self._run_id = state["run_id"]

    def _start(self, mlflow: Any) -> "_Started":
        """Start a run or continue one, and log the parameters."""
        active = mlflow.active_run()
        is_own = self.nested or active is None
        if self._run_id is not None and (active is None or active.info.run_id != self._run_id):
            run, is_own = mlflow.start_run(self._run_id, nested=active is not None), True
        elif is_own:
            run = mlflow.start_run(
                experiment_id=self._experiment_id(mlflow),
                run_name=self.run_name,
                nested=active is not None,
            )
        else:
            run = active
        run_id = run.info.run_id
        known = mlflow.get_run(run_id).data.params  # a value cannot be changed
        parameters = {name: v for name, v in self._parameters.items() if name not in known}
        mlflow.log_params(parameters, run_id=run_id)
        mlflow.MlflowClient().set_tag(run_id, "mlpkit.version", mlpkit.__version__)
        for name, value in self.tags.items():
            mlflow.MlflowClient().set_tag(run_id, name, value)
        return _Started(run_id, is_own, Names(clean), sys.exception())

    def _experiment_id(self, mlflow: Any) -> str | None:
        """The id of the experiment, which is created if it does not exist."""
        if self.experiment is None:
            return None
        experiment = mlflow.get_experiment_by_name(self.experiment)
        if experiment is not None:
            return str(experiment.experiment_id)
        return str(mlflow.create_experiment(self.experiment))


@dataclass
class _Started:
    """A run to which a fit is logged.

    ``is_own`` is whether the callback ends it. ``handled`` is the exception that the caller of the
    fit handles, if any: a fit that fails has another one.
    """

    run_id: str
    is_own: bool
    names: Names
    handled: BaseException | None
