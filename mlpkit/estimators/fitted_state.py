"""The attributes of an estimator as plain values, and back.

Plain values are dicts, lists, tuples, arrays, numbers and strings. Objects without such a form, for
example a function that is a parameter, are unchanged.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sklearn import config_context

from mlpkit.calibration.conformal import ConformalIntervals
from mlpkit.data.class_weights import ClassWeights
from mlpkit.data.target_state import targets_of, targets_state
from mlpkit.estimators.changes import LastParameters
from mlpkit.estimators.encoding_state import encoding_state, restored_encoding
from mlpkit.estimators.loss_curve import LossCurve
from mlpkit.estimators.network_state import checked_layers, network_state, restored_network
from mlpkit.estimators.records import plain, restored
from mlpkit.files.fields import Fields
from mlpkit.monitoring.history_state import history_of, history_state
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.plugin import Progress
from mlpkit.training.parameters import OPTIMIZER, is_same

REQUESTS = "_metadata_request"  # scikit-learn's attribute of `set_fit_request`
OF_ENCODING = "encoder_"  # the encoder of the attribute `_encoding`


def plain_state(names: list[str], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an estimator with plain values in place of the fitted objects.

    ``names`` are the names of its parameters, which are unchanged.
    """
    state = {}
    for name, value in attributes.items():
        if name in names:
            state[name] = value
        elif name in STATES and value is not None:
            state[name] = STATES[name](value, attributes)
        elif name != OF_ENCODING:
            state[name] = value
    return state


def restored_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of an estimator from what `plain_state` returned.

    Raises ValueError if the state is invalid, and PluginError if it requires a plugin that is not
    installed.
    """
    made = dict(state)
    for name, restore in RESTORERS.items():
        if made.get(name) is not None:
            made[name] = restore(made[name], made)
    if "_encoding" in made:
        made[OF_ENCODING] = made["_encoding"].encoder
    return made


def restored_progress(state: Any) -> Progress:
    """Return the progress of a state; raise ValueError if it is invalid."""
    entries = Fields(state, "progress")
    counts = ("epoch", "samples", "step", "no_improvement_count")
    numbers = ("learning_rate", "best_loss", "best_score")
    values: dict[str, Any] = {name: entries.integer(name) for name in counts}
    return Progress(**values, **{name: entries.number(name) for name in numbers})


def with_requests(estimator: Any, requests: Mapping[str, Any]) -> Any:
    """Return the estimator after setting its metadata requests by method."""
    if not requests:
        return estimator
    with config_context(enable_metadata_routing=True):
        for method, values in requests.items():
            getattr(estimator, f"set_{method}_request")(**values)
    return estimator


def _optimizer_state(optimizer: dict[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are not those of the parameters."""
    return {n: plain(v) for n, v in optimizer.items() if attributes.get(n, optimizer) is not v}


def _optimizer(state: Any, made: Mapping[str, Any]) -> dict[str, Any]:
    other = restored(Fields(state, "optimizer").values)
    optimizer = {n: other[n] if n in other else made[n] for n in OPTIMIZER}
    same = {n: made[n] for n in OPTIMIZER if n in made and is_same(optimizer[n], made[n])}
    return optimizer | same  # the same objects, which take no time to compare


def _requests_state(requests: Any, attributes: Mapping[str, Any]) -> dict[str, Any]:
    by_method = {m: getattr(r, "requests", None) for m, r in vars(requests).items()}
    given = {m: {k: v for k, v in (r or {}).items() if v is not None} for m, r in by_method.items()}
    return {method: values for method, values in given.items() if values}


def _stream_state(stream: Any, attributes: Mapping[str, Any]) -> dict[str, Any]:
    from mlpkit.monitoring.stream_state import stream_state  # imports the metrics

    return stream_state(stream)


def _stream(state: Any, made: Mapping[str, Any]) -> Any:
    from mlpkit.monitoring.stream_state import stream_of_state

    network_metrics = made["_network"].structure.metrics
    metrics, partitions = made.get("metrics"), made.get("partitions")
    return stream_of_state(state, metrics, partitions, network_metrics, made["_targets"])


def _preset_layers(state: Any, made: Mapping[str, Any]) -> DenseLayers:
    return checked_layers(Fields(state, "preset_layers"))


def _intervals(state: Any, made: Mapping[str, Any]) -> ConformalIntervals:
    return ConformalIntervals.from_state(state, made["_targets"].quantiles)


# the state of an attribute, of its value and all attributes
STATES: dict[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "_targets": lambda value, _: targets_state(value),
    "_network": lambda network, _: network_state(network),
    "_preset_layers": lambda value, _: {n: list(v) for n, v in value._asdict().items()},
    "_progress": lambda value, _: value._asdict(),
    "_losses": lambda value, _: value.get_state(),
    "_class_weights": lambda value, _: value.get_state(),
    "_intervals": lambda value, _: value.get_state(),
    "_encoding": lambda value, _: encoding_state(value),
    "_optimizer": _optimizer_state,
    "_last_parameters": lambda value, attributes: plain(value.stored(attributes)),
    "metric_history_": lambda value, _: history_state(value),
    "_stream": _stream_state,
    REQUESTS: _requests_state,
}
# the value of an attribute, of its state and the attributes that were restored before it
RESTORERS: dict[str, Callable[[Any, Mapping[str, Any]], Any]] = {
    "_targets": lambda state, _: targets_of(state),
    "_network": lambda state, made: restored_network(state, made["_targets"]),
    "_preset_layers": _preset_layers,
    "_progress": lambda state, _: restored_progress(state),
    "_losses": lambda state, _: LossCurve.from_state(state),
    "_class_weights": lambda state, made: ClassWeights.from_state(state, made["classes_"]),
    "_intervals": _intervals,
    "_encoding": lambda state, made: restored_encoding(state, made["encoder"]),
    "_optimizer": _optimizer,
    "_last_parameters": lambda state, made: LastParameters.of_stored(restored(state), made),
    "metric_history_": lambda state, _: history_of(state),
    "_stream": _stream,
}
