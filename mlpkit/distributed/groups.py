"""The group of the processes that have the rows, and decisions that they share."""

from typing import Any

from numpy.random import RandomState
from sklearn.utils import check_random_state

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


def shared_random_state(group: Group, random_state: Any) -> Any:
    """The parameter `random_state`, or for several processes a generator as in the first one.

    A RandomState of the user is that generator, and a fit advances it.
    """
    if group.size == 1:
        return random_state
    generator = random_state if isinstance(random_state, RandomState) else RandomState(0)
    generator.set_state(group.same(check_random_state(random_state).get_state(legacy=False)))
    return generator
