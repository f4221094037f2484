"""The encoder of a model in a graph: from the columns of a table to the rows of the network."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpkit.plugin import FittedModel, PortableEncoding, TableColumn
from mlpkit_onnx import namespace as xp
from mlpkit_onnx.errors import NotConvertible, check_text
from mlpkit_onnx.graph import ML, Graph
from mlpkit_onnx.tensors import Tensor
from mlpkit_onnx.transformers import transformed

NOT_A_DATE = np.iinfo(np.int64).min  # NaT as an integer


def portable_encoding(model: FittedModel) -> PortableEncoding | None:
    """Return the description of the encoder of a model, or None if it has none."""
    portable = getattr(model.encoder, "portable", None)
    return None if portable is None else portable()


def encoded_rows(
    graph: Graph, model: FittedModel, inputs: Sequence[Tensor], missing: str
) -> Tensor:
    """Return the encoded rows (n, n_columns) of the columns of X, in one or several parts (n, k).

    Raises NotConvertible if the encoder cannot be converted to ONNX.
    """
    check_columns(inputs, model.n_features)
    graph.row_source = inputs[0].name
    if model.encoder is None:
        return matrix(inputs, model.spec.dtype)
    encoding = portable_encoding(model)
    if encoding is None:
        return transformed(graph, model, inputs)
    return portable_rows(graph, encoding, inputs, missing)


def check_columns(inputs: Sequence[Tensor], n_features: int) -> None:
    """Raise NotConvertible if the inputs have another number of columns than X in `fit`."""
    n_columns = sum(tensor.shape[1] for tensor in inputs)
    if n_columns != n_features:
        raise NotConvertible(
            f"The model has {n_features} features, but the inputs have {n_columns} columns."
            " With skl2onnx, pass X as in predict, or initial_types with as many columns."
        )


def portable_rows(
    graph: Graph, encoding: PortableEncoding, inputs: Sequence[Tensor], missing: str
) -> Tensor:
    """Return the rows of an encoder with a description, which may not read every column."""
    places = [(tensor, i) for tensor in inputs for i in range(tensor.shape[1])]
    read = [(column, *places[column.position]) for column in encoding.columns]
    graph.row_source = read[0][1].name
    values = [_values(graph, column, tensor[:, i], missing) for column, tensor, i in read]
    rows: Tensor = encoding.encode(xp, values)
    return rows


def matrix(inputs: Sequence[Tensor], dtype: Any) -> Tensor:
    """Return columns of numbers as one matrix (n, k)."""
    for tensor in inputs:
        if tensor.dtype == object:
            raise NotConvertible(
                f"The input {tensor.name!r} contains strings, and the estimator has no encoder."
                " Encode them before, for example with sklearn.preprocessing.OneHotEncoder in a"
                " Pipeline."
            )
    return xp.concat([tensor.cast(dtype) for tensor in inputs], axis=1)


def _values(graph: Graph, column: TableColumn, x: Tensor, missing: str) -> Tensor:
    """Return a column of the table in the form that the encoder receives, (n,)."""
    is_string = x.dtype == object
    if is_string != column.has_strings:
        expected, actual = ("strings", "numbers") if column.has_strings else ("numbers", "strings")
        raise NotConvertible(
            f"Column {column.name!r} contained {expected} in fit, but its input contains {actual}."
            " Convert it to the type that it had in fit."
        )
    if column.kind == "category":
        return _codes(graph, column, x, missing)
    if column.kind == "date" and x.dtype == np.int64:
        return xp.where(x == NOT_A_DATE, np.nan, x.cast(np.float64))
    return x.cast(np.float64)


def _codes(graph: Graph, column: TableColumn, x: Tensor, missing: str) -> Tensor:
    """Return the code of each level: its position, and then unknown levels and missing values."""
    n = len(column.levels)
    if not column.has_strings:
        return _codes_of_numbers(column, x.cast(np.float64))
    keys = [str(level) for level in column.levels]
    for key in keys:
        check_text(key, f"Column {column.name!r}")
    if missing in keys and column.missing:
        raise NotConvertible(
            f"Column {column.name!r} contains the string {missing!r}, which the exported model"
            " uses for missing values, since strings of ONNX cannot be missing. Choose another one,"
            " for example to_onnx(missing='<missing>')."
        )
    codes = list(range(n))
    if missing not in keys:
        keys, codes = [*keys, missing], [*codes, n + 1]
    name = graph.node(
        "LabelEncoder",
        [x.name],
        domain=ML,
        keys_strings=keys,
        values_int64s=codes,
        default_int64=n,
    )
    return Tensor(graph, name, np.int64, x.shape)


def _codes_of_numbers(column: TableColumn, x: Tensor) -> Tensor:
    """Return the codes of numeric levels."""
    n = len(column.levels)
    equal = (x[:, None] == np.array(column.levels, dtype=np.float64)).cast(np.float64)
    position = xp.sum(equal * (np.arange(n) - float(n)), axis=1) + float(n)
    codes: Tensor = xp.where(xp.isnan(x), n + 1.0, position)
    return codes.cast(np.int64)
