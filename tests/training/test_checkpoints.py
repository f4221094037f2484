"""A fit that was killed continues from its checkpoint as if it had not stopped."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_fits import LABELS, QUICK, VALUES, X, caught, halving, twice_as_fast

from mlpkit import Cycles, MLPClassifier, MLPRegressor, by_quantile
from mlpkit.plugin import Report
from mlpkit.testing.resuming import KillAfter, assert_same_fit, fit_in_parts

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SLOW: dict[str, Any] = {"n_iter_no_change": 2, "tol": 0.5, "max_iter": 30}
CYCLES = Cycles(first_cycle=3, growth=2, max_cycles=3)


def much_too_fast(report: Report) -> float | None:
    """A callback that makes all epochs after the third worse."""
    return 5.0 if report.epoch == 3 else None


FITS: dict[str, tuple[type, dict[str, Any], list[int]]] = {
    "adam": (MLPClassifier, {}, [1, 4]),
    "float32": (MLPClassifier, {"dtype": "float32"}, [5]),
    "no shuffling": (MLPClassifier, {"shuffle": False}, [5]),
    "adamw, clipped, averaged": (
        MLPRegressor,
        {
            "solver": "adamw",
            "solver_options": {"weight_decay": 0.1},
            "max_gradient_norm": 0.1,
            "average_decay": 0.8,
            "weight_decay_schedule": "cosine",
        },
        [3, 6],
    ),
    "adaptive": (
        MLPRegressor,
        {"solver": "sgd", "learning_rate": "adaptive", **SLOW, "learning_rate_init": 0.1},
        [4, 9],
    ),
    "invscaling": (MLPClassifier, {"solver": "sgd", "learning_rate": "invscaling"}, [5]),
    "schedule": (MLPClassifier, {"learning_rate": "warmup_cosine", "dropout": 0.3}, [5]),
    "function": (
        MLPClassifier,
        {"learning_rate": halving, "dropout": 0.3, "dropout_schedule": "linear"},
        [5],
    ),
    "plateau of the loss": (MLPRegressor, SLOW, [2]),
    "early stopping": (MLPClassifier, {"early_stopping": True, **SLOW, "tol": 1e-4}, [2, 4]),
    "early stopping of averages": (
        MLPRegressor,
        {"early_stopping": True, "average_decay": 0.5},
        [6],
    ),
    "loss": (MLPRegressor, {"early_stopping_on": "loss", "standardize_targets": True}, [5]),
    "calibrated": (
        MLPClassifier,
        {"early_stopping_on": "log_loss", "temperature_scaling": True},
        [5],
    ),
    "metric by group": (
        MLPClassifier,
        {
            "metrics": ["accuracy", "log_loss"],
            "partitions": [by_quantile(0, 2)],
            "early_stopping_on": "worst(log_loss, by='column 0', min_rows=3)",
        },
        [2, 5],
    ),
    "cycles": (
        MLPRegressor,
        {
            "trainer": replace(CYCLES, eligible=1.0, min_gain=0.0),
            "early_stopping_on": "loss",
            "max_iter": 30,
            "learning_rate_init": 0.5,
        },
        [1, 3, 8, 14, 19],
    ),
    "the best of an early cycle": (
        MLPRegressor,
        {
            "trainer": Cycles(first_cycle=3, max_cycles=2, eligible=1.0, min_gain=0.0),
            "early_stopping_on": "loss",
            "max_iter": 30,
            "callbacks": [much_too_fast],
        },
        [5, 7],
    ),
    "cycles without scores": (
        MLPClassifier,
        {"trainer": CYCLES, "max_iter": 30, "average_decay": 0.5, "dropout": 0.2},
        [4, 13],
    ),
    "a cycle without gain": (
        MLPRegressor,
        {
            "trainer": replace(CYCLES, min_gain=0.5),
            "early_stopping_on": "loss",
            "max_iter": 30,
            "metrics": "mae",
        },
        [5, 8],
    ),
    "L-BFGS": (MLPClassifier, {"solver": "lbfgs", "alpha": 0.1}, [1, 5]),
    "L-BFGS that converges": (
        MLPRegressor,
        {"solver": "lbfgs", "tol": 0.02, "metrics": "mae", "max_iter": 300},
        [7, 12],
    ),
    "learning rate of a callback": (MLPClassifier, {"callbacks": [twice_as_fast]}, [2, 3, 6]),
}

EVERY_BACKEND = (
    "adam",
    "cycles",
    "L-BFGS",
    "adamw, clipped, averaged",
    "function",
    "metric by group",
)
PARTS = [
    pytest.param(*fit, id=name, marks=() if name in EVERY_BACKEND else pytest.mark.once)
    for name, fit in FITS.items()
]


@pytest.mark.parametrize(("cls", "params", "ends"), PARTS)
def test_a_fit_in_parts_equals_a_whole_one(
    cls: type, params: dict[str, Any], ends: list[int], backend: str, tmp_path: Path
) -> None:
    """Weights, optimizer state, attributes, random generator and warnings are the same; the file
    is complete then, and gives the same estimator at once.
    """
    y, path = LABELS if cls is MLPClassifier else VALUES, tmp_path / "run.ckpt"

    def make() -> Any:
        return cls(**{**QUICK, **params, "backend": backend})

    whole, expected = caught(lambda: make().fit(X, y))
    assert whole.n_iter_ > max(ends)
    parts, emitted = caught(lambda: fit_in_parts(make, path, ends, X, y))
    assert_same_fit(whole, parts)
    assert emitted == expected
    again = make()
    again.set_params(checkpoint=path, callbacks=[*(again.callbacks or []), KillAfter(1)])
    assert_same_fit(whole, again.fit(X, y))
