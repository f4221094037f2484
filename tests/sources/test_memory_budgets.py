"""Budgets of memory: what may be passed, and the memory that is free."""

from pathlib import Path
from typing import Any

import pytest

from mlpkit.sources import memory_budgets
from mlpkit.sources.memory_budgets import budget

pytestmark = pytest.mark.once


@pytest.mark.parametrize("memory", ["much", "1 parsec", True, -1, "1e9 GiB"])
def test_invalid_budgets(memory: Any) -> None:
    """The message says what is accepted."""
    with pytest.raises(ValueError, match="must be a number of bytes or text such as '1GiB'"):
        budget(memory)


def test_a_budget_has_a_least_size() -> None:
    """Reading a file takes some memory."""
    with pytest.raises(ValueError, match="memory must be at least 64 MiB, got '1MiB'"):
        budget("1MiB")


def test_the_default_is_a_quarter_of_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the machine, or of the container if that is less."""
    assert 1 << 26 <= budget(None) <= memory_budgets.free_memory() // 2
    monkeypatch.setattr(memory_budgets, "_free_of_machine", lambda: 1 << 32)
    monkeypatch.setattr(memory_budgets, "_free_of_container", lambda: 1 << 30)
    assert budget(None) == 1 << 28


def test_the_limit_of_a_container(tmp_path: Path) -> None:
    """The limit of its control group, without what is in use."""
    free = memory_budgets._free_of_container
    assert free(tmp_path) == 1 << 62
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("300000\n")
    assert free(tmp_path) == 700_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free(tmp_path) == 1 << 62
