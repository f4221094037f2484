"""Small tables for all tests."""

import os

import numpy as np
import pandas as pd
import pytest

# most of the time of these tests is compilation, and compiled code runs for milliseconds
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
)


def table(n: int = 300, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """A frame with columns of every type, a class and a number that depend on them."""
    rng = np.random.RandomState(seed)
    frame = pd.DataFrame(
        {
            "age": rng.randint(18, 80, n),
            "income": np.where(rng.rand(n) < 0.1, np.nan, rng.lognormal(3, 1, n)),
            "sex": rng.choice(["f", "m"], n),
            "city": pd.Categorical(rng.choice([f"c{i:02d}" for i in range(15)], n)),
            "member": rng.rand(n) < 0.4,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.randint(0, 900, n), "D"),
            "note": np.where(rng.rand(n) < 0.3, None, "x"),
        }
    )
    signal = (
        (frame["age"] - 50) / 15
        + (frame["sex"] == "f") * 1.5
        + frame["member"] * 1.0
        - frame["income"].isna() * 2
    ).to_numpy(float)
    value = 10 * signal + rng.normal(size=n)
    labels = np.where(signal + 0.3 * rng.normal(size=n) > 0.5, "yes", "no")
    return frame, labels, value


@pytest.fixture(scope="session")
def rows() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """The training rows: the frame, the labels, the values."""
    return table()


@pytest.fixture(scope="session")
def new_rows() -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Rows that no test trains on."""
    return table(200, seed=1)
