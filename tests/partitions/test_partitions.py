"""Rows into groups: any table, any values, learned once, assigned for good."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csc_array, csr_array

from mlpkit import by, by_column, by_function, by_labels, by_quantile, by_target, cross, evaluate
from mlpkit.partitions.arguments import partitioners_of
from mlpkit.partitions.crossing import indicators
from mlpkit.partitions.fitting import with_fitted
from mlpkit.plugin import Dataset, Groups, Partitioner

pytestmark = pytest.mark.once

FRAME = pd.DataFrame(
    {
        "sex": ["f", "m", None, "f", "m", "f"],
        "age": [20, 30, 40, 50, 60, 70],
        "income": [1.0, np.nan, 3.0, 4.0, 5.0, 6.0],
    }
)


def named(partitioner: Partitioner, sample: Any, later: Any = None) -> list[str]:
    """The group of each row, or of each later row."""
    sample = sample if isinstance(sample, Dataset) else Dataset(sample)
    cut = partitioner.fit(sample)
    groups = partitioner.assign(cut, sample if later is None else Dataset(later))
    assert groups.codes.ndim == 1
    return [groups.names[c] if c >= 0 else "" for c in groups.codes]


@pytest.mark.parametrize("form", ["pandas", "polars", "categorical", "string", "object array"])
def test_a_column_of_any_table(form: str) -> None:
    """Values are groups, missing ones a group of their own, in any table."""
    table: Any = {
        "pandas": FRAME,
        "polars": pl.from_dict({"sex": ["f", "m", None, "f", "m", "f"], "age": FRAME.age.tolist()}),
        "categorical": FRAME.astype({"sex": "category"}),
        "string": FRAME.astype({"sex": "string", "age": "Int64"}),
        "object array": FRAME.to_numpy(dtype=object),
    }[form]
    key: Any = 0 if form == "object array" else "sex"
    assert named(by_column(key), table) == ["f", "m", "missing", "f", "m", "f"]
    assert named(by_column(1), table) == ["20", "30", "40", "50", "60", "70"]


def test_unseen_values_go_to_other() -> None:
    """What was not there when the groups were learned never crashes."""
    later = pd.DataFrame({"sex": ["m", "x", None]})
    assert named(by_column("sex"), FRAME, later) == ["m", "other", "missing"]
    assert named(by_column(0), np.array([[1], [2]]), np.array([[2.0], [np.nan], [3]])) == [
        "2",
        "missing",
        "other",
    ]


def test_values_called_other_and_missing_are_quoted() -> None:
    """They are not mixed up with what was not seen, or is not there."""
    table = pd.DataFrame({"a": ["other", "missing", None, ""]})
    assert named(by_column("a"), table) == ["'other'", "'missing'", "missing", "''"]


def test_the_most_frequent_values_of_many() -> None:
    """Beyond max_groups the rarest are "other"; many reals are an error that says what to do."""
    table = np.repeat([1, 2, 3, 4], [4, 3, 2, 1]).reshape(-1, 1)
    groups = named(by_column(0, max_groups=2), table)
    assert groups == ["1"] * 4 + ["2"] * 3 + ["other"] * 3
    with pytest.raises(ValueError, match="'column 0' has 200 different numbers.*by_quantile"):
        named(by_column(0), np.random.default_rng(0).random((200, 1)))


@pytest.mark.parametrize("form", [csr_array, csc_array, np.asarray])
def test_quantiles_of_any_column(form: Any) -> None:
    """Four equal parts of a dense or sparse column; edges belong below."""
    X = np.arange(8.0).reshape(4, 2)
    expected = ["up to 1.5", "1.5 to 3", "3 to 4.5", "over 4.5"]
    assert named(by_quantile(0), form(X)) == expected
    assert named(by_quantile(0), form(X), form(np.array([[3.0, 0], [-9, 0], [99, 0]]))) == [
        expected[1],
        expected[0],
        expected[3],
    ]


def test_quantiles_with_ties_and_missing_values() -> None:
    """Ties make fewer groups, never empty ones; missing values are a group."""
    table = np.array([[1.0], [1], [1], [1], [2], [np.nan]])
    assert named(by_quantile(0), table) == ["up to 1"] * 4 + ["over 1"] + ["missing"]
    assert named(by_quantile(0), np.ones((3, 1))) == ["any value"] * 3
    assert named(by_quantile("income", 2), FRAME)[1] == "missing"


def test_names_of_quantiles_stay_apart() -> None:
    """Edges that are near have as many digits as tell them apart."""
    table = 1e6 + np.arange(8.0).reshape(-1, 1) / 8
    assert len(set(named(by_quantile(0), table))) == 4


def test_target_classes_quantiles_and_labels() -> None:
    """Classes of y; equal parts of reals; overlapping groups of label sets."""
    assert named(by_target(), Dataset(None, np.array(["b", "a", "b"]))) == ["b", "a", "b"]
    parts = named(by_target(2), Dataset(None, np.array([1.0, 2, 3, 4])))
    assert parts == ["up to 2.5"] * 2 + ["over 2.5"] * 2
    assert len(set(named(by_target(), Dataset(None, np.linspace(0, 1, 40))))) == 4
    y = np.array([[1, 0], [1, 1]])
    target = by_target()
    codes, names = target.assign(target.fit(Dataset(None, y)), Dataset(None, y))
    assert names == ("label 0", "label 1") and codes.tolist() == [[True, False], [True, True]]


def test_labels_that_x_does_not_contain() -> None:
    """An array as long as the rows, or the name of one that comes with them."""
    assert named(by_labels(["a", "b"]), np.zeros((2, 1))) == ["a", "b"]
    assert named(by_labels(pd.Series(["a", None])), np.zeros((2, 1))) == ["a", "missing"]
    sample = Dataset(np.zeros((2, 1)), labels={"region": np.array(["n", "s"])})
    assert named(by_labels("region"), sample) == ["n", "s"]
    with pytest.raises(ValueError, match="for each of the 2 rows, got 3 labels"):
        named(by_labels([1, 2, 3]), np.zeros((2, 1)))
    with pytest.raises(ValueError, match="No labels 'nation' were passed with the rows.*: region"):
        named(by_labels("nation"), sample)


def test_functions_of_the_rows() -> None:
    """Labels, or a dict of masks whose groups overlap."""

    def old(X: Any) -> Any:
        return np.where(X.age > 45, "old", "young")

    assert by_function(old).name == "old"
    assert named(by_function(old), FRAME) == ["young"] * 3 + ["old"] * 3
    masks = by_function(lambda X: {"adult": X.age > 0, "old": X.age > 45}, name="age")
    codes, names = masks.assign(masks.fit(Dataset(FRAME)), Dataset(FRAME))
    assert names == ("adult", "old") and codes.sum(axis=0).tolist() == [6, 3]


def test_crossed_groups_are_those_that_occur() -> None:
    """Intersections, of overlapping groups too, with names that say of what."""
    both = cross("sex", by_quantile("age", 2))
    assert both.name == "sex & age"
    expected = ["f & up to 45", "m & up to 45", "missing & up to 45"]
    assert named(both, FRAME)[:3] == expected
    masks = by_function(lambda X: {"adult": X.age > 0, "old": X.age > 45}, name="age")
    crossed = cross("sex", masks)
    codes, names = crossed.assign(crossed.fit(Dataset(FRAME)), Dataset(FRAME))
    assert names == (
        "f & adult",
        "f & old",
        "m & adult",
        "m & old",
        "missing & adult",
    )
    assert codes.sum(axis=0).tolist() == [3, 2, 2, 1, 1]
    with pytest.raises(ValueError, match="cross needs two partitioners or more.*got 1"):
        cross("sex")


def test_a_name_is_a_column_first() -> None:
    """Then an installed partitioner; else the message lists both and the nearest."""
    assert [p.name for p in partitioners_of(["sex", 1, "target"], list(FRAME))] == [
        "sex",
        "column 1",
        "target",
    ]
    odd = pd.DataFrame({"target": ["x", "y"]})
    (of_column,) = partitioners_of("target", ["target"])
    assert named(of_column, Dataset(odd, np.array([0, 1]))) == ["x", "y"]
    with pytest.raises(ValueError, match="'sexx' is neither a column of X.*sex, age.*Did you m"):
        partitioners_of("sexx", list(FRAME))
    with pytest.raises(ValueError, match="X has no column names"):
        partitioners_of("sex", None)
    with pytest.raises(ValueError, match="A partition must be the name or index.*got 3.5"):
        partitioners_of([3.5], list(FRAME))
    with pytest.raises(ValueError, match="Two partitioners have the name 'age'"):
        partitioners_of(["age", by_quantile("age")], list(FRAME))
    with pytest.raises(ValueError, match="The name 'all' is reserved"):
        partitioners_of(by_column("sex", name="all"), list(FRAME))


def test_columns_that_are_not_there() -> None:
    """The message says which there are."""
    with pytest.raises(ValueError, match="no column 'ag'. Its columns are: sex, age, income. Did"):
        named(by_column("ag"), FRAME)
    with pytest.raises(ValueError, match="no column 7. Its 3 columns have the indices 0 to 2"):
        named(by_column(7), FRAME)
    with pytest.raises(ValueError, match="X has no column names.*Pass an index from 0 to 1"):
        named(by_column("age"), np.zeros((3, 2)))
    with pytest.raises(ValueError, match="needs X, got X=None"):
        evaluate(None, None, [0, 1], y_pred=[0, 1], partitions=by_column("age"))
    with pytest.raises(ValueError, match="Quantiles need numbers, got .*Use by_column"):
        named(by_quantile("sex"), FRAME)
    with pytest.raises(ValueError, match="n must be an integer of at least 2, got 1"):
        by_quantile("age", 1)


def test_a_learned_partitioner_keeps_its_groups() -> None:
    """Other data are grouped as the first were."""
    quarter = by_quantile("age")
    settled = with_fitted(quarter, quarter.fit(Dataset(FRAME)))
    other = FRAME.assign(age=FRAME.age + 1000)
    assert set(named(settled, other)) == {"over 57.5"}


def test_installed_partitioners_by_name() -> None:
    """`by` looks a name up and checks its options."""
    assert named(by("quantile", column="age", n=2), FRAME) == ["up to 45"] * 3 + ["over 45"] * 3
    with pytest.raises(ValueError, match="has no option 'm'; it accepts: column, n, name"):
        by("quantile", m=2)
    with pytest.raises(ValueError, match="unknown partitioner 'quantil'.*Did you mean 'quantile'"):
        by("quantil")


def test_membership() -> None:
    """Codes as a matrix; -1 is in no group."""
    groups = Groups(np.array([0, -1, 1]), ("a", "b"))
    assert indicators(groups).tolist() == [[True, False], [False, False], [False, True]]
