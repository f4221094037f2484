"""The losses of scikit-learn's MLP, each with the output activation that makes its
derivative ``p - y`` (the canonical link), on any backend's arrays.
"""

from typing import Any

from mlpkit.plugin import Loss, Namespace


def _difference(xp: Namespace, y: Any, p: Any) -> Any:
    return p - y


def _clipped(xp: Namespace, p: Any) -> Any:
    eps = float(xp.finfo(p.dtype).eps)
    return xp.clip(p, eps, 1 - eps)


def _log_loss(xp: Namespace, y: Any, p: Any) -> Any:
    return -xp.sum(y * xp.log(_clipped(xp, p)), axis=1)


def _binary_log_loss(xp: Namespace, y: Any, p: Any) -> Any:
    p = _clipped(xp, p)
    return -xp.sum(y * xp.log(p) + (1 - y) * xp.log(1 - p), axis=1)


def _squared_error(xp: Namespace, y: Any, p: Any) -> Any:
    return 0.5 * xp.mean((y - p) ** 2, axis=1)


def _poisson(xp: Namespace, y: Any, p: Any) -> Any:
    # y log(y / p), and 0 where y is 0
    ratio = xp.where(y > 0, y / p, xp.ones_like(p))
    return xp.sum(y * xp.log(ratio) - y + p, axis=1)


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("log_loss", "softmax", _log_loss, _difference),
        Loss("binary_log_loss", "logistic", _binary_log_loss, _difference),
        Loss("squared_error", "identity", _squared_error, _difference),
        Loss("poisson", "exp", _poisson, _difference),
    )
}
