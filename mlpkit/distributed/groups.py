"""The group of the processes that have the rows, and decisions that they share."""

from typing import Any

from numpy.random import RandomState

from mlpkit.distributed.sharded_rows import ShardedRows
from mlpkit.distributed.solo import Solo
from mlpkit.plugin import Group, Observer, Report, State

SOLO = Solo()


def group_of(X: Any) -> Group:
    """The processes that have the rows of X; one process for rows of any other kind."""
    return X.group if isinstance(X, ShardedRows) else SOLO


def of_first_process(group: Group, observe: Observer) -> Observer:
    """The observer, which returns in all processes what it returned in the first one."""
    if group.size == 1:
        return observe

    def observed(state: State, report: Report) -> bool | float:
        return group.same(observe(state, report))  # type: ignore[no-any-return]

    return observed


def share_generator(group: Group, rng: RandomState) -> None:
    """Set the generator to that of the first process."""
    if group.size > 1:
        rng.set_state(group.same(rng.get_state(legacy=False)))
