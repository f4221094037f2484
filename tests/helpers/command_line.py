"""Commands of ``mlpkit`` that run in this process, and the tables that they read."""

import io
import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from mlpkit.__main__ import main
from mlpkit.registry import without

N = 300
SHORT = ("--set", "max_iter=3", "--set", "hidden_layer_sizes=8", "--backend", "numpy")
CORE = ("mlpkit-tabular",)  # disabled, so that the estimators are those of the core
KEPT = ("--drop", "id,sex,pay")  # leaves the numbers that the core accepts as features


class Result(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The message of a command that failed with exit code 2, one line without traceback."""
        assert self.code == 2 and not self.out, self
        (line,) = self.err.splitlines()
        assert ": error: " in line
        return line.partition(": error: ")[2]


class _Bytes(io.TextIOWrapper):
    """Text that is also available as bytes, as standard output is."""

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode()  # type: ignore[attr-defined,no-any-return]


def run(*arguments: Any, stdin: bytes = b"", disabled: Sequence[str] = ()) -> Result:
    """Run a command in this process, as if plugins were not installed."""
    out, err = (_Bytes(io.BytesIO(), encoding="utf-8") for _ in range(2))
    given = _Bytes(io.BufferedReader(io.BytesIO(stdin)), encoding="utf-8")  # type: ignore[arg-type]
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        patch.object(sys, "stdin", given),
        patch.object(sys, "argv", ["mlpkit"]),
        without(*disabled),
    ):
        try:
            code = main(list(map(str, arguments)))
        except SystemExit as error:
            code = int(error.code or 0)
    return Result(code, out.text(), err.text())


def fit(data: Any, *arguments: Any, target: str = "income", stdin: bytes = b"") -> Result:
    """Fit an estimator of the core for a few epochs; the model is model.mlpkit by default."""
    output = () if "-o" in arguments else ("-o", Path("model.mlpkit"))
    return run(
        *("fit", data, "--target", target, *SHORT, *output, *arguments),
        stdin=stdin,
        disabled=CORE,
    )


def numbers(n: int = N, seed: int = 0) -> dict[str, Any]:
    """Columns of numbers, and a target of two classes that depends on them."""
    rng = np.random.RandomState(seed)
    age, hours = rng.randint(18, 80, n), rng.normal(40, 10, n).round(1)
    noise = rng.normal(0, 5, n)
    return {
        "id": np.arange(n),
        "age": age,
        "hours": hours,
        "sex": np.where(rng.random_sample(n) < 0.4, "f", "m"),
        "pay": (100.0 * age + 50 * hours + noise).round(2),
        "income": np.where(age + hours + noise > 88, "high", "low"),
    }


def write(path: Path, columns: Mapping[str, Any] | None = None, **options: Any) -> Path:
    """Write columns to a file in the format of its suffix."""
    table = pa.table(dict(numbers() if columns is None else columns))
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(table, path)
    elif path.suffix == ".parquet":
        pyarrow.parquet.write_table(table, path, **options)
    else:
        opened = pa.ipc.new_file if path.suffix == ".arrow" else pa.ipc.new_stream
        with pa.OSFile(str(path), "wb") as file, opened(file, table.schema) as writer:
            writer.write_table(table, **options)
    return path


def read(path: Path) -> dict[str, list[Any]]:
    """Return the columns of a CSV, Parquet or Arrow file."""
    if path.suffix == ".csv":
        return dict(pyarrow.csv.read_csv(path).to_pydict())
    if path.suffix == ".parquet":
        return dict(pyarrow.parquet.read_table(path).to_pydict())
    with pa.OSFile(str(path)) as file:
        opened = pa.ipc.open_file if path.suffix == ".arrow" else pa.ipc.open_stream
        return dict(opened(file).read_all().to_pydict())
