"""Schedules: their formulas, and what a fit makes of them."""

import math
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from mlpkit import MLPClassifier, MLPRegressor
from mlpkit.objectives.schedules import SCHEDULES, linear, warmup
from mlpkit.testing import close

X = np.random.RandomState(0).standard_normal((50, 3))
Y = X[:, 0] - X[:, 1] ** 2
QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (),
    "alpha": 0.0,
    "batch_size": 8,
    "max_iter": 4,
    "shuffle": False,
    "random_state": 0,
    "dtype": "float64",
}
FORMULAS: dict[str, Any] = {
    "constant": lambda t: 1.0,
    "linear": lambda t: 1 - t,
    "cosine": lambda t: (1 + math.cos(math.pi * t)) / 2,
    "coslog4": lambda t: (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t))) / 2,
    "flat_cosine": lambda t: 1.0 if t < 0.5 else (1 + math.cos(math.pi * (2 * t - 1))) / 2,
    "warmup_cosine": lambda t: (
        t / 0.05 if t < 0.05 else (1 + math.cos(math.pi * (t - 0.05) / 0.95)) / 2
    ),
}
PROGRESS = (np.arange(28) + 0.5) / 28  # of four epochs of seven steps


def by_hand(model: Any, rates: Any, decays: Any, step: Any) -> list[Any]:
    """The weights of a linear regression after steps with these rates and decays."""
    start = MLPRegressor(**QUICK).initialize(3)
    w, b = start.coefs_[0].copy(), start.intercepts_[0].copy()
    for i, (rate, decay) in enumerate(zip(rates, decays, strict=True)):
        rows = slice(8 * (i % 7), 8 * (i % 7) + 8)
        error = (X[rows] @ w + b - Y[rows, None]) / len(X[rows])
        w = w + step("w", rate, X[rows].T @ error, i) - rate * decay * w
        b = b + step("b", rate, error.sum(axis=0), i)
    return [w, b]


@pytest.mark.once
@pytest.mark.parametrize("name", SCHEDULES)
def test_formulas_and_values(name: str) -> None:
    """Each schedule is its formula, on arrays, and survives pickling as an equal value."""
    schedule, t = SCHEDULES[name], np.linspace(0, 1, 101)
    close(np.array([FORMULAS[name](value) for value in t]), schedule(t), 1e-12)
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule and hash(again) == hash(schedule)


@pytest.mark.once
def test_warmup() -> None:
    """It precedes any schedule; two of the same values are equal."""
    schedule = warmup(0.5, then=linear)
    close(np.array([0, 0.5, 1, 0.5, 0]), schedule(np.linspace(0, 1, 5)), 1e-12)
    assert schedule == warmup(0.5, then=linear) != warmup(0.4, then=linear)
    close(np.array([1.0, 0.0]), warmup(0.0, linear)(np.array([0.0, 1.0])), 0)
    assert warmup(0.5, then="linear") == schedule
    for wrong in (1, -0.1, True, "0.1"):
        with pytest.raises(ValueError, match="fraction must be at least 0 and less than 1, got"):
            warmup(wrong)  # type: ignore[arg-type]
    for wrong in ("liner", 3):
        with pytest.raises(ValueError, match="then must be a function or one of 'constant', 'lin"):
            warmup(then=wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="Did you mean 'linear'"):
        warmup(then="liner")


@pytest.mark.parametrize("name", [*SCHEDULES, "function"])
def test_sgd_follows_a_schedule_in_every_step(name: str, backend: str) -> None:
    """The steps equal plain NumPy, with rates and decays of their own schedules."""
    schedule: Any = (lambda t: t**2) if name == "function" else name
    factors = PROGRESS**2 if name == "function" else SCHEDULES[name](PROGRESS)
    reg = MLPRegressor(
        **QUICK, solver="sgd", momentum=0.0, learning_rate=schedule, learning_rate_init=0.05,
        backend=backend,
    )  # fmt: skip
    if name == "constant":
        reg.set_params(tol=0.0, n_iter_no_change=99)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if name == "constant" else "error", ConvergenceWarning)
        reg.fit(X, Y)
    rates = 0.05 * factors
    w, b = by_hand(reg, rates, np.zeros(28), lambda name, rate, g, i: -rate * g)
    close(w, reg.coefs_[0], 1e-9)
    close(b, reg.intercepts_[0], 1e-9)


def test_adamw_with_schedules_of_rate_and_decay(backend: str) -> None:
    """The decay is that of the paper: the scheduled rate, without Adam's correction, times the
    scheduled strength.
    """
    reg = MLPRegressor(
        **QUICK, solver="adamw", learning_rate="cosine", learning_rate_init=0.05, beta_2=0.95,
        solver_options={"weight_decay": 0.3}, weight_decay_schedule="flat_cosine",
        epsilon=1e-30, backend=backend,
    ).fit(X, Y)  # fmt: skip
    moments: dict[str, Any] = {"w": (0.0, 0.0), "b": (0.0, 0.0)}

    def step(name: str, rate: float, g: Any, i: int) -> Any:
        m, v = moments[name]
        m, v = moments[name] = 0.9 * m + 0.1 * g, 0.95 * v + 0.05 * g**2
        return -rate * (m / (1 - 0.9 ** (i + 1))) / np.sqrt(v / (1 - 0.95 ** (i + 1)))

    rates, decays = 0.05 * SCHEDULES["cosine"](PROGRESS), 0.3 * SCHEDULES["flat_cosine"](PROGRESS)
    w, b = by_hand(reg, rates, decays, step)
    close(w, reg.coefs_[0], 1e-9)
    close(b, reg.intercepts_[0], 1e-9)


@pytest.mark.once
def test_a_planned_end() -> None:
    """A schedule of any kind goes on to max_iter without a warning, although the loss no longer
    improves. Early stopping ends it, and a callback sees the mean rate of an epoch.
    """
    rates: list[float] = []
    options: dict[str, Any] = {**QUICK, "tol": 1.0, "n_iter_no_change": 1, "max_iter": 8}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reg = MLPRegressor(
            **options, learning_rate="linear", learning_rate_init=0.1,
            callbacks=lambda report: rates.append(report.learning_rate),
        ).fit(X, Y)  # fmt: skip
        assert reg.n_iter_ == 8
        close(0.1 * (1 - (np.arange(8) + 0.5) / 8), np.array(rates), 1e-12)
        decays: dict[str, Any] = {"solver": "adamw", "weight_decay_schedule": "cosine"}
        assert MLPRegressor(**options, **decays).fit(X, Y).n_iter_ == 8
    with pytest.warns(ConvergenceWarning):
        MLPRegressor(**{**options, "tol": 0.0, "n_iter_no_change": 99}).fit(X, Y)
    stopped = MLPRegressor(**options, learning_rate="linear", early_stopping=True).fit(X, Y)
    assert stopped.n_iter_ < 8


@pytest.mark.once
def test_a_returned_rate_replaces_the_initial_one() -> None:
    """The schedule multiplies the rate that a callback returned."""
    rates: list[float] = []

    def halve(report: Any) -> float | None:
        rates.append(report.learning_rate)
        return 0.05 if report.epoch == 1 else None

    MLPRegressor(**QUICK, learning_rate="linear", learning_rate_init=0.1, callbacks=halve).fit(X, Y)
    close(np.array([0.0875, 0.03125, 0.01875, 0.00625]), np.array(rates), 1e-12)


def test_partial_fit_is_constant(backend: str) -> None:
    """A stream has no planned end."""
    results = []
    changes: tuple[dict[str, Any], ...] = (
        {},
        {"learning_rate": "cosine", "weight_decay_schedule": "linear"},
    )
    for schedules in changes:
        reg = MLPRegressor(**QUICK, **schedules, solver="adamw", backend=backend)
        for _ in range(3):
            reg.partial_fit(X, Y)
        results.append(reg.coefs_[0])
    close(results[0], results[1], 0)


@pytest.mark.once
@pytest.mark.parametrize("wrong", ["negative", "infinite", "short", "none"])
def test_what_a_schedule_returns(wrong: str) -> None:
    """Errors name the parameter."""
    schedule = {
        "negative": lambda t: t - 0.5,
        "infinite": lambda t: t / 0,
        "short": lambda t: t[:2],
        "none": lambda t: None,
    }[wrong]
    for parameter in ("learning_rate", "weight_decay_schedule"):
        clf = MLPClassifier(**QUICK, solver="adamw").set_params(**{parameter: schedule})
        text = f"the schedule {parameter} returned .* expected finite numbers >= 0"
        with np.errstate(all="ignore"), pytest.raises(ValueError, match=text):
            clf.fit(X, Y > 0)


@pytest.mark.once
def test_unknown_names() -> None:
    """They are errors with the names that exist."""
    with pytest.raises(ValueError, match="'learning_rate' parameter of MLPRegressor must be a str"):
        MLPRegressor(learning_rate="cosines").fit(X, Y)
    with pytest.raises(ValueError, match="'weight_decay_schedule' parameter of MLPRegressor must"):
        MLPRegressor(weight_decay_schedule="invscaling").fit(X, Y)
