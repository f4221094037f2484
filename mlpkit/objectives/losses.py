"""The losses, written once for the arrays of all backends.

The losses of scikit-learn's MLP have the output activation for which the derivative is ``p - y``
(the canonical link). For several outputs, the robust losses are the mean over the outputs, and
their `Loss.delta` is the derivative of that mean.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

from mlpkit.messages import did_you_mean, plain_repr
from mlpkit.objectives.quantiles import quantiles
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


def _smoothed(y: Any, smoothing: float, n_classes: int) -> Any:
    return (1 - smoothing) * y + smoothing / n_classes


def _smoothed_log_loss(xp: Namespace, y: Any, p: Any, smoothing: float) -> Any:
    return _log_loss(xp, _smoothed(y, smoothing, y.shape[1]), p)


def _smoothed_difference(xp: Namespace, y: Any, p: Any, smoothing: float) -> Any:
    return p - _smoothed(y, smoothing, y.shape[1])


def _smoothed_binary_log_loss(xp: Namespace, y: Any, p: Any, smoothing: float) -> Any:
    return _binary_log_loss(xp, _smoothed(y, smoothing, 2), p)


def _smoothed_binary_difference(xp: Namespace, y: Any, p: Any, smoothing: float) -> Any:
    return p - _smoothed(y, smoothing, 2)


def _squared_error(xp: Namespace, y: Any, p: Any) -> Any:
    return 0.5 * xp.mean((y - p) ** 2, axis=1)


def _poisson(xp: Namespace, y: Any, p: Any) -> Any:
    # y log(y / p), and 0 where y is 0
    ratio = xp.where(y > 0, y / p, xp.ones_like(p))
    return xp.sum(y * xp.log(ratio) - y + p, axis=1)


def _absolute_error(xp: Namespace, y: Any, p: Any) -> Any:
    return xp.mean(xp.abs(p - y), axis=1)


def _absolute_error_delta(xp: Namespace, y: Any, p: Any) -> Any:
    return xp.sign(p - y) / p.shape[1]


def _huber(xp: Namespace, y: Any, p: Any, delta: float) -> Any:
    error = xp.abs(p - y)
    near = xp.clip(error, 0.0, delta)  # the quadratic part; the rest is linear
    return xp.mean(near * (error - 0.5 * near), axis=1)


def _huber_delta(xp: Namespace, y: Any, p: Any, delta: float) -> Any:
    return xp.clip(p - y, -delta, delta) / p.shape[1]


def _quantile(xp: Namespace, y: Any, p: Any, quantile: float) -> Any:
    error = p - y
    return xp.mean(0.5 * xp.abs(error) + (0.5 - quantile) * error, axis=1)


def _quantile_delta(xp: Namespace, y: Any, p: Any, quantile: float) -> Any:
    return (0.5 * xp.sign(p - y) + (0.5 - quantile)) / p.shape[1]


@dataclass(frozen=True)
class WithOption:
    """A function of a loss together with the value of its option.

    Objects with equal values compare equal, also after pickling, so compiled code is reused.
    """

    function: Callable[[Namespace, Any, Any, float], Any]
    value: float

    def __call__(self, xp: Namespace, y: Any, p: Any) -> Any:
        """Call the function with the value."""
        return self.function(xp, y, p, self.value)


def log_loss(label_smoothing: float = 0.0) -> Loss:
    """Return the log-loss of several classes, optionally with label smoothing [1]_.

    With it, the target of a class is ``1 - label_smoothing + label_smoothing / n_classes`` for the
    class of the row and ``label_smoothing / n_classes`` for the others.

    References
    ----------
    .. [1] C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR
       2016, arXiv:1512.00567.
    """
    return _with_smoothing("log_loss", label_smoothing, _smoothed_log_loss, _smoothed_difference)


def binary_log_loss(label_smoothing: float = 0.0) -> Loss:
    """Return the log-loss of two classes, or summed over labels, like `log_loss`."""
    return _with_smoothing(
        "binary_log_loss", label_smoothing, _smoothed_binary_log_loss, _smoothed_binary_difference
    )


def _with_smoothing(name: str, smoothing: float, rows: Any, delta: Any) -> Loss:
    expected = "a number in [0, 1)"
    _check("log_loss", "label_smoothing", smoothing, expected, lambda s: 0 <= s < 1)
    plain, s = LOSSES[name], float(smoothing)
    if s == 0:
        return plain
    rows, delta = WithOption(rows, s), WithOption(delta, s)
    return plain._replace(name=f"smoothed_{name}", rows=rows, delta=delta)


def huber(delta: float = 1.0) -> Loss:
    """Return the Huber loss (Huber, 1964).

    It is ``(y - p)^2 / 2`` for errors up to ``delta`` and ``delta * (|y - p| - delta / 2)`` for
    larger errors.
    """
    _check("huber", "delta", delta, "a finite number above 0", lambda d: 0 < d < float("inf"))
    return Loss(
        "huber",
        "identity",
        WithOption(_huber, float(delta)),
        WithOption(_huber_delta, float(delta)),
    )


def quantile(quantile: float = 0.5) -> Loss:
    """Return the pinball loss (Koenker and Bassett, 1978), which the quantile of y minimizes.

    It is ``q * (y - p)`` where ``y >= p``, and ``(1 - q) * (p - y)`` elsewhere.
    """
    _check("quantile", "quantile", quantile, "a number between 0 and 1", lambda q: 0 < q < 1)
    q = float(quantile)
    return Loss("quantile", "identity", WithOption(_quantile, q), WithOption(_quantile_delta, q))


def _check(
    loss: str, option: str, value: Any, expected: str, is_valid: Callable[[Any], bool]
) -> None:
    if isinstance(value, bool) or not isinstance(value, Real) or not is_valid(value):
        raise ValueError(f"loss={loss!r}: {option} must be {expected}, got {plain_repr(value)}.")


LOSSES = {
    loss.name: loss
    for loss in (
        Loss("log_loss", "softmax", _log_loss, _difference),
        Loss("binary_log_loss", "logistic", _binary_log_loss, _difference),
        Loss("squared_error", "identity", _squared_error, _difference),
        Loss("poisson", "exp", _poisson, _difference),
        Loss("absolute_error", "identity", _absolute_error, _absolute_error_delta),
        huber(),
        quantile(),
        quantiles(),
    )
}  # with the default options
REGRESSION = ("squared_error", "absolute_error", "huber", "quantile", "quantiles", "poisson")
WITH_OPTIONS: dict[str, tuple[Callable[..., Loss], tuple[str, ...]]] = {
    "log_loss": (log_loss, ("label_smoothing",)),
    "binary_log_loss": (binary_log_loss, ("label_smoothing",)),
    "huber": (huber, ("delta",)),
    "quantile": (quantile, ("quantile",)),
    "quantiles": (quantiles, ("quantiles",)),
}


def record_of(loss: Loss) -> tuple[str, dict[str, Any]] | None:
    """Return the name and the options by which `named` returns an equal loss; None if it cannot.

    >>> record_of(huber(0.5)), record_of(LOSSES["log_loss"])
    (('huber', {'delta': 0.5}), ('log_loss', {}))
    """
    if LOSSES.get(loss.name) == loss:
        return loss.name, {}
    name = loss.name.removeprefix("smoothed_")
    make, options = WITH_OPTIONS.get(name, (None, ()))
    for option in options:
        value = getattr(loss.rows, "value", getattr(loss.rows, option, None))
        if make is not None and value is not None and make(**{option: value}) == loss:
            return name, {option: value}
    return None


def named(name: str, options: Mapping[str, Any]) -> Loss:
    """Return the loss with this name and these options.

    Raises ValueError for an unknown option.

    >>> named("huber", {"delta": 0.5}) == named("huber", {"delta": 0.5})
    True
    """
    if not options:
        return LOSSES[name]
    make, known = WITH_OPTIONS.get(name, (None, ()))
    for option in options:
        if option not in known:
            has = f"has no option {option!r}; it has: {', '.join(known) or 'none'}."
            guess = did_you_mean(str(option), known)
            raise ValueError(f"loss_options: loss={name!r} {has} {guess}".rstrip())
    assert make is not None
    return make(**options)
