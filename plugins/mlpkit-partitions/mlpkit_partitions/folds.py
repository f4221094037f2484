"""Random folds, which show how much a metric varies by chance."""

import warnings
from functools import partial

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from mlpkit.plugin import Array, Dataset, Groups, Partitioner
from mlpkit_partitions.tables import n_rows


def k_fold(n: int = 5, random_state: int = 0, name: str = "fold") -> Partitioner:
    """n folds of scikit-learn's `KFold`, shuffled. Later rows are divided in the same way."""
    return _dealt(name, n, partial(_plain, n, random_state))


def stratified_k_fold(n: int = 5, random_state: int = 0, name: str = "fold") -> Partitioner:
    """n folds of scikit-learn's `StratifiedKFold`, with about the same fraction of each class."""
    return _dealt(name, n, partial(_stratified, n, random_state))


def _dealt(name: str, n: int, deal: "partial[Array]") -> Partitioner:
    if not isinstance(n, int) or n < 2:
        raise ValueError(f"n={n!r}: two folds or more.")
    return Partitioner(name, partial(_fit, n), partial(_assign, deal))


def _fit(n: int, dataset: Dataset) -> tuple[str, ...]:
    return tuple(f"fold {i + 1}" for i in range(n))


def _assign(deal: "partial[Array]", fitted: tuple[str, ...], dataset: Dataset) -> Groups:
    return Groups(deal(dataset), fitted)


def _plain(n: int, seed: int, dataset: Dataset) -> Array:
    rows = n_rows(dataset.X if dataset.X is not None else dataset.y)
    if rows < n:
        return np.arange(rows)
    splits = KFold(n, shuffle=True, random_state=seed).split(np.zeros(rows))
    return _codes(rows, [test for _, test in splits])


def _stratified(n: int, seed: int, dataset: Dataset) -> Array:
    if dataset.y is None:
        raise ValueError("stratified_k_fold needs y, got y=None. Use k_fold without y.")
    y = np.asarray(dataset.y)
    if len(y) < n or np.unique(y, return_counts=True)[1].max() < n:
        return _plain(n, seed, dataset)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        folds = StratifiedKFold(n, shuffle=True, random_state=seed)
        return _codes(len(y), [test for _, test in folds.split(np.zeros(len(y)), y)])


def _codes(rows: int, parts: list[Array]) -> Array:
    codes = np.zeros(rows, dtype=np.intp)
    for i, part in enumerate(parts):
        codes[part] = i
    return codes
