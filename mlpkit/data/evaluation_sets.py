"""What comes with the training rows: labels, validation rows, evaluation sets, as given."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from mlpkit.plugin import Dataset

FIELDS = ("X", "y", "sample_weight", "labels")


class Beside(NamedTuple):
    """The arguments of `fit` beyond the training rows."""

    labels: Any = None
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    labels_val: Any = None
    eval_sets: Any = None

    def sets(self) -> dict[str, Dataset]:
        """The rows that metrics are of by name, "validation" first.

        ValueError for rows without targets or the other way round, and for other forms.

        >>> Beside(eval_sets={"2025": ([[1]], [0])}).sets()["2025"].y
        [0]
        """
        found = {}
        if (self.X_val is None) != (self.y_val is None):
            missing = "y_val" if self.y_val is None else "X_val"
            raise ValueError(f"validation rows need both X_val and y_val; {missing} is missing.")
        if self.X_val is not None:
            found["validation"] = Dataset(
                self.X_val,
                self.y_val,
                self.sample_weight_val,
                {} if self.labels_val is None else self.labels_val,
            )
        elif self.sample_weight_val is not None or self.labels_val is not None:
            raise ValueError("sample_weight_val and labels_val go with X_val and y_val.")
        if self.eval_sets is None:
            return found
        if not isinstance(self.eval_sets, Mapping):
            raise ValueError(
                "eval_sets is a dict of rows by name, as {'2025': (X, y)}, not"
                f" {type(self.eval_sets).__name__}."
            )
        for name, rows in self.eval_sets.items():
            if name in ("train", "validation") or not isinstance(name, str):
                raise ValueError(
                    f"eval_sets: {name!r} is no name for a set; any text but 'train' and"
                    " 'validation' is. Validation rows are X_val and y_val."
                )
            found[name] = _given(name, rows)
        return found


def _given(name: str, rows: Any) -> Dataset:
    if isinstance(rows, Mapping):
        if unknown := sorted(set(rows) - set(FIELDS)):
            raise ValueError(
                f"eval_sets: {name!r} has {unknown[0]!r}; a dict of rows has: {', '.join(FIELDS)}."
            )
        if "X" in rows and "y" in rows:
            return Dataset(**rows)
    elif isinstance(rows, tuple | list) and len(rows) in (2, 3):
        return Dataset(*rows)
    raise ValueError(
        f"eval_sets: {name!r} is (X, y), (X, y, sample_weight), or a dict with X, y and maybe"
        " sample_weight and labels."
    )
