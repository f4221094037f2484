"""Lines about how much has been read, and how long the rest takes."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

from mlpkit.durations import shown

SECONDS = 1.0  # time between two lines, and before the first one


class HasRows(Protocol):
    """A part of a table."""

    num_rows: int


Part = TypeVar("Part", bound=HasRows)


def with_progress(
    parts: Iterable[Part],
    n_rows: int,
    name: str,
    say: Callable[[str], object] = print,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Part]:
    """Yield parts, and say now and then how many of the rows have been used.

    >>> import numpy as np, pyarrow as pa
    >>> parts = [pa.table({"x": np.zeros(10)})] * 4
    >>> seconds = iter(range(0, 20, 2))
    >>> _ = list(with_progress(parts, 40, "rows.csv", clock=lambda: next(seconds)))
    rows.csv: 10 of 40 rows, 6.0s left
    rows.csv: 20 of 40 rows, 4.0s left
    rows.csv: 30 of 40 rows, 2.0s left
    """
    started = last = clock()
    done = 0
    for part in parts:
        yield part
        done += part.num_rows
        now = clock()
        if now - last >= SECONDS and done < n_rows:
            last = now
            left = (now - started) / max(done, 1) * (n_rows - done)
            say(f"{name}: {done:,} of {n_rows:,} rows, {shown(left)} left")
