"""The group of the processes that have the rows, and decisions that they share."""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from numpy.random import RandomState
from sklearn.utils import check_random_state

from mlpkit.distributed.sharded_rows import ShardedRows
from mlpkit.distributed.solo import Solo
from mlpkit.plugin import Group

SOLO = Solo()
Arguments = ParamSpec("Arguments")
Value = TypeVar("Value")


def group_of(X: Any) -> Group:
    """The processes that have the rows of X; one process for rows of any other kind."""
    return X.group if isinstance(X, ShardedRows) else SOLO


def of_first_process(
    group: Group, function: Callable[Arguments, Value]
) -> Callable[Arguments, Value]:
    """The function, which returns in all processes what it returned in the first one."""
    if group.size == 1:
        return function

    def shared(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Value:
        return group.same(function(*args, **kwargs))

    return shared


def shared_random_state(group: Group, random_state: Any) -> Any:
    """The parameter `random_state`, or for several processes a generator as in the first one.

    A RandomState of the user is that generator, and a fit advances it.
    """
    if group.size == 1:
        return random_state
    generator = random_state if isinstance(random_state, RandomState) else RandomState(0)
    generator.set_state(group.same(check_random_state(random_state).get_state(legacy=False)))
    return generator
