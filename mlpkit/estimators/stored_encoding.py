"""Encoders that are fitted to tables in files, and what caches keep of them."""

import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mlpkit.data.row_caches import array_digest
from mlpkit.data.row_sources import in_memory
from mlpkit.distributed.sharded_rows import ShardedRows
from mlpkit.estimators import stored_rows
from mlpkit.estimators.dtypes import as_dtype
from mlpkit.estimators.encoder_fitting import encoding_of, fit_transform, new_encoder
from mlpkit.estimators.encoder_interface import is_encoder
from mlpkit.estimators.encoder_keys import encoder_key
from mlpkit.estimators.encoding import Encoding
from mlpkit.files.archive import Archive, read_archive, write_archive
from mlpkit.plugin import Array, Dataset
from mlpkit.registry.labels import component_label
from mlpkit.training.parameters import Parameters

STATE = "encoder"  # the file with what an encoder has learned, and the kind of this file


def encoding_of_files(
    parameters: Parameters, table: Dataset, data: Dataset
) -> tuple[Encoding, Any]:
    """Return the fitted encoder and the encoded training rows of a table in files.

    If the table has a cache, it keeps both. The arguments are those of `fitted_encoding`.
    """
    label, cache = component_label("encoder", parameters.encoder), table.X.cache
    encoder = new_encoder(parameters, label)
    key = None if cache is None else encoder_key(parameters.encoder, parameters.encoder_options)
    if cache is None or key is None or not is_encoder(encoder):
        if cache is not None:
            _warn_without_cache(label)
        return _fitted(parameters, label, encoder, table, data)

    def write(folder: Path) -> None:
        _fitted(parameters, label, encoder, table, data, folder)
        arrays, settings = encoder.get_state()
        archive = Archive({"arrays": arrays, "settings": settings})
        write_archive(folder / STATE, STATE, archive)

    def read(folder: Path) -> tuple[dict[str, Any], Array]:
        return read_archive(folder / STATE, STATE), stored_rows.opened(folder)

    w = table.sample_weight
    content = {
        "encoder": key,
        "y": array_digest(data.y),
        "sample_weight": None if w is None else array_digest(w),
        "dtype": parameters.dtype,
    }
    state, rows = cache.entry(content, write, read)
    restored = new_encoder(parameters, label)
    restored.set_state(state["arrays"], state["settings"])
    return encoding_of(parameters, label, restored), rows


def _fitted(
    parameters: Parameters,
    label: str,
    encoder: Any,
    table: Dataset,
    data: Dataset,
    folder: Path | None = None,
) -> tuple[Encoding, Any]:
    """The encoder after it was fitted and the training rows, which are written to a folder."""
    if not hasattr(type(encoder), "fit_columns"):
        table = in_memory(table, f"{label}, which learns from all rows at once,")
        rows = fit_transform(encoder, label, table, data)
        encoding = encoding_of(parameters, label, encoder, rows)
        rows = as_dtype(encoding.checked(rows, table.X.num_rows), parameters.dtype)
        if folder is not None:
            stored_rows.kept(folder, [rows], rows.shape, rows.dtype)
        return encoding, rows
    own = fit_transform(encoder, label, table, data)
    encoding = encoding_of(parameters, label, encoder)
    convert = partial(encoding.rows, dtype=parameters.dtype)
    rows = stored_rows.written(table.X, convert, folder)
    for i, column in own.items():
        if isinstance(rows, ShardedRows):
            rows.replace_column(i, column)
        else:
            rows[:, i] = column
    if isinstance(rows, np.memmap) and folder is not None:
        rows.flush()
    return encoding, rows


def _warn_without_cache(label: str) -> None:
    warnings.warn(
        f"cache does not keep the encoded rows, since {label} is neither an encoder of mlpkit nor"
        " one of an installed plugin: what it has learned cannot be stored without code.",
        UserWarning,
    )
