"""``mlpkit fit``: targets, and the task that follows from them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from command_line import KEPT, N, fit, numbers, write

import mlpkit
from mlpkit import MLPRegressor
from mlpkit.commands.fitting.tasks import inferred_task
from mlpkit.sources.errors import InputError

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("folder")]


@pytest.mark.parametrize(
    ("values", "task", "reason"),
    [
        (["a", "b"] * 20, "classification", "text, 2 different values"),
        ([True, False] * 20, "classification", "boolean, 2 different values"),
        (pa.array(["a", "b"] * 20).dictionary_encode(), "classification", "text, 2 different"),
        ([1, 2] * 20, "classification", "whole numbers, 2 different values"),
        ([0.0, 1.0, None] * 20, "classification", "whole numbers, 2 different values"),
        ([*range(20)] * 10, "classification", "whole numbers, 20 different values"),
        ([*range(21)] * 10, "regression", "whole numbers, 21 different values (more than 20)"),
        ([*range(9)] * 9, "regression", "9 different values (fewer than 10 rows of each)"),
        ([0.5, 1.0] * 20, "regression", "real numbers"),
    ],
)
def test_the_task_follows_from_the_target(values: Any, task: str, reason: str) -> None:
    """The reason is printed."""
    inference = inferred_task(pa.table({"y": values}))
    assert inference.task == task
    assert inference.reason.startswith("y: ") and inference.reason.endswith(f" -> {task}")
    assert reason in inference.reason


@pytest.mark.parametrize(
    ("columns", "task"),
    [
        ({"a": [0, 1] * 20, "b": [True, False] * 20}, "classification"),
        ({"a": [0.5, 1.0] * 20, "b": [3, 4] * 20}, "regression"),
    ],
)
def test_several_targets(columns: Any, task: str) -> None:
    """Labels of 0 and 1, or numbers."""
    assert inferred_task(pa.table(columns)).task == task
    with pytest.raises(InputError, match="several targets must all be"):
        inferred_task(pa.table({**columns, "c": ["x", "y"] * 20}))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([f"name {i}" for i in range(40)], "'y' contains 40 different texts in 40 rows"),
        (pa.array([None] * 40, pa.null()), "'y' has no value"),
        (pa.array(range(40), pa.date32()), "must contain classes or numbers, but its type is"),
    ],
)
def test_targets_that_are_rejected(values: Any, expected: str) -> None:
    """Identifiers, nothing and dates."""
    with pytest.raises(InputError, match=expected):
        inferred_task(pa.table({"y": values}))


def test_the_task_can_be_chosen(people: Path) -> None:
    """``--task`` overrides; a regression standardizes its targets."""
    assert "-> regression" in fit(people, "--drop", "sex,income", target="pay").out
    model = mlpkit.load("model.mlpkit")
    assert isinstance(model, MLPRegressor) and model.standardize_targets
    assert fit(people, "--drop", "sex,income", "--task", "regression", target="age").code == 0
    assert isinstance(mlpkit.load("model.mlpkit"), MLPRegressor)
    wrong = fit(people, *KEPT, "--task", "regression")
    assert "--task regression requires numbers, but the target 'income'" in wrong.error


def test_two_targets(folder: Path) -> None:
    """Separated by a comma."""
    columns = {**numbers(), "other": np.arange(N) % 2, "old": numbers()["age"] > 40}
    path = write(folder / "two.parquet", columns)
    result = fit(path, "--drop", "id,sex,pay,income", target="other,old")
    assert result.code == 0 and "labels of 0 and 1 -> classification" in result.out
    assert mlpkit.load("model.mlpkit").n_outputs_ == 2


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((4,), "'income' has a missing value in row 5. Remove this row."),
        ((4, 7), "'income' has 2 missing values, the first one in row 5. Remove these rows."),
    ],
)
def test_a_missing_target_is_counted(rows: tuple[int, ...], expected: str, folder: Path) -> None:
    """With the first row."""
    columns = numbers()
    income = [None if i in rows else v for i, v in enumerate(columns["income"].tolist())]
    path = write(folder / "people.csv", {**columns, "income": income})
    assert expected in fit(path, *KEPT).error


def test_a_header_alone(folder: Path) -> None:
    """There is nothing to fit."""
    path = folder / "empty.csv"
    path.write_text("age,income\n")
    assert "has no value" in fit(path).error
