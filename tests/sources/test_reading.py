"""Tables are read from files of each format, and what is wrong with them is one line."""

import gzip
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from command_line import numbers, write

from mlpkit.commands.table_outputs import write_table
from mlpkit.sources.csv_files import BLOCK, CsvOptions
from mlpkit.sources.errors import InputError
from mlpkit.sources.kinds import as_text
from mlpkit.sources.opening import opened
from mlpkit.sources.reading import MAX_ROWS

pytestmark = pytest.mark.once
SUFFIXES = (".csv", ".parquet", ".arrow", ".arrows")


def table(path: Any, *names: str, **options: Any) -> pa.Table:
    """Read columns, or all of them, of a path."""
    types = options.pop("types", {})
    with opened(str(path), CsvOptions(**options)) as tables:
        return tables.table(names or tables.names, types)


def rows(path: Any, *names: str, types: Any = None) -> list[pa.Table]:
    """Read columns in batches."""
    with opened(str(path), CsvOptions()) as tables:
        return list(tables.batches(names or tables.names, types or {}))


def message(path: Any, **options: Any) -> str:
    """Return the message of the error that reading a path raises, whole and in batches."""
    results = []
    for read in (table, lambda p, **o: rows(p)):
        with pytest.raises(InputError) as error:
            read(path, **options)
        results.append(str(error.value))
    assert "\n" not in results[0]
    return results[0]


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets standard input."""

    def give(data: bytes) -> None:
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)))
        monkeypatch.setattr(sys, "stdin", stream)

    return give


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_formats_have_the_same_rows(suffix: str, tmp_path: Path, stdin: Any) -> None:
    """Whole, in batches, and from standard input."""
    columns = numbers()
    path = write(tmp_path / f"people{suffix}", columns)
    expected = {name: np.asarray(values).tolist() for name, values in columns.items()}
    assert table(path).to_pydict() == expected
    types = {"id": pa.int64(), "age": pa.int64(), "hours": pa.float64(), "pay": pa.float64()}
    assert pa.concat_tables(rows(path, types=types)).to_pydict() == expected
    stdin(path.read_bytes())
    assert table("-").to_pydict() == expected
    stdin(path.read_bytes())
    assert pa.concat_tables(rows("-", types=types)).to_pydict() == expected
    assert table(path, "sex", "age").column_names == ["sex", "age"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_files_of_a_folder_are_one_table(suffix: str, tmp_path: Path) -> None:
    """In the order of their names; columns of a file may have another order."""
    write(tmp_path / f"b{suffix}", {"x": [3], "y": ["c"]})
    write(tmp_path / f"a{suffix}", {"y": ["a", "b"], "x": [1, 2]})
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / f"c{suffix}", {"x": [4], "y": ["d"]})
    (tmp_path / ".hidden").write_text("hidden")
    (tmp_path / "_SUCCESS").write_text("")
    expected = {"x": [1, 2, 3, 4], "y": ["a", "b", "c", "d"]}
    assert table(tmp_path, "x", "y").to_pydict() == expected
    batches = rows(tmp_path, "x", "y", types={"x": pa.int64()})
    assert pa.concat_tables(batches).to_pydict() == expected


def test_types_of_files_are_promoted(tmp_path: Path) -> None:
    """Integers in one file and real numbers or no value in another are real numbers."""
    write(tmp_path / "a.csv", {"x": [1, 2], "gone": [None, None]})
    write(tmp_path / "b.csv", {"x": [0.5], "gone": ["here"]})
    read = table(tmp_path)
    assert read.to_pydict() == {"x": [1.0, 2.0, 0.5], "gone": [None, None, "here"]}


def test_a_type_that_differs_between_files_is_named(tmp_path: Path) -> None:
    """With the file, the column, both types and the remedy."""
    write(tmp_path / "a.csv", {"zip": [1, 2]})
    write(tmp_path / "b.csv", {"zip": ["x"]})
    with pytest.raises(InputError, match=r"b\.csv: column 'zip' has the type string, but int64"):
        table(tmp_path)
    assert table(tmp_path, types={"zip": pa.string()}).to_pydict() == {"zip": ["1", "2", "x"]}


def test_a_missing_column_is_named_with_its_file(tmp_path: Path) -> None:
    """Also in a later file of a folder."""
    write(tmp_path / "a.csv", {"x": [1], "age": [2]})
    write(tmp_path / "b.csv", {"x": [1], "agee": [2]})
    text = message(tmp_path)
    assert "b.csv: column 'age' not found. Did you mean 'agee'?" in text


def test_compressed_csv(tmp_path: Path, stdin: Any) -> None:
    """By the suffix, or by the first bytes of standard input."""
    data = gzip.compress(write(tmp_path / "plain.csv", {"x": [1, 2]}).read_bytes())
    (tmp_path / "packed.csv.gz").write_bytes(data)
    assert table(tmp_path / "packed.csv.gz").to_pydict() == {"x": [1, 2]}
    stdin(data)
    assert table("-").to_pydict() == {"x": [1, 2]}
    (tmp_path / "data.parquet.gz").write_bytes(data)
    assert "only CSV files may be compressed" in message(tmp_path / "data.parquet.gz")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b\n1,5;x\n", {"a": ["1,5"], "b": ["x"]}),
        ("a\tb\n1\tx\n", {"a": [1], "b": ["x"]}),
        ("a|b\n1|x\n", {"a": [1], "b": ["x"]}),
        ('"a, b",c\n1,2\n', {"a, b": [1], "c": [2]}),
        ('a,b\n1,"x\ny"\n', {"a": [1], "b": ["x\ny"]}),
        ("\ufeffa,b\n1,2\n", {"a": [1], "b": [2]}),
        ("a,b\r\n1,\r\n,NA\r\n", {"a": [1, None], "b": [None, None]}),
        ("a\n1\nx\n", {"a": ["1", "x"]}),
    ],
)
def test_csv_as_programs_write_it(text: str, expected: Any, tmp_path: Path) -> None:
    """Delimiters, quotation marks, line breaks, byte order marks and missing values."""
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode())
    assert table(path).to_pydict() == expected
    assert pa.concat_tables(rows(path)).column_names == list(expected)


def test_options_of_csv(tmp_path: Path) -> None:
    """Delimiter, encoding and spellings of missing values."""
    path = tmp_path / "data.csv"
    path.write_bytes("größe:b\n?:ü\n2:-\n".encode("latin-1"))
    read = table(path, delimiter=":", encoding="latin-1", missing=("?", "-"))
    assert read.to_pydict() == {"größe": [None, 2], "b": ["ü", None]}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "data.csv: the file is empty"),
        (b"a,b\n1,2\n3\n", "data.csv: Row #3: Expected 2 columns, got 1: 3"),
        (b"a,a\n1,2\n", "data.csv: several columns have the name 'a'"),
        (b"a,b\n1,\xff\n", "data.csv: column 'b' is not valid UTF-8. Pass the encoding"),
        (b"a\xff,b\n1,2\n", "data.csv: the header is not valid utf-8"),
        ("a,b\n1,2\n".encode("utf-16"), "data.csv: the encoding is utf-16. Pass --encoding"),
        (b'a,b\n1,"' + b"x" * 3 * BLOCK, "data.csv: a row is longer than 1 MiB"),
    ],
)
def test_wrong_csv_is_one_line(data: bytes, expected: str, tmp_path: Path) -> None:
    """With the name of the file, and the row where it is known."""
    path = tmp_path / "data.csv"
    path.write_bytes(data)
    assert expected in str(pytest.raises(InputError, table, path).value)
    if b"\n1,\xff" not in data:  # in batches, columns are known to be text
        assert expected in str(pytest.raises(InputError, rows, path).value)


def test_a_value_of_another_type_is_named_with_its_row(tmp_path: Path) -> None:
    """In batches, where the model decides the types."""
    path = write(tmp_path / "data.csv", {"id": [1, 2], "age": ["31", "old"]})
    with pytest.raises(InputError, match=r"column 'age': Row #3: .* invalid value 'old'"):
        rows(path, "age", types={"age": pa.float64()})


def test_text_that_is_not_valid_in_batches(tmp_path: Path) -> None:
    """Columns that are read as text are checked, too."""
    path = tmp_path / "data.csv"
    path.write_bytes(b"a,b\n1,\xff\n")
    with pytest.raises(InputError, match="data.csv: .*column 'b'.* UTF8"):
        rows(path)


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_files_that_are_not_what_their_names_say(suffix: str, tmp_path: Path) -> None:
    """Also truncated ones."""
    path = tmp_path / f"data{suffix}"
    path.write_bytes(b"a,b\n1,2\n")
    assert f"data{suffix}: not a" in message(path)
    write(path)
    path.write_bytes(path.read_bytes()[:-20])
    assert f"data{suffix}: not " in message(path) and "or damaged" in message(path)


def test_a_damaged_row_group_is_named(tmp_path: Path) -> None:
    """The error has the number of the row group."""
    path = write(
        tmp_path / "data.parquet",
        {"x": np.random.RandomState(0).random_sample(4000)},
        row_group_size=1000,
        compression="gzip",
    )
    data = bytearray(path.read_bytes())
    middle = len(data) * 5 // 8
    data[middle : middle + 200] = bytes(200)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"data\.parquet, row group 3: .*damaged"):
        table(path)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], "the folder contains no file"),
        (["a.csv", "b.parquet"], "the files of a folder must have one format"),
        (["a.xlsx"], "a.xlsx: unknown format. The formats are CSV, Parquet and Arrow"),
        (["year=2024/a.csv"], "the name of the folder 'year=2024' contains the value of a column"),
    ],
)
def test_folders_that_are_rejected(names: list[str], expected: str, tmp_path: Path) -> None:
    """Without files, or with files of several or of unknown formats."""
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("a\n1\n")
    assert expected in message(tmp_path)


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    """The message has the path as it was given."""
    assert message(tmp_path / "nope.csv") == f"{tmp_path}/nope.csv: no such file or folder"


def test_names_are_escaped(tmp_path: Path) -> None:
    """A column or a file can't change the terminal."""
    path = write(tmp_path / "a.csv", {"x\x1b[31m": [1]})
    with pytest.raises(InputError) as error:
        table(path, "y")
    assert "\x1b" not in str(error.value) and r"x\x1b[31m" in str(error.value)


def test_batches_are_small(tmp_path: Path) -> None:
    """Of any format, whatever the sizes in which it was written."""
    n = 3 * MAX_ROWS // 2
    for suffix in SUFFIXES:
        batches = rows(write(tmp_path / f"data{suffix}", {"x": np.arange(n)}), "x")
        assert sum(b.num_rows for b in batches) == n
        assert max(b.num_rows for b in batches) <= MAX_ROWS
    wide = {f"x{i}": np.arange(3000) for i in range(600)}
    assert max(b.num_rows for b in rows(write(tmp_path / "wide.parquet", wide))) < 2000


def test_a_dot_in_a_name_is_not_a_nested_column(tmp_path: Path) -> None:
    """Columns "a" and "a.b" are two columns."""
    path = write(tmp_path / "data.parquet", {"a": [1], "a.b": [2]})
    assert table(path, "a").to_pydict() == {"a": [1]}
    assert rows(path, "a.b")[0].to_pydict() == {"a.b": [2]}


def test_numbers_as_categories() -> None:
    """Real numbers that are whole, as they come from gaps in integers, are written as integers."""
    for values in ([3, None], [3.0, None], pa.array(["3", None]).dictionary_encode()):
        column = pa.chunked_array([values])
        assert as_text(column).to_pylist() == ["3", None]
    assert as_text(pa.chunked_array([[0.5, 1.0]])).to_pylist() == ["0.5", "1"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_output_is_whole_or_not_there(suffix: str, tmp_path: Path) -> None:
    """After an error in the middle, the old file is there, and nothing else."""
    path = tmp_path / f"out{suffix}"

    def broken() -> Any:
        yield pa.table({"x": [1]})
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        write_table(str(path), broken())
    assert not list(tmp_path.iterdir())
    assert write_table(str(path), iter([pa.table({"x": [1]}), pa.table({"x": [2]})])) == 2
    before = path.read_bytes()
    with pytest.raises(ValueError, match="in the middle"):
        write_table(str(path), broken())
    assert [path] == list(tmp_path.iterdir()) and path.read_bytes() == before
    assert table(path).to_pydict() == {"x": [1, 2]}
