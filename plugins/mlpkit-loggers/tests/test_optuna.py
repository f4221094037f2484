"""Pruning by Optuna."""

import pickle
import warnings
from typing import Any

import numpy as np
import optuna
import pytest
from fits import TRAIN, VALIDATION, Failure, X, classifier, fail_in_third_epoch, fitted, y
from optuna.trial import FixedTrial
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from mlpkit.plugin import Callback, Report
from mlpkit.testing import CallbackTests
from mlpkit_loggers import OptunaPruning, mlpkit_callbacks

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
optuna.logging.set_verbosity(optuna.logging.ERROR)


class TestConformance(CallbackTests):
    callback = "optuna"

    def made(self) -> Callback:
        """Return a callback of a trial without a study."""
        return OptunaPruning(FixedTrial({}))


def test_without_a_trial_all_conformance_tests_are_exempt() -> None:
    """`mlpkit check` creates callbacks by name, which is not possible for this one."""
    tests = {name for name in vars(CallbackTests) if name.startswith("test_")}
    (component,) = (c for c in mlpkit_callbacks() if c.name == "optuna")
    assert component.exempt.keys() == tests


class AtStep(optuna.pruners.BasePruner):
    """Prunes trials at a step, from the second trial on."""

    def __init__(self, step: int) -> None:
        self.step = step

    def prune(self, study: Any, trial: Any) -> bool:
        """Whether to prune a trial."""
        return bool(trial.number > 0 and trial.last_step == self.step)


def study_of(objective: Any, n_trials: int = 1, **params: Any) -> Any:
    """The study after some trials."""
    study = optuna.create_study(**{"pruner": optuna.pruners.NopPruner(), **params})
    study.optimize(objective, n_trials=n_trials)
    return study


def test_a_pruned_trial_leaves_the_estimator_unchanged() -> None:
    """The fit raises `TrialPruned`, and the estimator keeps its state."""
    clf = fitted(classifier(warm_start=True))
    before, epochs = pickle.dumps(clf.coefs_), clf.n_iter_

    def objective(trial: Any) -> float:
        clf.set_params(callbacks=OptunaPruning(trial))
        if trial.number == 0:
            return float(fitted(clone(clf)).loss_)
        with pytest.raises(optuna.TrialPruned, match="pruned after epoch 3") as pruned:
            fitted(clf)
        assert pickle.dumps(clf.coefs_) == before and clf.n_iter_ == epochs
        raise pruned.value

    study = study_of(objective, 2, pruner=AtStep(2))
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "PRUNED"]
    assert list(study.trials[0].intermediate_values) == [0, 1, 2, 3]
    assert list(study.trials[1].intermediate_values) == [0, 1, 2]


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_values(direction: str) -> None:
    """The value is that of early stopping, the loss, or a metric, in the direction of the study."""
    sign = 1 if direction == "minimize" else -1
    fits: dict[str, Any] = {}

    def objective(trial: Any) -> float:
        group = {"metric": "log_loss", "by": "size <= 1/2", "group": "1"}
        cases = {
            "loss": (classifier(), {}),
            "score": (classifier(early_stopping=True, n_iter_no_change=9), {}),
            "criterion": (classifier(early_stopping_on="log_loss"), {}),
            "metric": (classifier(), {"metric": "log_loss", "split": "train"}),
            "group": (classifier(), group),
        }
        for i, (name, (clf, options)) in enumerate(cases.items()):
            callback = OptunaPruning(trial, **options)
            fits[name] = fitted(
                clf.set_params(callbacks=callback),
                **({"X_val": None, "y_val": None} if name == "score" else {}),
            )
            assert max(trial.study.trials[0].intermediate_values) == 4 * i + 3
        return 0.0

    study = study_of(objective, direction=direction)
    values = np.reshape([study.trials[0].intermediate_values[i] for i in range(20)], (5, 4))
    np.testing.assert_allclose(values[0], sign * np.array(fits["loss"].loss_curve_))
    np.testing.assert_allclose(values[1], -sign * np.array(fits["score"].validation_scores_))
    np.testing.assert_allclose(values[2], -sign * np.array(fits["criterion"].validation_scores_))
    for row, select in (
        (3, {"split": "train", "by": "all"}),
        (4, {"split": "validation", "by": "size <= 1/2", "partition": "1"}),
    ):
        history = fits["metric" if row == 3 else "group"].metric_history_
        expected = [v.value for v in history.select("log_loss", **select)]
        np.testing.assert_allclose(values[row], sign * np.array(expected))


def test_cross_validation() -> None:
    """The steps of the folds follow each other, and begin at a multiple of max_iter."""

    def objective(trial: Any) -> float:
        clf = classifier(callbacks=OptunaPruning(trial), tol=1.0, n_iter_no_change=1)
        return float(cross_val_score(clf, X, y, cv=3, error_score="raise").mean())

    study = study_of(objective, 2, direction="maximize", pruner=AtStep(5))
    assert list(study.trials[0].intermediate_values) == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    assert list(study.trials[1].intermediate_values) == [0, 1, 2, 4, 5]
    assert study.trials[1].state.name == "PRUNED"


def test_a_median_pruner_prunes_a_bad_trial() -> None:
    """With Optuna's own pruner, a trial with a tiny learning rate ends early."""

    def objective(trial: Any) -> float:
        rate = 1e-6 if trial.number == 4 else 0.05
        clf = classifier(learning_rate_init=rate, callbacks=OptunaPruning(trial, "log_loss"))
        return float(fitted(clf).loss_)

    pruner = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1)
    study = study_of(objective, 5, pruner=pruner)
    assert [trial.state.name for trial in study.trials[:4]] == ["COMPLETE"] * 4
    assert study.trials[4].state.name == "PRUNED"


def test_the_object_is_a_parameter_like_any_other(tmp_path: Any) -> None:
    """It is pickled with a trial of a stored study; clones and copies have the same trial."""
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "log"))
    )
    trial = optuna.create_study(storage=storage).ask()
    clf = classifier(callbacks=OptunaPruning(trial))
    assert clone(clf).callbacks.trial is trial
    loaded = pickle.loads(pickle.dumps(fitted(clf)))
    assert loaded.callbacks.trial.number == trial.number
    fitted(loaded)  # in another process, for example
    assert list(trial.study.trials[0].intermediate_values) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_a_resumed_fit_reports_to_the_same_steps(tmp_path: Any) -> None:
    """The epochs after the checkpoint have the steps that they had before."""
    study = optuna.create_study()
    trial = study.ask()
    fitted(classifier(callbacks=OptunaPruning(trial)))
    clf = classifier(checkpoint=tmp_path / "checkpoint")
    with pytest.raises(Failure):
        fitted(clf.set_params(callbacks=[OptunaPruning(trial), fail_in_third_epoch]))
    assert list(study.trials[0].intermediate_values) == [0, 1, 2, 3, 4, 5, 6]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The reported value is ignored")  # that of step 6
        fitted(clone(clf).set_params(callbacks=OptunaPruning(trial)))
    assert list(study.trials[0].intermediate_values) == [0, 1, 2, 3, 4, 5, 6, 7]


def test_undefined_values_are_not_reported() -> None:
    """NaN says nothing about a trial."""
    study = optuna.create_study()
    callback = OptunaPruning(study.ask())
    callback(Report(1, float("nan"), None, 0.1, 0.0))
    callback(Report(2, 0.5, None, 0.1, 0.0))
    assert study.trials[0].intermediate_values == {1: 0.5}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "recall"}, "'recall' on 'validation' is not measured. The fit measures"),
        ({"metric": "log_loss", "split": "test"}, "'log_loss' on 'test' is not measured"),
        (
            {"metric": "log_loss", "by": "size <= 1/2", "group": "7"},
            "'log_loss' on 'validation' by 'size <= 1/2' of '7' is not measured",
        ),
    ],
)
def test_metrics_that_are_not_measured(options: dict[str, Any], message: str) -> None:
    """The error names what the fit measures, and what to set."""
    clf = classifier(callbacks=OptunaPruning(FixedTrial({}), **options))
    with pytest.raises(ValueError, match=message):
        clf.fit(*TRAIN, **VALIDATION)


def test_a_metric_without_direction() -> None:
    """A pruner could not compare it."""
    clf = classifier(metrics="selection_rate")
    clf.set_params(callbacks=OptunaPruning(FixedTrial({}), "selection_rate"))
    with pytest.raises(ValueError, match="nor low values of 'selection_rate' are better"):
        clf.fit(*TRAIN, **VALIDATION)


def test_invalid_options() -> None:
    """Without a trial, as by name, the error says what to write."""
    with pytest.raises(ValueError, match=r"Write callbacks=OptunaPruning\(trial\)"):
        classifier(callbacks="optuna").fit(*TRAIN)
    for options in ({"by": "sex"}, {"metric": "recall", "group": "x"}, {"by": "a", "group": "b"}):
        with pytest.raises(ValueError, match="requires metric, by and group"):
            OptunaPruning(FixedTrial({}), **options)
