"""Random folds, which show how much a metric varies by chance."""

import warnings
from functools import partial

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from mlpkit.plugin import Array, Dataset, Groups, Partitioner
from mlpkit_partitions.tables import check_n, n_rows


def k_fold(n: int = 5, random_state: int = 0, name: str = "fold") -> Partitioner:
    """Divide the rows into random folds of equal size.

    The folds are those of scikit-learn's `KFold` with shuffling. Each data set is divided
    separately. If there are fewer rows than folds, each row is a fold.

    Parameters
    ----------
    n : int, default=5
        Number of folds.
    random_state : int, default=0
        Seed of the shuffling.
    name : str, default="fold"
        Name of the partitioner.

    Returns
    -------
    Partitioner
        Its fitted groups cannot be merged with others.

    Raises
    ------
    ValueError
        If `n` is not an integer of at least 2.

    Examples
    --------
    >>> from mlpkit import by
    >>> from mlpkit.plugin import Dataset
    >>> dataset = Dataset(np.zeros((6, 1)))
    >>> folds = by("k_fold", n=3)
    >>> groups = folds.assign(folds.fit(dataset), dataset)
    >>> groups.names, np.bincount(groups.codes).tolist()
    (('fold 1', 'fold 2', 'fold 3'), [2, 2, 2])
    """
    return _partitioner(name, n, partial(_k_fold_codes, n, random_state))


def stratified_k_fold(n: int = 5, random_state: int = 0, name: str = "fold") -> Partitioner:
    """Divide the rows into random folds that preserve the frequencies of the classes.

    The folds are those of scikit-learn's `StratifiedKFold` with shuffling. Each data set is
    divided separately. If every class has fewer rows than there are folds, the folds are those
    of `k_fold`. Assigning rows without y raises ValueError.

    Parameters
    ----------
    n : int, default=5
        Number of folds.
    random_state : int, default=0
        Seed of the shuffling.
    name : str, default="fold"
        Name of the partitioner.

    Returns
    -------
    Partitioner
        Its fitted groups cannot be merged with others.

    Raises
    ------
    ValueError
        If `n` is not an integer of at least 2.

    Examples
    --------
    >>> from mlpkit import by
    >>> from mlpkit.plugin import Dataset
    >>> dataset = Dataset(np.zeros((6, 1)), np.array([0, 0, 0, 0, 1, 1]))
    >>> folds = by("stratified_k_fold", n=2)
    >>> codes = folds.assign(folds.fit(dataset), dataset).codes
    >>> [int(dataset.y[codes == fold].sum()) for fold in range(2)]
    [1, 1]
    """
    return _partitioner(name, n, partial(_stratified_codes, n, random_state))


def _partitioner(name: str, n: int, fold_codes: "partial[Array]") -> Partitioner:
    check_n(n)
    return Partitioner(name, partial(_fit, n), partial(_assign, fold_codes))


def _fit(n: int, dataset: Dataset) -> tuple[str, ...]:
    return tuple(f"fold {i + 1}" for i in range(n))


def _assign(fold_codes: "partial[Array]", fitted: tuple[str, ...], dataset: Dataset) -> Groups:
    return Groups(fold_codes(dataset), fitted)


def _k_fold_codes(n: int, seed: int, dataset: Dataset) -> Array:
    rows = n_rows(dataset.X if dataset.X is not None else dataset.y)
    if rows < n:
        return np.arange(rows)
    splits = KFold(n, shuffle=True, random_state=seed).split(np.zeros(rows))
    return _codes(rows, [test for _, test in splits])


def _stratified_codes(n: int, seed: int, dataset: Dataset) -> Array:
    if dataset.y is None:
        raise ValueError("The partitioner stratified_k_fold needs y, got y=None. Use k_fold.")
    y = np.asarray(dataset.y)
    if len(y) < n or np.unique(y, return_counts=True)[1].max() < n:
        return _k_fold_codes(n, seed, dataset)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        folds = StratifiedKFold(n, shuffle=True, random_state=seed)
        return _codes(len(y), [test for _, test in folds.split(np.zeros(len(y)), y)])


def _codes(rows: int, folds: list[Array]) -> Array:
    codes = np.zeros(rows, dtype=np.intp)
    for i, indices in enumerate(folds):
        codes[indices] = i
    return codes
