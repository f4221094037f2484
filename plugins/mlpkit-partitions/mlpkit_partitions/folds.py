"""Rows dealt into folds: how much a metric varies by chance alone."""

import warnings
from functools import partial

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from mlpkit.plugin import Array, Dataset, Groups, Partitioner
from mlpkit_partitions.tables import n_rows


def k_fold(n: int = 5, random_state: int = 0, name: str = "fold") -> Partitioner:
    """n folds of scikit-learn's `KFold`, shuffled; any later rows are dealt in the same way."""
    return _dealt(name, n, partial(_plain, n, random_state))


def stratified_k_fold(n: int = 5, random_state: int = 0, name: str = "fold") -> Partitioner:
    """n folds of scikit-learn's `StratifiedKFold`: each has the classes of y in like parts."""
    return _dealt(name, n, partial(_stratified, n, random_state))


def _dealt(name: str, n: int, deal: "partial[Array]") -> Partitioner:
    if not isinstance(n, int) or n < 2:
        raise ValueError(f"n={n!r}: two folds or more.")
    return Partitioner(name, partial(_learn, n), partial(_assign, deal))


def _learn(n: int, sample: Dataset) -> tuple[str, ...]:
    return tuple(f"fold {i + 1}" for i in range(n))


def _assign(deal: "partial[Array]", cut: tuple[str, ...], sample: Dataset) -> Groups:
    return Groups(deal(sample), cut)


def _plain(n: int, seed: int, sample: Dataset) -> Array:
    rows = n_rows(sample.X if sample.X is not None else sample.y)
    if rows < n:
        return np.arange(rows)
    splits = KFold(n, shuffle=True, random_state=seed).split(np.zeros(rows))
    return _codes(rows, [test for _, test in splits])


def _stratified(n: int, seed: int, sample: Dataset) -> Array:
    if sample.y is None:
        raise ValueError("stratified_k_fold needs y, and there is none: use k_fold.")
    y = np.asarray(sample.y)
    if len(y) < n or np.unique(y, return_counts=True)[1].max() < n:
        return _plain(n, seed, sample)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        folds = StratifiedKFold(n, shuffle=True, random_state=seed)
        return _codes(len(y), [test for _, test in folds.split(np.zeros(len(y)), y)])


def _codes(rows: int, parts: list[Array]) -> Array:
    codes = np.zeros(rows, dtype=np.intp)
    for i, part in enumerate(parts):
        codes[part] = i
    return codes
