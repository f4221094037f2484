"""Networks whose outputs are in the units of y, for exporters."""

from mlpkit.data.targets import Targets
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.training.fitted_network import FittedNetwork


def in_units_of_targets(network: FittedNetwork, targets: Targets) -> FittedNetwork:
    """Return the network with the scale of the targets in its last layer.

    Raises ValueError if the targets are standardized and the network is not dense.
    """
    scale = getattr(targets, "scale", None)
    if scale is None:
        return network
    if not network.is_dense:
        raise ValueError(
            "A network of a builder cannot be exported if it was trained with"
            " standardize_targets=True, since its outputs are standardized. Fit it with"
            " standardize_targets=False and standardized y."
        )
    coefs, intercepts = map(list, DenseLayers.of(network.arrays))
    coefs[-1] = coefs[-1] * scale.deviation
    intercepts[-1] = intercepts[-1] * scale.deviation + scale.mean
    arrays = DenseLayers(coefs, intercepts).arrays(network.spec.dtype)
    return network.edited(network.spec, arrays, network.optimizer_state)
