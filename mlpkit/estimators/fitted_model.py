"""The fitted model of an estimator, for exporters."""

from collections.abc import Mapping
from typing import Any

from mlpkit.data.targets import Targets
from mlpkit.plugin import FittedModel, Network, Spec


def fitted_model(
    network: Network, spec: Spec, targets: Targets, attributes: Mapping[str, Any]
) -> FittedModel:
    """Return the record that exporters receive.

    Parameters
    ----------
    network, spec
        The trained network and its specification.
    targets
        The fitted targets.
    attributes : dict
        The fitted attributes of the estimator by name.
    """
    scale: Any = getattr(targets, "scale", None)
    limits: Any = getattr(targets, "range", None)
    clips = limits is not None and getattr(targets, "clip", False)
    names = attributes.get("feature_names_in_")
    encoding = attributes.get("_encoding")
    return FittedModel(
        network=network,
        spec=spec,
        n_features=attributes["n_features_in_"],
        feature_names=None if names is None else tuple(map(str, names)),
        encoder=None if encoding is None else encoding.encoder,
        temperature=float(attributes.get("temperature_", 1.0)),
        mean=None if scale is None else scale.mean,
        deviation=None if scale is None else scale.deviation,
        low=limits.low if clips else None,
        high=limits.high if clips else None,
        quantiles=getattr(targets, "quantiles", None),
    )
