"""Reports of the same rows of a binary task."""

from typing import Any

import numpy as np
import pandas as pd
from grouped import rows

from mlpkit import PartitionReport, evaluate

DATA = rows("binary", 600)
FRAME = pd.DataFrame({"group": DATA.groups, "x": np.random.default_rng(3).normal(size=600)})
ALL = ["accuracy", "recall", "log_loss", "roc_auc", "f1_macro", "selection_rate"]


def report(
    chosen: Any = slice(None),
    metrics: Any = ALL,
    partitions: Any = ("group",),
    label: Any = None,
    **options: Any,
) -> PartitionReport:
    """A report of some of the rows."""
    y_pred = DATA.label if label is None else label
    return evaluate(
        None,
        FRAME[chosen],
        DATA.y[chosen],
        y_pred=y_pred[chosen],
        y_proba=DATA.p[chosen],
        metrics=metrics,
        partitions=list(partitions),
        **options,
    )
