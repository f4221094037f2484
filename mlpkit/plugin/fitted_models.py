"""Fitted models: what an exporter receives."""

from typing import Any, NamedTuple

from mlpkit.plugin.arrays import Array
from mlpkit.plugin.networks import Network, Spec


class FittedModel(NamedTuple):
    """Everything that the predictions of a fitted estimator depend on, without the estimator.

    A table or an array X becomes a prediction in three steps: the encoder makes encoded rows of it,
    the network computes outputs from these, and the outputs become probabilities or values in the
    units of y. `mlpkit.backend_kit.predictions` computes the last two steps.

    Parameters
    ----------
    network : Network
        The network with its trained weights.
    spec : Spec
        The specification of the network. `Spec.classes` are the class labels.
    n_features : int
        Number of columns of X, before the encoder.
    feature_names : tuple of str or None, default=None
        Names of the columns of X, if it has names.
    encoder : object or None, default=None
        The fitted encoder: an `Encoder`, or a transformer of scikit-learn. None if X consists of
        the rows of the network.
    temperature : float, default=1.0
        The number by which the log-odds of probabilities are divided. For more than two classes,
        the logarithms of the probabilities are divided, and the results normalized.
    mean, deviation : ndarray of shape (n_targets,) or None, default=None
        Mean and standard deviation of the targets, if the network was trained on standardized
        ones: predictions are ``output * deviation + mean``.
    low, high : ndarray of shape (n_targets,) or None, default=None
        The range to which predictions are clipped, or None.
    quantiles : tuple of float or None, default=None
        The quantiles that a network with ``loss="quantiles"`` predicts, in ascending order. The
        prediction is the one nearest to 0.5.
    """

    network: Network
    spec: Spec
    n_features: int
    feature_names: tuple[str, ...] | None = None
    encoder: Any = None
    temperature: float = 1.0
    mean: Array | None = None
    deviation: Array | None = None
    low: Array | None = None
    high: Array | None = None
    quantiles: tuple[float, ...] | None = None
