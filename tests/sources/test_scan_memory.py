"""The memory of passes over files does not depend on the number of rows."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from memory_peaks import assert_constant_memory
from pyarrow import parquet

pytestmark = pytest.mark.once
PROGRAM = """
import json, sys, tracemalloc
import pyarrow
from mlpkit import MLPRegressor, evaluate, scan

use, peaks = sys.argv[1], []
tracemalloc.start()
for path in sys.argv[2:]:
    rows = scan(path, target="y")
    model = MLPRegressor(hidden_layer_sizes=(4,), batch_size=8192, random_state=0)
    model.partial_fit(next(iter(rows)).X, next(iter(rows)).y)
    tracemalloc.reset_peak()
    if use == "partial_fit":
        model.partial_fit(rows)
    else:
        evaluate(model, rows, metrics=["r2"])
    arrow = pyarrow.default_memory_pool().max_memory()
    peaks.append([tracemalloc.get_traced_memory()[1], arrow])
print(json.dumps(peaks))
"""


@pytest.mark.parametrize("group", ["small row groups", "one row group"])
@pytest.mark.parametrize("use", ["partial_fit", "evaluate"])
def test_constant_memory(tmp_path: Path, use: str, group: str) -> None:
    """The peaks of NumPy's and Arrow's memory are those of a sixth of the rows."""
    rng, paths = np.random.default_rng(0), []
    for n in (200_000, 1_200_000):
        columns = {name: rng.random(n) for name in "abcdy"}
        path = tmp_path / f"{n}.parquet"
        size = 50_000 if group == "small row groups" else n
        parquet.write_table(pa.table(columns), path, row_group_size=size, use_dictionary=False)
        paths.append(str(path))
    peaks = assert_constant_memory(PROGRAM, use, *paths, n_large=1_200_000)
    assert max(peaks) < 2 * 1_200_000 * 8  # two of five columns
