"""The loop: schedules, stopping, reports."""

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from mlpkit import Cycles, MLPClassifier
from mlpkit.plugin import PluginError, Progress, Report, StepSums
from mlpkit.training.epoch import epoch_loss
from mlpkit.training.loop import improvement

X, Y = load_digits(n_class=2, return_X_y=True)
X = X[:100] / 16
Y = Y[:100]


def reports(backend: str, **settings: Any) -> tuple[MLPClassifier, list[Report]]:
    """A fitted classifier and what its callback saw."""
    seen: list[Report] = []
    settings = {"solver": "sgd", "random_state": 0, **settings}
    clf = MLPClassifier((10,), backend=backend, callbacks=seen.append, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(X, Y)
    return clf, seen


def test_invscaling_follows_the_rows_seen(backend: str) -> None:
    """learning_rate_init / (t_ + 1) ** power_t, from the second epoch on."""
    clf, seen = reports(backend, learning_rate="invscaling", power_t=0.25, max_iter=3)
    expected = [0.001, *(0.001 / (n * len(X) + 1) ** 0.25 for n in (1, 2))]
    assert expected == pytest.approx([report.learning_rate for report in seen])
    assert 3 * len(X) == clf.t_


def test_adaptive_divides_by_five_until_too_small(backend: str) -> None:
    """Each stall divides the rate; below 1e-6 training stops and says so."""
    settings = {"learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 2, "max_iter": 500}
    _, seen = reports(backend, **settings)
    learning_rates = sorted({report.learning_rate for report in seen}, reverse=True)
    np.testing.assert_allclose(np.array(learning_rates[1:]) * 5, learning_rates[:-1])
    assert seen[-1].learning_rate <= 1e-6
    assert seen[-1].note is not None and seen[-1].note.endswith(
        "Learning rate too small. Stopping."
    )


def test_constant_keeps_the_rate_through_a_warm_start(backend: str) -> None:
    """And invscaling goes on from the rows seen before."""
    for schedule, power in (("constant", 0.0), ("invscaling", 0.25)):
        learning_rates: list[float] = []
        clf = MLPClassifier(
            (4,),
            solver="sgd",
            learning_rate=schedule,
            power_t=0.25,
            max_iter=2,
            warm_start=True,
            random_state=0,
            backend=backend,
            callbacks=lambda r, learning_rates=learning_rates: learning_rates.append(
                r.learning_rate
            ),
        )
        with pytest.warns(ConvergenceWarning):
            clf.fit(X, Y).fit(X, Y)
        after = 0.001 / (3 * len(X) + 1) ** power
        assert [0.001, after] == pytest.approx([learning_rates[2], learning_rates[3]])


@pytest.mark.parametrize("patience", [2, 5, 10])
def test_patience_is_counted_in_epochs(patience: int, backend: str) -> None:
    """With a tolerance that no epoch meets, it ends after the first and patience + 1 more."""
    clf, seen = reports(backend, tol=1e9, n_iter_no_change=patience, max_iter=300)
    assert patience + 2 == clf.n_iter_
    assert f"for {patience} consecutive epochs. Stopping." in str(seen[-1].note)


def test_endless_patience_uses_every_epoch(backend: str) -> None:
    """n_iter_no_change=inf never stops early."""
    clf, _ = reports(backend, tol=1e9, n_iter_no_change=np.inf, max_iter=40)
    assert clf.n_iter_ == 40


def test_too_few_epochs_warn(backend: str) -> None:
    """scikit-learn's ConvergenceWarning."""
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached"):
        MLPClassifier((4,), max_iter=2, backend=backend).fit(X, Y)


def test_verbose_prints_what_scikit_learn_prints(backend: str, capsys: Any) -> None:
    """Line for line."""
    import sklearn.neural_network as theirs

    printed = []
    for make in (theirs.MLPClassifier, lambda *a, **k: MLPClassifier(*a, **k, backend=backend)):
        settings = {"early_stopping": True, "n_iter_no_change": 2, "tol": 0.01}
        make((10,), verbose=True, random_state=0, **settings).fit(X, Y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "Validation score did not improve" in printed[1]


def test_epoch_loss_counts_each_step_by_its_rows() -> None:
    """Losses are divided by the step's weight, then averaged by its number of rows."""
    n_rows = np.array([2, 1, 0])
    sums = StepSums(np.array([2.0, 3.0, 0.0]), np.array([4.0, 1.0, 0.0]), np.array([0.0, 1.0, 9.0]))
    assert epoch_loss(sums, n_rows) == pytest.approx((2 * 0.5 + 1 * 4.0) / 3)


def test_epoch_loss_of_one_step() -> None:
    """It has the bits of the general formula; a step without weight has no loss."""
    loss, weight, penalty, n = 0.7, 3.3, 0.1, 7
    one = StepSums(np.array([loss]), np.array([weight]), np.array([penalty]))
    assert epoch_loss(one, np.array([n])) == (loss + penalty) / weight * n / n
    two = StepSums(*(np.append(values, 0.0) for values in one[:3]))
    assert epoch_loss(one, np.array([n])) == epoch_loss(two, np.array([n, 0]))
    nothing = StepSums(np.zeros(1), np.zeros(1), np.ones(1))
    assert epoch_loss(nothing, np.array([n])) == 0


def test_improvement_is_measured_against_the_best() -> None:
    """A loss within tol of the best counts as stale, and may still be the new best."""
    first = improvement(Progress(learning_rate=0.1), 1.0, None, tol=0.1)
    assert first == {"no_improvement_count": 0, "best_loss": 1.0}
    progress = Progress(learning_rate=0.1, **first)
    second = improvement(progress, 0.95, None, tol=0.1)
    assert second == {"no_improvement_count": 1, "best_loss": 0.95}
    third = improvement(Progress(learning_rate=0.1, **second), 0.8, 0.5, tol=0.1)
    assert third == {"no_improvement_count": 0, "best_score": 0.5}


@pytest.mark.parametrize("trainer", ["epochs", "cycles", Cycles()])
def test_a_solver_without_steps(trainer: Any, backend: str) -> None:
    """A loop over epochs raises an error that names the trainer."""
    clf = MLPClassifier((4,), solver="lbfgs", trainer=trainer, backend=backend)
    with pytest.raises(PluginError, match="[cC]ycles.*solver that works in steps|epochs.*in steps"):
        clf.fit(X, Y)
