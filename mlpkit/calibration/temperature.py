"""Temperature scaling of predicted probabilities (Guo et al., 2017)."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_expit, log_softmax, softmax

from mlpkit.plugin import Array, Task

LIMITS = (0.05, 20.0)  # lower and upper limit of the temperature


@dataclass(frozen=True)
class Temperature:
    """Divides the log-odds of probabilities by a number.

    Probabilities have the form of the activated outputs of a network: (n, 1) for two classes,
    (n, n_classes) for more, and (n, n_labels) for multilabel targets. The probabilities of an
    ensemble are averaged before they are scaled.

    Parameters
    ----------
    value : float, default=1.0
        The temperature. Values above 1 make probabilities less extreme, 1 changes nothing.
    task : {"binary", "multiclass", "multilabel"}, default="binary"
        The type of the targets. For "multiclass", the logarithms of the probabilities are divided,
        and the results normalized.

    Examples
    --------
    >>> p = np.array([[0.9], [0.5]])
    >>> Temperature(2.0).scaled(p).round(3).tolist()
    [[0.75], [0.5]]
    """

    value: float = 1.0
    task: Task = "binary"

    @classmethod
    def fitted(cls, task: Task, y: Array, p: Array, w: Array | None = None) -> Self:
        """Return the temperature with the lowest log-loss of rows that were not trained on.

        It is the maximum of the likelihood times a standard normal density of its logarithm, so
        that a few rows do not lead to an extreme value. It is 1 unless the log-loss decreases by
        more than 1 / n_rows, which one parameter gains by chance (Akaike, 1974).

        Parameters
        ----------
        task : {"binary", "multiclass", "multilabel"}
            The type of the targets.
        y : ndarray of shape (n, 1), (n, n_classes) or (n, n_labels)
            Indicators of the classes, in the form of the probabilities.
        p : ndarray of the same shape
            Predicted probabilities.
        w : ndarray of shape (n,) or None, default=None
            Weights of the rows.

        Returns
        -------
        Temperature

        Examples
        --------
        >>> y = np.array([[1], [1], [1], [0]] * 100)
        >>> overconfident = np.full((400, 1), 0.99)
        >>> Temperature.fitted("binary", y, overconfident).scaled(overconfident)[0].round(1)
        array([0.8])
        """
        rows = np.ones(len(y)) if w is None else np.asarray(w, dtype=np.float64)
        if not rows.any():
            return cls(1.0, task)
        share, n_rows = rows / rows.sum(), rows.sum() ** 2 / np.square(rows).sum()
        scores, indicators = _scores(task, p), np.asarray(y, dtype=np.float64)

        def loss(log_value: float) -> float:
            scaled = scores * np.exp(-log_value)
            return float(np.dot(share, _log_losses(task, indicators, scaled)))

        def objective(log_value: float) -> float:
            return loss(log_value) + float(log_value**2 / (2 * n_rows))

        bounds = tuple(np.log(LIMITS))
        log_temperature = minimize_scalar(objective, bounds=bounds, method="bounded").x
        better = (loss(0.0) - loss(log_temperature)) * n_rows > 1
        return cls(float(np.exp(log_temperature)) if better else 1.0, task)

    def scaled(self, p: Array) -> Array:
        """Return scaled probabilities, of the shape and the dtype of p."""
        if self.value == 1.0:
            return p
        scores = _scores(self.task, p) / self.value
        activated = softmax(scores, axis=1) if self.task == "multiclass" else expit(scores)
        return np.asarray(activated).astype(p.dtype)


def _scores(task: Task, p: Array) -> Array:
    """Log-probabilities or log-odds, float64 and finite."""
    limits = np.finfo(p.dtype)
    if task == "multiclass":
        return np.asarray(np.log(np.maximum(p, limits.tiny).astype(np.float64)))
    inner = np.clip(p, limits.tiny, 1 - limits.epsneg).astype(np.float64)
    return np.asarray(np.log(inner) - np.log1p(-inner))


def _log_losses(task: Task, y: Array, scores: Array) -> Array:
    """The log-loss of each row, summed over labels, (n,)."""
    if task == "multiclass":
        return -np.asarray((y * log_softmax(scores, axis=1)).sum(axis=1))
    return -np.asarray((y * log_expit(scores) + (1 - y) * log_expit(-scores)).sum(axis=1))
