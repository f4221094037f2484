"""Streams with the partitioners of this plugin after saving and loading."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlpkit
from mlpkit import MLPClassifier, by

RNG = np.random.RandomState(0)
FRAME = pd.DataFrame(RNG.standard_normal((40, 2)), columns=["a", "b"])
Y = np.arange(40) % 2


@pytest.mark.parametrize(
    "partition",
    [
        by("hashed", column="a", n=3),
        by("k_fold", n=2, random_state=0),
        by("stratified_k_fold", n=2, random_state=0),
    ],
    ids=lambda partition: str(partition.name),
)
def test_streams_go_on(partition: Any, tmp_path: Path) -> None:
    """The metrics of later calls are the same."""
    clf = MLPClassifier(
        (3,), metrics=["accuracy"], partitions=[partition], backend="numpy", random_state=0
    )
    clf.partial_fit(FRAME[:20], Y[:20], classes=[0, 1])
    clf.save(tmp_path / "model.mlpkit")
    other = mlpkit.load(tmp_path / "model.mlpkit")
    assert other.partitions[0].origin == partition.origin
    for each in (clf, other):
        each.partial_fit(FRAME[20:], Y[20:])
    assert clf.metric_history_.to_csv() == other.metric_history_.to_csv()
    assert partition.name in set(other.metric_history_["partitioner"])


def test_models_as_groups_are_rejected(tmp_path: Path) -> None:
    """The groups of k-means are a model of scikit-learn."""
    clf = MLPClassifier((3,), metrics=["accuracy"], partitions=[by("clusters", n=2)])
    clf.set_params(backend="numpy").partial_fit(FRAME, Y, classes=[0, 1])
    with pytest.raises(TypeError, match=r"object of the parameter partitions contains 'Clusters'"):
        clf.save(tmp_path / "model.mlpkit")
