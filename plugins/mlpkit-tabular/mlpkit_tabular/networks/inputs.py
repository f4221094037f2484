"""The first part of a network: embedded numbers, categories and other columns as one vector."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from mlpkit.plugin import Array, Arrays, Namespace, Spec
from mlpkit_tabular.networks.columns import ColumnGroups, column_groups, selected
from mlpkit_tabular.networks.drawing import InitialWeights
from mlpkit_tabular.networks.embeddings import Embedding, NoEmbedding
from mlpkit_tabular.networks.options import embedding_of


@dataclass(frozen=True)
class Inputs:
    """Maps rows of encoded columns (..., n, n_features) to vectors (..., n, width).

    A vector consists of the embeddings of the numbers, the flags, and the embeddings of the
    categories. `n_columns` counts the columns in this order.

    Parameters
    ----------
    groups : ColumnGroups
        The columns.
    embedding : Embedding
        The embedding of numbers.
    category_size : int
        Length of the embedding of a category.
    category_scale : float
        Standard deviation of the initial embeddings of categories.
    """

    groups: ColumnGroups
    embedding: Embedding
    category_size: int
    category_scale: float

    @property
    def n_columns(self) -> int:
        """Number of columns of x."""
        groups = self.groups
        return len(groups.numbers) + len(groups.flags) + len(groups.categories)

    @property
    def width(self) -> int:
        """Length of a vector."""
        return sum(n * size for n, size in self._parts())

    @property
    def frozen(self) -> frozenset[str]:
        """Names of the arrays that are not trained."""
        return frozenset(self.embedding.FROZEN if self.groups.numbers else ())

    @property
    def options(self) -> dict[str, Any]:
        """`Network.options`: which columns are embedded depends on the sample."""
        return {"embedded": list(self.groups.numbers)}

    @property
    def not_decayed(self) -> tuple[str, ...]:
        """Names of the weights without weight decay."""
        return tuple(self.embedding.NOT_DECAYED if self.groups.numbers else ())

    def arrays(self, spec: Spec, initial: InitialWeights) -> Arrays:
        """Return the initial arrays."""
        arrays: Arrays = {}
        if self.groups.numbers:
            arrays |= self.embedding.arrays(spec, initial, self.groups.numbers)
        if self.groups.categories:
            # one table for all: the rows of a column follow those of the one before
            n_rows = sum(self.groups.n_levels)
            arrays["categories"] = initial.normal(self.category_scale, n_rows, self.category_size)
        return arrays

    def __call__(self, xp: Namespace, arrays: Any, x: Any) -> Any:
        """Return the vectors."""
        parts = []
        if self.groups.numbers:
            z = self.embedding(xp, arrays, selected(xp, x, self.groups.numbers))
            parts.append(_flat(xp, z))
        if self.groups.flags:
            parts.append(selected(xp, x, self.groups.flags))
        if self.groups.categories:
            codes = xp.astype(selected(xp, x, self.groups.categories), xp.int32)
            parts.append(_flat(xp, self._categories(xp, arrays["categories"], codes)))
        leading = max((part.shape[:-2] for part in parts), key=len)
        parts = [xp.broadcast_to(part, (*leading, *part.shape[-2:])) for part in parts]
        return parts[0] if len(parts) == 1 else xp.concat(parts, axis=-1)

    def spread(self, values: Array) -> Array:
        """Return values for each column (..., n_columns) as values for each element of a vector,
        (..., width).
        """
        lengths = [size for n, size in self._parts() for _ in range(n)]
        return np.repeat(values, lengths, axis=-1)

    def _parts(self) -> tuple[tuple[int, int], ...]:
        """Return the number of columns of each part of a vector, and the length of each column."""
        groups = self.groups
        return (
            (len(groups.numbers), self.embedding.width),
            (len(groups.flags), 1),
            (len(groups.categories), self.category_size),
        )

    def _categories(self, xp: Namespace, table: Any, codes: Any) -> Any:
        """Return the rows of the table (..., n_rows, size) for codes (..., n, n_categories)."""
        n_rows, size = table.shape[-2:]
        starts = list(accumulate(self.groups.n_levels[:-1], initial=0))
        codes = codes + xp.asarray(np.array(starts, "int32"), dtype=xp.int32)
        if table.ndim == 2:
            return xp.take(table, codes, axis=0)
        # the tables of all models as one table
        first = np.arange(table.shape[0], dtype="int32")[:, None, None] * n_rows
        codes = codes + xp.asarray(first, dtype=xp.int32)
        return xp.take(xp.reshape(table, (-1, size)), codes, axis=0)


def inputs_of(
    spec: Spec,
    embedding: str,
    options: Mapping[str, Any] | None,
    category_size: int,
    embedded: Sequence[int] | None,
    category_scale: float = 1.0,
) -> Inputs:
    """Return the inputs of a network for the columns of a spec.

    Raises ValueError for an invalid embedding, or invalid indices of embedded columns.
    """
    made = embedding_of(embedding, options)
    groups = column_groups(spec, embedded)
    used = made if groups.numbers else NoEmbedding()
    return Inputs(groups, used, int(category_size), category_scale)


def _flat(xp: Namespace, z: Any) -> Any:
    """Return z (..., m, k) as (..., m * k)."""
    return xp.reshape(z, (*z.shape[:-2], z.shape[-2] * z.shape[-1]))
