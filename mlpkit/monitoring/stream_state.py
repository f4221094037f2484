"""The metrics of a stream as plain values, and back."""

from collections.abc import Sequence
from typing import Any

from mlpkit.data.targets import Targets
from mlpkit.files.fields import Fields
from mlpkit.metrics.accumulator_state import accumulator_of, accumulator_state
from mlpkit.monitoring.planning import plan_of
from mlpkit.monitoring.stream import Stream
from mlpkit.plugin import Metric


def stream_state(stream: Stream) -> dict[str, Any]:
    """Return the state without metrics and partitioners, which the parameters determine."""
    return {
        "columns": list(stream.plan.columns),
        "fitted_groups": dict(stream.plan.fitted_groups),
        "window": stream.window,
        "total": accumulator_state(stream.total),
        "buckets": [accumulator_state(bucket) for bucket in stream.buckets],
    }


def stream_of_state(
    state: Any, metrics: Any, partitions: Any, network_metrics: Sequence[Metric], targets: Targets
) -> Stream:
    """Return the stream of the parameters with a state; raise ValueError if it is invalid."""
    fields = Fields(state, "stream")
    columns = fields.texts("columns")
    plan = plan_of(metrics, partitions, None, network_metrics, targets, columns)
    groups = fields.fields("fitted_groups").values
    if unknown := groups.keys() - {p.name for p in plan.partitioners}:
        raise fields.fields("fitted_groups").unknown(min(map(str, unknown)))
    plan = plan._replace(fitted_groups=dict(groups))
    summed = [m for m in plan.metrics if m.exact is None]
    total = accumulator_of(fields.value("total", dict), summed, targets.classes)
    buckets = [
        accumulator_of(bucket, plan.metrics, targets.classes)
        for bucket in fields.value("buckets", list)
    ]
    return Stream(plan, fields.integer("window", least=1), total, tuple(buckets))
