"""Exact values of numbers as categories."""

import numpy as np
import pandas as pd
import pytest

from mlpkit.plugin import Column
from mlpkit_tabular import TabularEncoder
from mlpkit_tabular.encoding.tied_values import codes_of, tied_values

N = 4000


@pytest.fixture
def gains() -> tuple[np.ndarray, np.ndarray]:
    """Numbers of which some exact values decide the target, as capital gains do for income."""
    rng = np.random.default_rng(0)
    x = rng.choice([0.0, 7298, 7688, 7896, 15024], size=N, p=[0.6, 0.1, 0.1, 0.1, 0.1])
    other = rng.random(N) < 0.3
    x[other] = rng.uniform(7000, 8000, other.sum())
    y = np.isin(x, [7688, 15024]).astype(float)
    return x, y


def test_values_that_decide_the_target_become_a_category(
    gains: tuple[np.ndarray, np.ndarray],
) -> None:
    """Each frequent value has a code, and all others share one."""
    x, y = gains
    frame = pd.DataFrame({"gain": x})
    encoder = TabularEncoder().fit(frame, y)
    assert encoder.columns == (
        Column("gain", "gain"),
        Column("gain_value", "gain", "category", 6),
    )
    rows = pd.DataFrame({"gain": [0, 7298, 7688, 7896, 15024, 7500.5, np.nan, np.inf]})
    assert encoder.transform(rows)[:, 1].tolist() == [0, 1, 2, 3, 4, 5, 5, 5]


@pytest.mark.parametrize(
    "targets",
    [
        lambda y: y[:, None],
        lambda y: np.column_stack([1 - y, y]),
        lambda y: np.column_stack([y, np.zeros(N)]),
        lambda y: np.where(y == 1, "rich", "poor"),
        lambda y: y == 1,
    ],
    ids=["column", "indicators", "constant output", "labels", "booleans"],
)
def test_targets_may_have_any_form(targets, gains: tuple[np.ndarray, np.ndarray]) -> None:  # type: ignore[no-untyped-def]
    """Labels are classes."""
    x, y = gains
    assert len(TabularEncoder().fit(x[:, None], targets(y)).columns) == 2


def test_the_option_and_missing_targets_turn_it_off(gains: tuple[np.ndarray, np.ndarray]) -> None:
    """Then there is only the number."""
    x, y = gains
    assert len(TabularEncoder(tied_values=False).fit(x[:, None], y).columns) == 1
    assert len(TabularEncoder().fit(x[:, None]).columns) == 1


def test_values_that_say_nothing_more_than_their_order_stay_numbers() -> None:
    """A monotone target, noise, and no target at all."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 100, N).astype(float)
    for y in (x, rng.normal(size=N), np.zeros(N), np.floor(x / 25)):
        assert len(tied_values(x, y[:, None], 10)) == 0


def test_the_gain_must_exceed_chance() -> None:
    """Targets that were drawn once for each of many values are not noise, and shuffled ones are."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 200, N).astype(float)
    y = rng.normal(size=200)[x.astype(int)]
    assert len(tied_values(x, y[:, None], 10)) > 150
    assert len(tied_values(x, rng.permutation(y)[:, None], 10)) == 0


def test_few_rows_have_no_tied_values() -> None:
    """Too few for five folds."""
    x = np.array([1.0, 1.0, 2.0, 2.0])
    assert len(tied_values(x, x[:, None], 1)) == 0


def test_codes_are_positions() -> None:
    """Numbers beyond both ends included."""
    actual = codes_of(np.array([-1.0, 1.0, 1.5, 2.0, 3.0]), np.array([1.0, 2.0]))
    assert actual.tolist() == [2, 0, 2, 1, 2]


def test_two_values_are_on_a_line() -> None:
    """A number says as much as its code, also if all quantiles are the frequent value."""
    x = (np.arange(N) % 100 == 0).astype(float)
    assert len(tied_values(x, x[:, None], 10)) == 0
    three = np.where(np.arange(N) % 100 == 1, 2.0, x)
    assert tied_values(three, x[:, None], 10).tolist() == [0, 1, 2]
