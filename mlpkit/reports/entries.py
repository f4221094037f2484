"""The rows of the tables of reports, comparisons, calibrations and importances."""

from typing import NamedTuple


class Entry(NamedTuple):
    """The value of one metric in one group.

    All rows are the group "all" of the partitioner "all".

    Parameters
    ----------
    metric, partitioner, partition : str
        Names of the metric, of the partitioner and of the group.
    value : float
        The value; NaN where undefined.
    low, high : float
        Confidence interval; NaN unless ``confidence=`` was passed.
    n_rows : int
        Number of rows.
    weight : float
        Sum of their weights.
    eligible : bool
        Whether the group has at least ``min_rows`` rows and a defined value.
    """

    metric: str
    partitioner: str
    partition: str
    value: float
    low: float
    high: float
    n_rows: int
    weight: float
    eligible: bool


class Change(NamedTuple):
    """The values of one metric in one group of two reports.

    Parameters
    ----------
    metric, partitioner, partition : str
        Names of the metric, of the partitioner and of the group.
    value, other : float
        The values in both reports.
    difference : float
        ``value - other``.
    low, high : float
        Confidence interval of the difference.
    n_rows : int
        Number of rows of the group, in the report with fewer.
    eligible : bool
        Whether the group is eligible in both reports.
    """

    metric: str
    partitioner: str
    partition: str
    value: float
    other: float
    difference: float
    low: float
    high: float
    n_rows: int
    eligible: bool

    @property
    def significant(self) -> bool:
        """Whether the group is eligible and the interval does not contain 0."""
        return self.eligible and (self.low > 0 or self.high < 0)


class CalibrationBin(NamedTuple):
    """The rows of one group whose predictions are similar.

    All rows are the group "all" of the partitioner "all".

    Parameters
    ----------
    target : str
        The positive class of a binary classifier, a label, or "output 0" and so on of several
        outputs. Empty for several classes, whose predictions are the probability of the most
        probable class and whose targets are whether it is right, and for one output.
    partitioner, partition : str
        Names of the partitioner and of the group.
    predicted, observed : float
        Weighted means of the predictions and of the targets.
    low, high : float
        Confidence interval of `observed`; NaN unless ``confidence=`` was passed.
    coverage : float
        Fraction of the targets that are in their predicted intervals; NaN if no intervals
        were predicted.
    n_rows : int
        Number of rows.
    weight : float
        Sum of their weights.
    """

    target: str
    partitioner: str
    partition: str
    predicted: float
    observed: float
    low: float
    high: float
    coverage: float
    n_rows: int
    weight: float


class Importance(NamedTuple):
    """The importance of one feature in one group.

    All rows are the group "all" of the partitioner "all".

    Parameters
    ----------
    feature : str
        Name of the column, or of the group of columns.
    partitioner, partition : str
        Names of the partitioner and of the group of rows.
    importance : float
        How much worse the metric is with shuffled values, the mean over the repetitions.
    deviation : float
        Standard deviation over the repetitions.
    n_rows : int
        Number of rows of the group.
    """

    feature: str
    partitioner: str
    partition: str
    importance: float
    deviation: float
    n_rows: int
