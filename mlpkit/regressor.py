"""MLPRegressor."""

from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils.metaestimators import available_if

from mlpkit.base import BaseMLP
from mlpkit.monitoring.beside import Beside, Given
from mlpkit.plugin import Array, Backend, Builder, Callback, Solver, Trainer
from mlpkit.targets import Values


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """A multilayer perceptron for real targets: scikit-learn's interface, any backend.

    The parameters up to `max_fun` are those of `sklearn.neural_network.MLPRegressor`, with
    their meaning and numbers; the rest is ours.

    Parameters
    ----------
    loss : {'squared_error', 'poisson'}, Loss, or of a framework, default='squared_error'
        Half the squared error, or half the Poisson deviance behind an exponential output
        (needs ``y >= 0``); or an object of a framework, or 'framework.name', as far as a
        plugin adapts it. All with an L2 penalty.
    hidden_layer_sizes : array-like of int, default=(100,)
        Units of each hidden layer; an int is one layer, ``()`` none.
    activation : {'identity', 'logistic', 'tanh', 'relu'}, default='relu'
        Activation of the hidden layers.
    solver : str or Solver, default='adam'
        'adam', 'sgd', 'lbfgs' (SciPy, whole data at once), or what a plugin brings.
    alpha : float, default=0.0001
        L2 penalty ``alpha / 2 * |weights|^2``, divided by the weight of the batch.
    batch_size : int or 'auto', default='auto'
        Rows of a step; 'auto' is ``min(200, n_samples)``.
    learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
        Schedule of 'sgd': fixed; ``learning_rate_init / (t_ + 1) ** power_t``; or divided
        by 5 whenever `n_iter_no_change` epochs brought less than `tol`.
    learning_rate_init, power_t : float, default=0.001 and 0.5
        First learning rate, and the exponent of 'invscaling'.
    max_iter : int, default=200
        Most epochs of a fit (iterations of 'lbfgs').
    shuffle : bool, default=True
        Draw a new order of rows for each epoch.
    random_state : int, RandomState instance or None, default=None
        Draws weights, held-out rows, order and dropout; the same numbers on every backend.
    tol : float, default=1e-4
        An epoch that improves loss or score by less counts as none; 'lbfgs': see SciPy's gtol.
    verbose : bool, default=False
        Print a line an epoch.
    warm_start : bool, default=False
        `fit` goes on from the present weights.
    momentum, nesterovs_momentum : float and bool, default=0.9 and True
        Of 'sgd'.
    early_stopping : bool, default=False
        Hold out `validation_fraction` of the rows, stop when their R2 stalls, and
        keep the weights of the best epoch.
    validation_fraction : float, default=0.1
        Fraction held out, in [0, 1).
    beta_1, beta_2, epsilon : float, default=0.9, 0.999 and 1e-8
        Decay rates and stabiliser of 'adam'.
    n_iter_no_change : int or inf, default=10
        Epochs without improvement that are borne.
    max_fun : int, default=15000
        Most evaluations of 'lbfgs'.
    backend : str, callable or None, default=None
        Who computes: 'numpy' or an installed plugin; None is the environment variable
        MLPKIT_BACKEND, else 'numpy'. ``mlpkit plugins`` lists them.
    builder : str, callable or None, default=None
        Who makes the network; None is 'dense', the chain that the parameters above describe.
    backend_options, builder_options, solver_options : dict or None, default=None
        Further options for each.
    trainer : str, callable or None, default=None
        The training loop; None is the one that the solver needs.
    callbacks : str, callable or list of these, default=None
        Called with a `mlpkit.plugin.Report` after every epoch; returning True stops.
    dtype : {'float32', 'float64'} or None, default=None
        Precision of weights and arithmetic; None follows X. 'float32' is the fast one.
    metrics : str, callable, Metric, list or dict of these, default=None
        Measured in every epoch, as in `mlpkit.evaluate`, into `metric_history_`. None is none,
        or the usual ones where another parameter or X_val asks to measure.
    partitions : str, int, Partitioner, or list of these, default=None
        The groups that metrics are measured by, as in `mlpkit.evaluate`; learned from the
        training rows.
    train_metrics : {'running', 'exact'}, default='running'
        Of training rows as their steps met them, for free; or by a pass behind each epoch.
    metrics_window : int, default=1000
        Rows of the sliding window of `partial_fit`, at least.
    early_stopping_on : str or callable, default=None
        What to stop early on instead of accuracy or R2, as "worst(recall, by='region')", or a
        function of the `PartitionReport` of the validation rows (higher is better).

    Attributes
    ----------
    coefs_, intercepts_ : lists of ndarray
        Weights (fan_in, fan_out) and biases (fan_out,) of each layer. Edits count: the next
        prediction or `partial_fit` starts from them.
    loss_, best_loss_ : float
        Training loss of the last epoch, and the least one (None with early stopping).
    loss_curve_ : list of float
        Training loss of each epoch: the mean over its steps, as they were met.
    validation_scores_, best_validation_score_ : list of float and float, or None
        Held-out R2 of each epoch, and the best, with early stopping.
    metric_history_ : MetricHistory
        `metrics` by epoch, split, partitioner and group; see `to_frame` and `plot`.
    n_iter_, t_ : int
        Epochs of the last call, and rows seen since the weights were drawn.
    n_layers_, n_outputs_, out_activation_ : int, int and str
        Layers with input and output, columns of the output, activation of the last layer.
    n_features_in_, feature_names_in_ : int and ndarray of str
        Columns of X, and their names if all are strings.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from mlpkit import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, scaled=True)
    >>> reg = MLPRegressor(hidden_layer_sizes=(16,), solver="lbfgs", alpha=10.0, tol=1e-3,
    ...                    max_iter=2000, random_state=0).fit(X * 20, y / 100)
    >>> reg.score(X * 20, y / 100) > 0.5
    True
    """

    _y_numeric = True

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str | Solver = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        backend: str | Backend | None = None,
        backend_options: dict[str, Any] | None = None,
        builder: str | Builder | None = None,
        builder_options: dict[str, Any] | None = None,
        solver_options: dict[str, Any] | None = None,
        trainer: str | Trainer | None = None,
        callbacks: "str | Callback | list[str | Callback] | None" = None,
        dtype: str | None = None,
        metrics: Any = None,
        partitions: Any = None,
        train_metrics: str = "running",
        metrics_window: int = 1000,
        early_stopping_on: Any = None,
    ) -> None:
        self._store(locals())

    def initialize(self, n_features: int, n_outputs: int = 1) -> Self:
        """Become fitted without training, with the weights that the builder makes."""
        with self._restored_on_failure():
            self._targets = Values(self.loss)
            return self._initialize(n_features, n_outputs)

    def _encoder(self, y: Any, incremental: bool) -> Values:
        return Values(self.loss)

    @available_if(lambda self: self._is_stochastic())  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, *, labels: Any = None) -> Self:
        """Make one pass over X and y, going on from the present weights and moments."""
        return self._train(Given(X, y, sample_weight), Beside(labels), incremental=True)

    def predict(self, X: Any) -> Array:
        """Predicted values, shape (n_samples,) or (n_samples, n_outputs)."""
        p = self._outputs(X)
        return self._targets.decode(p)  # type: ignore[no-any-return]
