"""Networks whose outputs are predictions, for exporters that convert a network alone."""

from typing import Any

from mlpkit.plugin import FittedModel, Network

PROBABILITIES = ("logistic", "softmax")  # activations whose log-odds are the outputs before them


def predicting_network(model: FittedModel) -> Network:
    """Return the network with the scale of the targets or the temperature in its last layer.

    The activated outputs of this network are the predictions of the estimator for encoded rows,
    but they are not clipped.

    Parameters
    ----------
    model : FittedModel
        The model.

    Returns
    -------
    Network
        The network of the model if it needs no change.

    Raises
    ------
    ValueError
        If a network that is not dense needs a change, or for ``loss="quantiles"``.

    Examples
    --------
    >>> from mlpkit import MLPClassifier
    >>> clf = MLPClassifier((4,), random_state=0).initialize(3, classes=["a", "b"])
    >>> model = clf.export(lambda model: model)
    >>> warmer = predicting_network(model._replace(temperature=2.0))
    >>> bool((2 * warmer.arrays["coef_1"] == model.network.arrays["coef_1"]).all())
    True
    """
    network, spec = model.network, model.spec
    is_dense = network.apply is None and network.xp_apply is None
    if model.quantiles is not None:
        raise ValueError(
            "A network with loss='quantiles' cannot be exported, since its outputs are not"
            " the quantiles, which are computed from them. Fit an estimator with loss='quantile'"
            " for each quantile."
        )
    if model.deviation is not None:
        if not is_dense:
            raise ValueError(
                "A network of a builder cannot be exported if it was trained with"
                " standardize_targets=True, since its outputs are standardized. Fit it with"
                " standardize_targets=False and standardized y."
            )
        return _with_last_layer(model, model.deviation, model.mean)
    if model.temperature != 1.0:
        if not is_dense or spec.loss.out_activation not in PROBABILITIES:
            raise ValueError(
                "A network of a builder or with a loss of its own cannot be exported with a"
                f" temperature ({model.temperature:.3g}), by which the estimator divides the"
                " log-odds. Delete the attribute temperature_ to export the network without"
                " calibration."
            )
        return _with_last_layer(model, 1 / model.temperature, 0.0)
    return network


def _with_last_layer(model: FittedModel, factor: Any, shift: Any) -> Network:
    """Return the dense network with outputs, before their activation, times factor plus shift."""
    arrays, last = model.network.arrays, len(model.spec.hidden_layer_sizes)
    coef, intercept = f"coef_{last}", f"intercept_{last}"
    changed = {
        coef: (arrays[coef] * factor).astype(model.spec.dtype),
        intercept: (arrays[intercept] * factor + shift).astype(model.spec.dtype),
    }
    return model.network._replace(arrays={**arrays, **changed})
