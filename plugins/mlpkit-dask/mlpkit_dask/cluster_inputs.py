"""The arguments of `fit` on a cluster."""

from collections.abc import Mapping, Sequence
from typing import Any

from distributed import Client

from mlpkit.plugin import Dataset

TRAIN, VALIDATION = "train", "validation"  # names of sets of rows


def connected(estimator: Any) -> Client:
    """Return the client of an estimator, or the present one.

    Raises ValueError if there is none, or if it is asynchronous.
    """
    client = estimator.client
    name = type(estimator).__name__
    if client is None:
        try:
            client = Client.current()
        except ValueError:
            raise ValueError(
                f"{name} needs a cluster. Create a client first: distributed.Client() starts"
                " workers on this machine, and distributed.Client(address) connects to a cluster."
            ) from None
    if client.asynchronous:
        raise ValueError(
            f"{name} does not support asynchronous clients. Create the client without"
            " asynchronous=True, and call fit in a thread."
        )
    return client


def row_sets(
    train: tuple[Any, Any, Any, Any],
    validation: tuple[Any, Any, Any, Any],
    eval_set: Sequence[Any] | None,
    eval_weights: Sequence[Any] | None,
    eval_sets: Mapping[str, Any] | None,
) -> dict[str, Dataset]:
    """Return the training rows and the evaluation sets by name.

    Parameters
    ----------
    train, validation : tuple
        X, y, sample weights and labels.
    eval_set, eval_weights, eval_sets
        As in `fit`.

    Returns
    -------
    dict of Dataset

    Raises
    ------
    ValueError
        If the arguments contradict each other.

    Examples
    --------
    >>> nothing = (None, None, None, None)
    >>> sets = row_sets(("X", "y", None, None), nothing, [("A", "a"), ("B", "b")], None, None)
    >>> [(name, rows.X, rows.y) for name, rows in sets.items()]
    [('train', 'X', 'y'), ('validation', 'B', 'b'), ('validation_0', 'A', 'a')]
    """
    sets = {TRAIN: _dataset(*train)}
    if validation[0] is not None:
        if eval_set is not None:
            raise ValueError("Pass eval_set or X_val, which is its last set, but not both.")
        sets[VALIDATION] = _dataset(*validation)
    elif any(part is not None for part in validation):
        raise ValueError("y_val, sample_weight_val and labels_val require X_val.")
    others = _of_eval_set(eval_set, eval_weights)
    for name in eval_sets or {}:
        if name in (TRAIN, VALIDATION):
            raise ValueError(
                f"eval_sets: the name of a set must not be {name!r}. Pass validation rows as X_val"
                " and y_val."
            )
        if name in others:
            raise ValueError(
                f"eval_sets: the name {name!r} is that of a set of eval_set. Choose another name."
            )
    for name, rows in {**others, **(eval_sets or {})}.items():
        sets[name] = _dataset(**rows) if isinstance(rows, Mapping) else _dataset(*rows)
    return sets


def _dataset(X: Any, y: Any = None, sample_weight: Any = None, labels: Any = None) -> Dataset:
    return Dataset(X, y, sample_weight, {} if labels is None else labels)


def _of_eval_set(
    eval_set: Sequence[Any] | None, weights: Sequence[Any] | None
) -> dict[str, tuple[Any, Any, Any]]:
    """The sets of `eval_set` by name, the last one first."""
    if eval_set is None:
        if weights is not None:
            raise ValueError("sample_weight_eval_set requires eval_set.")
        return {}
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in eval_set):
        raise ValueError(
            "eval_set must be a list of tuples (X, y). Pass a single set as eval_set=[(X, y)]."
        )
    if weights is not None and len(weights) != len(eval_set):
        raise ValueError(
            f"sample_weight_eval_set must have an element for each of the {len(eval_set)} sets of"
            f" eval_set, but has {len(weights)}."
        )
    of_sets = [None] * len(eval_set) if weights is None else list(weights)
    sets = [(X, y, w) for (X, y), w in zip(eval_set, of_sets, strict=True)]
    names = [VALIDATION, *(f"validation_{i}" for i in range(len(sets) - 1))]
    return dict(zip(names, [*sets[-1:], *sets[:-1]], strict=True)) if sets else {}
