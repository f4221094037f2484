"""When computations have no other threads."""

import pytest

from mlpkit.backend_kit import Usefulness, usefulness

pytestmark = pytest.mark.once


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in a list of one number."""
    time = [100.0]
    monkeypatch.setattr(usefulness.time, "monotonic", lambda: time[0])
    return time


def test_short_computations_are_judged_together(clock: list[float]) -> None:
    """Those of 20 milliseconds."""
    useless, useful = Usefulness(), Usefulness()
    useless.judge(elapsed=0.015, alone=0.01)
    assert not useless.is_paused
    useless.judge(elapsed=0.015, alone=0.02)
    assert useless.is_paused
    for _ in range(9):
        useful.judge(elapsed=0.015, alone=0.025)
    assert not useful.is_paused


def test_pauses_end(clock: list[float]) -> None:
    """Then the other threads are tried again."""
    useless = Usefulness()
    useless.judge(elapsed=1.0, alone=1.0)
    clock[0] += 0.09
    assert useless.is_paused
    clock[0] += 0.02
    assert not useless.is_paused


def test_pauses_grow(clock: list[float]) -> None:
    """As long as the threads are of no use."""
    changing, pauses = Usefulness(), []
    for alone in (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 1.0):
        changing.judge(elapsed=1.0, alone=alone)
        pauses.append(round(changing._paused_until - clock[0], 3))
        clock[0] += 10
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0, -8.0, 0.1]
