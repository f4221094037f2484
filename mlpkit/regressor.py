"""MLPRegressor."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if

from mlpkit.advice import advised
from mlpkit.base import BaseMLP
from mlpkit.monitoring.beside import Beside, Given
from mlpkit.plugin import Array, Backend, Builder, Callback, Solver, Trainer
from mlpkit.targets import Values


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
    """Multilayer perceptron regressor with scikit-learn's interface, on the backend of choice.

    It minimises a loss plus an L2 penalty. The parameters from `loss` to `max_fun` are those of
    `sklearn.neural_network.MLPRegressor` and give the same results.

    Parameters
    ----------
    loss : str, Loss or object, default='squared_error'
        The loss to minimise.

        - 'squared_error' is half the squared error.
        - 'absolute_error' is the absolute error, which is least at the median.
        - 'huber' is half the squared error for errors up to ``delta``, and
          ``delta * (abs(y - p) - delta / 2)`` beyond. ``loss_options={"delta": 1.0}``.
        - 'quantile' is the pinball loss, ``q * (y - p)`` if ``y >= p`` and ``(1 - q) * (p - y)``
          otherwise, which is least at the quantile ``q``. ``loss_options={"quantile": 0.5}``.
        - 'poisson' is half the Poisson deviance; the output is an exponential and ``y >= 0`` is
          required.

        For several outputs, it is the sum over outputs for 'poisson' and the mean over outputs
        for the others; the gradient of 'squared_error' is that of the sum, as in scikit-learn.
        A `mlpkit.plugin.Loss` is used as it is. A loss of a framework for which a plugin is
        installed is given as an object or by its name ('framework.name'). `score` and early
        stopping use R2 whatever the loss is.

    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units of each hidden layer. An int is one hidden layer, ``()`` is none.

    activation : str, or list or tuple of str, default='relu'
        Activation function of the hidden layers; a list has one for each hidden layer.

        - 'identity' returns ``f(x) = x``.
        - 'logistic' returns ``f(x) = 1 / (1 + exp(-x))``.
        - 'tanh' returns ``f(x) = tanh(x)``.
        - 'relu' returns ``f(x) = max(0, x)``.
        - 'gelu' returns ``f(x) = x * Phi(x)``, with the normal distribution function Phi (not its
          approximation).
        - 'silu' (swish) returns ``f(x) = x / (1 + exp(-x))``.
        - 'selu' returns ``f(x) = 1.0507 * x`` if ``x > 0`` and ``1.7581 * (exp(x) - 1)``
          otherwise.
        - 'mish' returns ``f(x) = x * tanh(log(1 + exp(x)))``.
        - 'leaky_relu' returns ``f(x) = max(0.01 * x, x)``.

    solver : str or Solver, default='adam'
        The optimizer of the weights.

        - 'adam' is the stochastic optimizer of Kingma and Ba, with adaptive moments.
        - 'adamw' is 'adam' with decoupled weight decay (Loshchilov and Hutter, 2019): each step
          multiplies the weight matrices by ``1 - learning_rate_init * weight_decay``.
          ``solver_options={"weight_decay": 0.01}``. The L2 penalty is added as with every
          solver; ``alpha=0`` leaves it out.
        - 'sgd' is stochastic gradient descent with momentum.
        - 'lbfgs' is SciPy's L-BFGS-B, which uses all rows in each iteration. It often converges
          faster on small data sets.

        Other names come from installed plugins. A `mlpkit.plugin.Solver` is used as it is, and
        plugins accept optimizers of their framework.

    alpha : float, default=0.0001
        Strength of the L2 penalty ``alpha / 2 * sum(weights ** 2)``. The penalty is divided by the
        number of rows (by the sum of their weights) when it is added to the loss.

    batch_size : int or 'auto', default='auto'
        Number of rows of each step. 'auto' is ``min(200, n_samples)``. Ignored when
        ``solver='lbfgs'``.

    learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
        Schedule of the learning rate.

        - 'constant' is `learning_rate_init` throughout.
        - 'invscaling' is ``learning_rate_init / (t_ + 1) ** power_t`` after each epoch.
        - 'adaptive' divides the learning rate by 5 when `n_iter_no_change` consecutive epochs did
          not improve the training loss (the validation score, with early stopping) by `tol`.

        Only used when ``solver='sgd'``.

    learning_rate_init : float, default=0.001
        The initial learning rate, which scales the steps. Ignored when ``solver='lbfgs'``.

    power_t : float, default=0.5
        Exponent of the schedule 'invscaling'. Only used when ``solver='sgd'``.

    max_iter : int, default=200
        Maximum number of epochs; of iterations when ``solver='lbfgs'``. An epoch uses each row
        once.

    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch. Ignored when ``solver='lbfgs'``.

    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the split for early stopping, the order of the rows and
        dropout. An int gives the same numbers in every call and on every backend; None draws
        from the global generator of NumPy, which ``np.random.seed`` seeds.

    tol : float, default=1e-4
        Tolerance of the optimization. Training stops when the loss (the validation score, with
        early stopping) does not improve by at least `tol` for `n_iter_no_change` consecutive
        epochs, unless ``learning_rate='adaptive'``. When ``solver='lbfgs'``, it is the largest
        entry of the gradient at which training stops (``gtol`` of SciPy).

    verbose : bool, default=False
        Whether to show the progress of training: the lines that scikit-learn prints, with
        `metrics` and the value of `early_stopping_on`; on a terminal a bar, if tqdm is installed.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of the previous call instead of new ones.

    momentum : float, default=0.9
        Momentum of gradient descent, between 0 and 1. Only used when ``solver='sgd'``.

    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum. Only used when ``solver='sgd'`` and ``momentum > 0``.

    early_stopping : bool, default=False
        Whether to stop training when the validation score stops improving. `validation_fraction`
        of the training rows are set aside, unless `fit` is given `X_val` and `y_val`. Training
        stops when their score (accuracy of a classifier, R2 of a regressor) does not improve by at
        least `tol` for `n_iter_no_change` consecutive epochs. The weights of the best epoch are
        kept. Ignored when ``solver='lbfgs'``, and not supported by `partial_fit`.

    validation_fraction : float, default=0.1
        Fraction of the training rows that is set aside as validation set for early stopping, in
        [0, 1). Ignored when `fit` is given `X_val`.

    beta_1 : float, default=0.9
        Decay rate of the first moments, in [0, 1). Only used when ``solver`` is 'adam' or 'adamw'.

    beta_2 : float, default=0.999
        Decay rate of the second moments, in [0, 1). Only used when ``solver`` is 'adam' or 'adamw'.

    epsilon : float, default=1e-8
        Constant in the denominator, for numerical stability. Only used when ``solver`` is 'adam'
        or 'adamw'.

    n_iter_no_change : int or inf, default=10
        Number of consecutive epochs without an improvement of at least `tol` before training
        stops. Ignored when ``solver='lbfgs'``.

    max_fun : int, default=15000
        Maximum number of evaluations of the loss. Only used when ``solver='lbfgs'``.

    backend : str, callable or None, default=None
        The library that computes: 'numpy' or the name of an installed backend
        (``mlpkit plugins`` lists them). None is the environment variable ``MLPKIT_BACKEND`` if it
        is set, and 'numpy' otherwise.

    backend_options : dict or None, default=None
        Options of the backend. ``backend__name`` sets one of them in `set_params`.

    builder : str, callable or None, default=None
        The function that builds the network: the name of an installed builder, or a function of a
        `mlpkit.plugin.Spec`. None is 'dense', the network of fully connected layers that
        `hidden_layer_sizes` and `activation` describe.

    builder_options : dict or None, default=None
        Options of the builder. ``builder__name`` sets one of them in `set_params`.

    solver_options : dict or None, default=None
        Options of a solver that is given by name. ``solver__name`` sets one of them in
        `set_params`.

    loss_options : dict or None, default=None
        Options of a loss that is given by name. ``loss__name`` sets one of them in
        `set_params`.

    dropout : float, or list or tuple of float, default=0.0
        Fraction of the units of each hidden layer, in [0, 1), that a training step leaves out at
        random, each row others; a list has one for each hidden layer. The units that are kept
        are scaled by ``1 / (1 - dropout)``, and predictions use all of them. The masks depend on
        `random_state` and are the same on every backend. `loss_curve_` and running metrics are
        measured with dropout. Not supported with ``solver='lbfgs'``; other builders than 'dense'
        have options of their own.

    trainer : str, callable or None, default=None
        The training loop: a name or a `mlpkit.plugin.Trainer`. None is the loop that the solver
        needs.

    callbacks : str, callable or list of these, default=None
        Functions that are called with a `mlpkit.plugin.Report` after each epoch. Training stops if
        one returns True; a float becomes the learning rate. Names are those of installed
        callbacks: 'print' prints each epoch, 'progress' draws a bar in notebooks and on
        terminals and prints at most a line a second elsewhere.

    dtype : {'float32', 'float64'} or None, default=None
        Precision of weights and arithmetic. None is the dtype of X. 'float32' is faster.

    metrics : str, callable, Metric, list or dict of these, default=None
        Metrics that are measured after each epoch and kept in `metric_history_`. They are given as
        in `mlpkit.evaluate`. If None, nothing is measured unless `X_val`, `eval_sets`,
        `partitions` or `early_stopping_on` is given; then the usual metrics of the task are.

    partitions : str, int, Partitioner or list of these, default=None
        The groups of rows that the metrics are measured by, given as in `mlpkit.evaluate`. The
        groups are learned from the training rows.

    train_metrics : {'running', 'exact'}, default='running'
        How the metrics of the training rows are measured.

        - 'running' uses the predictions that each step makes before its update, at no cost.
        - 'exact' predicts all training rows after each epoch.

    metrics_window : int, default=1000
        Minimum number of rows of the sliding window over which `partial_fit` measures metrics.

    early_stopping_on : str, callable or None, default=None
        What early stopping looks at instead of accuracy or R2: a metric such as ``"log_loss"``, a
        comparison of groups such as ``"worst(mae, by='region')"``, or a function of the
        `PartitionReport` of the validation rows, whose result is better when it is higher. It turns
        early stopping on.

    Attributes
    ----------
    coefs_ : list of ndarray
        The weights of each layer, of shape (fan_in, fan_out). The next prediction or training
        starts from the values that these arrays have then. Only available for the dense network.

    intercepts_ : list of ndarray
        The biases of each layer, of shape (fan_out,), likewise.

    loss_ : float
        Training loss of the last epoch.

    best_loss_ : float or None
        The least training loss of an epoch. None with early stopping.

    loss_curve_ : list of float
        Training loss of each epoch: the mean of the losses of its steps.

    validation_scores_ : list of float or None
        Validation score of each epoch: accuracy of a classifier, R2 of a regressor, or what
        `early_stopping_on` says, where higher is better. None without early stopping.

    best_validation_score_ : float or None
        The best validation score. None without early stopping.

    metric_history_ : MetricHistory
        The values of `metrics` by epoch, set of rows, partitioner and group.

    n_iter_ : int
        Number of epochs (iterations when ``solver='lbfgs'``) of the last call.

    t_ : int
        Number of training rows that were used since the weights were initialized, each counted
        once per epoch.

    n_layers_ : int
        Number of layers, including the input and the output layer.

    n_outputs_ : int
        Number of outputs of the network.

    out_activation_ : str
        Activation function of the output layer.

    n_features_in_ : int
        Number of features of X.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features. Defined only when X has feature names that are all strings.

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
        activation: str | Sequence[str] = "relu",
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
        loss_options: dict[str, Any] | None = None,
        dropout: float | Sequence[float] = 0.0,
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

        def work(draft: Self) -> None:
            draft._targets = Values(draft.loss)
            draft._initialize(n_features, n_outputs)

        return self._alter(work)

    def _encoder(self, y: Any, incremental: bool) -> Values:
        return Values(self.loss)

    @available_if(lambda self: self._is_stochastic())  # type: ignore[untyped-decorator]
    @advised
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, *, labels: Any = None) -> Self:
        """Make one pass over X and y, going on from the present weights and moments."""
        given, beside = Given(X, y, sample_weight), Beside(labels)
        return self._train_by(lambda draft, tasks: draft._train(given, beside, True, tasks))

    def predict(self, X: Any) -> Array:
        """Predicted values, shape (n_samples,) or (n_samples, n_outputs)."""
        now = self._snapshot()
        p = now._outputs(X)
        return now._targets.decode(p)  # type: ignore[no-any-return]
