"""Training on rows that are distributed over several processes.

A process passes its rows as a `Shard` to `fit`. Plugins for clusters, such as ``mlpkit-dask``,
start the processes and connect them by an `mlpkit.plugin.Communicator`.
"""

from mlpkit.distributed.communicators import communicator_of
from mlpkit.distributed.shards import Shard
from mlpkit.distributed.solo import Solo
from mlpkit.distributed.steps import distributed

__all__ = ["Shard", "Solo", "communicator_of", "distributed"]
