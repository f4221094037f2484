"""What a metric and a partitioner are: the part of `mlpkit.plugin` about measuring.

A metric says what each row adds to sums, and what number the sums make. Sums add up, so one
metric serves batches, epochs, groups, workers, bootstrap draws and merged reports::

    # mlpkit_cost.py, entry point: cost = "mlpkit_cost"
    from mlpkit.plugin import Component, Metric, hookimpl

    def costs(scored):
        return 5.0 * (scored.y > scored.label) + 1.0 * (scored.y < scored.label)

    def per_row(s):
        return s[..., 1], s[..., 0]

    def cost():
        return Metric("cost", ("binary",), False, terms=costs, ratio=per_row, interval="normal")

    @hookimpl
    def mlpkit_metrics():
        return [Component("cost", "mlpkit_cost:cost", "5 a miss, 1 a false alarm")]

A partitioner learns its groups once and assigns any later rows. Functions of both stand at
module level (or are `functools.partial` of such), so that reports can be pickled.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Task = Literal["binary", "multiclass", "multilabel", "regression"]
Needs = Literal["labels", "scores", "probabilities"]


class Scored(NamedTuple):
    """Rows with what a model says of them; what is not known is None.

    ``y`` and ``label`` hold codes, int (n,), places in ``classes``; for multilabel bool
    (n, n_labels); for regression float64 (n, n_outputs).
    """

    task: Task
    classes: Array | None
    y: Array
    label: Array  # predictions, as y
    p: Array | None = None  # probabilities, (n, n_classes) or (n, n_labels)
    score: Array | None = None  # of a decision function, (n,) or (n, n_classes)


class Tally(NamedTuple):
    """Rows that count in cells: a row adds 1, or its value (n,), to the cell of its code.

    ``codes`` is int (n,), or (n, j) to count in several; -1 is none.
    """

    codes: Array
    cells: int
    values: Array | None = None


@dataclass(frozen=True)
class Metric:
    """A number from sums over rows.

    ``terms(scored)`` is what each row adds before its weight multiplies it: (n,), (n, k) or a
    `Tally`; ``spread(scored)`` columns (n, q) whose squares about their mean are summed too,
    exactly, however far from 0 they are. The sums s (..., 1 + k + q) are the weight, the
    terms and the spreads. ``ratio(s)`` is two *linear* functions of them, numerator and
    denominator, 0/0 being NaN; ``value(s)`` is any function, (...,). Metrics with the same
    ``terms`` share the sums.

    What does not add up is ``exact(scored, weights)``, a float from the rows of a group,
    which are then kept.

    ``interval`` for a ratio is "wilson" (of counts) or "normal" (of any sums); for a value
    "bootstrap" or a function (s, confidence) -> (low, high) of sums (n_groups, 1 + k + q) whose
    weight is scaled to the effective number of rows, before classes are balanced; for an exact
    one "jackknife" or a function (scored, weights, confidence) -> (low, high). None is none.
    See `mlpkit.reports.intervals`.
    """

    name: str
    tasks: tuple[Task, ...]
    higher_is_better: bool | None  # None: neither is
    needs: Needs = "labels"
    terms: Callable[[Scored], Array | Tally] | None = None
    spread: Callable[[Scored], Array] | None = None
    ratio: Callable[[Array], tuple[Array, Array]] | None = None
    value: Callable[[Array], Array] | None = None
    exact: Callable[[Scored, Array | None], float] | None = None
    interval: Callable[..., tuple[Any, Any]] | str | None = None
    min_rows: int = 1  # NaN for a group of fewer
    note: str = ""  # what to know beside the name: "from a histogram of 1000 bins"


class Reading(NamedTuple):
    """What a metric was in one epoch, for one group of the rows of one split."""

    epoch: int
    split: str  # "train", "validation", or the name of an evaluation set
    metric: str
    partitioner: str
    partition: str
    value: float
    n_rows: int
    weight: float


class Sample(NamedTuple):
    """Rows to be grouped.

    ``X`` and ``y`` as they were given; ``error`` (n,) of the model, 0 or 1 for classes and
    absolute for reals; ``labels`` are named columns (n,) that are not in X.
    """

    X: Any
    y: Array | None = None
    error: Array | None = None
    labels: Mapping[str, Any] = {}


class Groups(NamedTuple):
    """The group of each row: codes, int (n,), places in ``names``, -1 for none; or, where
    groups overlap, members, bool (n, n_groups).
    """

    codes: Array
    names: tuple[str, ...]


class Partitioner(NamedTuple):
    """Rows into named groups.

    ``learn(sample)`` gives a cut, any value that can be pickled; ``assign(cut, sample)`` the
    groups of the same or any later rows. What was never seen goes to a group "other", what
    is missing to a group "missing"; names say which group it is in any other data as well.
    ``join(cut, cut)`` makes one of what two parts of the data taught; None: cuts stay apart,
    and what was measured with different ones can't be merged.
    """

    name: str
    learn: Callable[[Sample], Any]
    assign: Callable[[Any, Sample], Groups]
    join: Callable[[Any, Any], Any] | None = None
