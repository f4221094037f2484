"""Raw tables whose rows are distributed over several processes."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlpkit.distributed import Shard
from mlpkit.plugin import Group
from mlpkit.testing import in_group
from mlpkit_tabular import TabularClassifier, TabularRegressor

N = 300
OWNERS = {"in turns": np.arange(N) % 2, "all in one": np.ones(N, int)}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Text of many levels, numbers with gaps, and dates."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "city": [f"c{i}" for i in rng.integers(0, 40, N)],
            "size": rng.lognormal(size=N),
            "day": np.datetime64("2024-01-01") + rng.integers(0, 500, N),
            "kind": rng.choice(["a", "b", None], N),
        }
    )
    frame.loc[::11, "size"] = np.nan
    return frame


@pytest.mark.parametrize("owners", OWNERS)
@pytest.mark.parametrize("n_folds", [None, 2])
def test_a_fit_by_two_processes(table: pd.DataFrame, n_folds: int | None, owners: str) -> None:
    """The encoder learns the same, and the predictions agree, also those out of fold."""
    y = np.where(table["size"].fillna(1.0) > 1, "large", "small")

    def made() -> TabularClassifier:
        return TabularClassifier(n_folds=n_folds, max_iter=2, random_state=0)

    def fit(group: Group) -> Any:
        places = np.flatnonzero(OWNERS[owners] == group.rank)
        shard = Shard([table.iloc[places]], places, N, group)
        return made().fit(shard, y)

    local = made().fit(table, y)
    first, second = in_group(2, fit)
    p = local.predict_proba(table)
    np.testing.assert_allclose(first.predict_proba(table), p, rtol=0, atol=2e-5)
    np.testing.assert_array_equal(first.predict_proba(table), second.predict_proba(table))
    if n_folds:
        np.testing.assert_allclose(second.oof_predictions_, local.oof_predictions_, atol=2e-5)


def test_a_regressor_with_a_validation_set(table: pd.DataFrame) -> None:
    """The rows of the validation set are distributed, too."""
    y = table["size"].fillna(0.0).to_numpy()

    def fit(group: Group) -> Any:
        mine = np.arange(group.rank, N, group.size)
        shard = Shard([table.iloc[mine]], mine, N, group)
        places = np.arange(50) if group.rank else np.arange(0)
        validation = Shard([table.iloc[places]], places, 50, group)
        model = TabularRegressor(max_iter=2, random_state=0)
        return model.fit(shard, y, X_val=validation, y_val=y[:50])

    (alone,) = in_group(
        1,
        lambda group: TabularRegressor(max_iter=2, random_state=0).fit(
            table, y, X_val=table[:50], y_val=y[:50]
        ),
    )
    first, second = in_group(2, fit)
    np.testing.assert_allclose(first.predict(table), alone.predict(table), rtol=1e-4, atol=1e-4)
    assert first.validation_scores_ == second.validation_scores_
