"""Networks whose outputs are the predictions of the estimator, for exporters."""

from typing import Any

from mlpkit.data.targets import Targets
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.training.fitted_network import FittedNetwork

PROBABILITIES = ("logistic", "softmax")  # activations whose log-odds are the outputs before them


def as_predicted(
    network: FittedNetwork, targets: Targets, temperature: float = 1.0
) -> FittedNetwork:
    """Return the network with the scale of the targets or the temperature in its last layer.

    Raises ValueError if that is impossible.
    """
    if getattr(targets, "quantiles", None) is not None:
        raise ValueError(
            "A network with loss='quantiles' cannot be exported, since its outputs are not"
            " the quantiles, which are computed from them. Fit an estimator with loss='quantile'"
            " for each quantile."
        )
    scale = getattr(targets, "scale", None)
    if scale is not None:
        if not network.is_dense:
            raise ValueError(
                "A network of a builder cannot be exported if it was trained with"
                " standardize_targets=True, since its outputs are standardized. Fit it with"
                " standardize_targets=False and standardized y."
            )
        return _with_last_layer(network, scale.deviation, scale.mean)
    if temperature != 1.0:
        if not network.is_dense or network.spec.loss.out_activation not in PROBABILITIES:
            raise ValueError(
                "A network of a builder or with a loss of its own cannot be exported with a"
                f" temperature ({temperature:.3g}), by which the estimator divides the log-odds."
                " Delete the attribute temperature_ to export the network without calibration."
            )
        return _with_last_layer(network, 1 / temperature, 0.0)
    return network


def _with_last_layer(network: FittedNetwork, factor: Any, shift: Any) -> FittedNetwork:
    """Return the dense network with outputs, before their activation, times factor plus shift."""
    coefs, intercepts = map(list, DenseLayers.of(network.arrays))
    coefs[-1] = coefs[-1] * factor
    intercepts[-1] = intercepts[-1] * factor + shift
    arrays = DenseLayers(coefs, intercepts).arrays(network.spec.dtype)
    return network.edited(network.spec, arrays, network.optimizer_state)
