"""The values of "auto" by the task and the number of rows.

They were chosen by the scores of validation rows on 14 tables.
"""

from typing import NamedTuple

BATCH_SIZES = ((20_000, 128), (100_000, 256))  # maximum number of rows, and the batch size
LARGEST_BATCH = 512
FEW_ROWS, MANY_ROWS = 3_000, 10_000


class Preset(NamedTuple):
    """The values of the parameters of the same names."""

    hidden_layer_sizes: tuple[int, ...]
    n_members: int
    n_folds: int | None
    dropout: float
    weight_decay: float
    loss: str | None = None
    max_cycles: int = 6


def preset(n_rows: int, classification: bool) -> Preset:
    """Return the values for a number of training rows.

    With few rows, networks are smaller and more regularized. There are folds, since one part of
    the rows would be too small to choose the best epoch.

    >>> [preset(n, classification=True).n_folds for n in (1_000, 5_000, 50_000)]
    [4, 4, None]
    """
    if n_rows >= MANY_ROWS:
        dropout, decay, loss = (0.15, 0.1, None) if classification else (0.1, 0.03, "squared_error")
        return Preset((192, 192), 8, None, dropout, decay, loss)
    dropout, decay, loss = (0.4, 1.0, None) if classification else (0.2, 0.3, "huber")
    if n_rows < FEW_ROWS:  # longer training costs much and gains nothing
        return Preset((96, 96), 8, 4, dropout, decay, loss, max_cycles=3)
    return Preset((96, 96), 16, 4, dropout, decay, loss)


def batch_size(n_rows: int) -> int:
    """Return the number of rows of a step.

    >>> batch_size(1_000), batch_size(50_000), batch_size(1_000_000)
    (128, 256, 512)
    """
    return next((size for limit, size in BATCH_SIZES if n_rows <= limit), LARGEST_BATCH)
