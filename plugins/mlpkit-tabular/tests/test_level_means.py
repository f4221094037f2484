"""Means of the targets by level, for columns with many rare levels."""

import json

import numpy as np
import pandas as pd
import pytest

from mlpkit.plugin import Column
from mlpkit_tabular import TabularEncoder
from mlpkit_tabular.encoding.held_out import explains_more, held_out_means

N = 3000


@pytest.fixture
def sales() -> tuple[pd.DataFrame, np.ndarray]:
    """Customers who buy about five times each; their mean purchases differ much."""
    rng = np.random.default_rng(0)
    customer = rng.integers(0, N // 5, N)
    y = rng.normal(size=N // 5)[customer] + 0.5 * rng.normal(size=N)
    return pd.DataFrame({"customer": [f"c{i}" for i in customer], "x": rng.normal(size=N)}), y


def test_levels_that_are_rare_but_say_much_have_means(
    sales: tuple[pd.DataFrame, np.ndarray],
) -> None:
    """Smoothed by ten rows; missing and new customers have the overall mean."""
    X, y = sales
    encoder = TabularEncoder().fit(X, y)
    assert encoder.columns[-1] == Column("customer_mean", "customer")
    rows = pd.DataFrame({"customer": ["c0", "new", None], "x": 0.0})
    encoded = encoder.transform(rows)[:, -1]
    own = y[X["customer"] == "c0"]
    arrays, _ = encoder.get_state()
    levels = list(dict.fromkeys(X["customer"]))
    means = arrays["means.0.means"]
    expected = (own.sum() + 10 * y.mean()) / (len(own) + 10)
    assert means[levels.index("c0"), 0] == pytest.approx(expected)
    assert means[-1, 0] == pytest.approx(y.mean())
    assert encoded[1] == encoded[2] != encoded[0]


def test_the_mean_of_a_training_row_does_not_contain_its_own_target(
    sales: tuple[pd.DataFrame, np.ndarray],
) -> None:
    """Another target of one row changes the encoding of other rows of the customer only."""
    X, y = sales
    order = np.argsort(X["customer"])
    X, y = X.iloc[order], y[order]
    changed = y.copy()
    changed[0] += 0.5
    means = [held_out_means(pd.factorize(X["customer"])[0], t[:, None], 10) for t in (y, changed)]
    assert means[0][0] == means[1][0]
    assert (means[0] != means[1]).any()
    first = TabularEncoder().fit_transform(X, y)
    plain = TabularEncoder().fit(X, y).transform(X)
    assert np.array_equal(first[:, :-1], plain[:, :-1])
    assert np.abs(np.corrcoef(first[:, -1], y)[0, 1]) < np.abs(np.corrcoef(plain[:, -1], y)[0, 1])


def test_each_output_has_a_mean(sales: tuple[pd.DataFrame, np.ndarray]) -> None:
    """Classes are outputs."""
    X, y = sales
    labels = np.where(y > 0.5, "high", np.where(y < -0.5, "low", "middle"))
    encoder = TabularEncoder().fit(X, labels)
    names = encoder.get_feature_names_out().tolist()
    assert names[-3:] == ["customer_mean0", "customer_mean1", "customer_mean2"]


def test_columns_whose_levels_say_nothing_have_no_means(
    sales: tuple[pd.DataFrame, np.ndarray],
) -> None:
    """Identifiers, noise, no targets, and the option."""
    X, y = sales
    identifiers = X.assign(customer=[f"id {i}" for i in range(N)])
    noise = np.random.default_rng(1).normal(size=N)
    for encoder in (
        TabularEncoder().fit(identifiers, y),
        TabularEncoder().fit(X, noise),
        TabularEncoder().fit(X),
        TabularEncoder(level_means=False).fit(X, y),
        TabularEncoder().fit(X, np.ones(N)),
    ):
        assert "customer_mean" not in encoder.get_feature_names_out()


def test_rows_of_weight_zero_have_the_means_of_others(
    sales: tuple[pd.DataFrame, np.ndarray],
) -> None:
    """They are encoded as by `transform`."""
    X, y = sales
    w = np.r_[np.zeros(1000), np.ones(N - 1000)]
    encoder = TabularEncoder()
    encoded = encoder.fit_transform(X, y, sample_weight=w)
    assert np.array_equal(encoded[:1000], encoder.transform(X[:1000]))
    assert np.array_equal(encoded[1000:], TabularEncoder().fit_transform(X[1000:], y[1000:]))


def test_the_state_contains_the_means(sales: tuple[pd.DataFrame, np.ndarray]) -> None:
    """Through JSON."""
    X, y = sales
    encoder = TabularEncoder().fit(X, y)
    arrays, values = encoder.get_state()
    restored = TabularEncoder().set_state(arrays, json.loads(json.dumps(values)))
    assert restored.columns == encoder.columns
    assert np.array_equal(encoder.transform(X), restored.transform(X))


def test_held_out_means_of_new_groups_are_overall_means() -> None:
    """A group without rows in the other folds."""
    y = np.arange(20.0)[:, None]
    means = held_out_means(np.arange(20), y)
    assert np.unique(means).size == 5
    assert not np.isin(means, y).all()


def test_constant_targets_are_explained_by_nothing() -> None:
    """There is no variance."""
    y = np.ones((50, 2))
    assert not explains_more(y, y, 0 * y)
    varying = np.arange(100.0).reshape(50, 2)
    assert explains_more(varying, varying, 0 * varying)
