"""MLPRegressor."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from mlpkit.data.row_sources import RowSource, dataset_of
from mlpkit.data.targets import RealTargets
from mlpkit.estimators.atomic import alter, snapshot
from mlpkit.estimators.base import BaseMLP
from mlpkit.estimators.calibration_rows import calibration_rows
from mlpkit.estimators.error_hints import with_hints
from mlpkit.estimators.passes_over_parts import partial_fit_parts, r2_of
from mlpkit.objectives.quantiles import DEFAULT, checked_quantiles
from mlpkit.plugin import Array, Backend, Builder, Schedule, Solver, Trainer
from mlpkit.training.fit_records import HeldOut
from mlpkit.training.parameters import Parameters

if TYPE_CHECKING:
    from mlpkit.calibration.conformal import ConformalIntervals


class MLPRegressor(RegressorMixin, BaseMLP):
    """Multilayer perceptron regressor with scikit-learn's interface and a choice of backends.

    This model minimizes a loss, by default the squared error, plus an L2 penalty. The
    parameters from `loss` to `max_fun` are those of `sklearn.neural_network.MLPRegressor` and
    give the same results.

    Parameters
    ----------
    loss : str, Loss or object, default='squared_error'
        The loss to minimize.

        - 'squared_error' is half the squared error.
        - 'absolute_error' is the absolute error, which predicts the median.
        - 'huber' is half the squared error for errors of at most ``delta``, and
          ``delta * (abs(y - p) - delta / 2)`` for larger ones. Set ``delta`` by
          ``loss_options={"delta": 1.0}``, which is the default.
        - 'quantile' is the pinball loss, ``q * (y - p)`` if ``y >= p`` and ``(1 - q) * (p - y)``
          otherwise, which predicts the quantile ``q``. Set ``q`` by
          ``loss_options={"quantile": 0.5}``, which is the default.
        - 'quantiles' is the mean of the pinball losses of several quantiles, which never cross.
          Set them by ``loss_options={"quantiles": (0.05, 0.5, 0.95)}``, which is the default.
          `predict` returns the one nearest to 0.5 or those that are requested, and the network
          has an output for each. One target is supported. Use it with `standardize_targets`,
          unless the standard deviation of y is about 1.
        - 'poisson' is half the Poisson deviance. The activation of the output layer is the
          exponential function, and ``y >= 0`` is required.

        The loss of several outputs is the sum over the outputs for 'poisson' and the mean over
        the outputs for the others. The gradient of 'squared_error' is that of the sum, as in
        scikit-learn. An `mlpkit.plugin.Loss` is also accepted, as is a loss of a framework for
        which a plugin is installed, as an object or by its name ('framework.name'). `score` and
        early stopping use R2 for every loss.

    hidden_layer_sizes : int or array-like of int, default=(100,)
        Number of units of each hidden layer. An int means one hidden layer, and ``()`` means no
        hidden layer.

    activation : str, or list or tuple of str, default='relu'
        Activation function of the hidden layers. A list gives one for each hidden layer.

        - 'identity' returns ``f(x) = x``.
        - 'logistic' returns ``f(x) = 1 / (1 + exp(-x))``.
        - 'tanh' returns ``f(x) = tanh(x)``.
        - 'relu' returns ``f(x) = max(0, x)``.
        - 'gelu' returns ``f(x) = x * Phi(x)``, where Phi is the exact distribution function of
          the standard normal distribution.
        - 'silu' (swish) returns ``f(x) = x / (1 + exp(-x))``.
        - 'selu' returns ``f(x) = 1.0507 * x`` if ``x > 0`` and ``1.7581 * (exp(x) - 1)``
          otherwise.
        - 'mish' returns ``f(x) = x * tanh(log(1 + exp(x)))``.
        - 'leaky_relu' returns ``f(x) = max(0.01 * x, x)``.

    solver : str or Solver, default='adam'
        The optimizer of the weights.

        - 'adam' is the stochastic gradient-based optimizer of Kingma and Ba (2015).
        - 'adamw' is 'adam' with decoupled weight decay (Loshchilov and Hutter, 2019): each step
          also subtracts ``learning_rate_init * weight_decay`` times the weight matrices before the
          step. Set the weight decay by ``solver_options={"weight_decay": 0.01}``. The L2 penalty
          is added as for every solver; ``alpha=0`` disables it.
        - 'sgd' is stochastic gradient descent with momentum.
        - 'lbfgs' is SciPy's L-BFGS-B, which uses all rows in each iteration. It often converges
          faster on small data sets.

        Installed plugins add further names. An `mlpkit.plugin.Solver` is also accepted, and
        plugins accept the optimizers of their framework.

    alpha : float, default=0.0001
        Strength of the L2 penalty ``alpha / 2 * sum(weights ** 2)``. The penalty is divided by the
        number of rows (by the sum of their weights) when it is added to the loss.

    batch_size : int or 'auto', default='auto'
        Number of rows of each step. 'auto' is ``min(200, n_samples)``. Ignored when
        ``solver='lbfgs'``.

    learning_rate : str or callable, default='constant'
        Schedule of the learning rate. These are scikit-learn's:

        - 'constant' is always `learning_rate_init`.
        - 'invscaling' is ``learning_rate_init / (t_ + 1) ** power_t`` after each epoch. Only used
          when ``solver='sgd'``.
        - 'adaptive' divides the learning rate by 5 when `n_iter_no_change` consecutive epochs did
          not improve the training loss (the validation score, with early stopping) by `tol`. Only
          used when ``solver='sgd'``.

        The other schedules multiply `learning_rate_init`, for every solver except 'lbfgs'. They
        span `max_iter` epochs, with a progress ``t`` from 0 to 1, so only early stopping ends
        training before. `partial_fit` has no planned end and uses `learning_rate_init`.

        - 'linear' is ``1 - t``.
        - 'cosine' is ``(1 + cos(pi * t)) / 2``.
        - 'coslog4' is ``(1 - cos(2 * pi * log2(1 + 15 * t))) / 2``.
        - 'flat_cosine' is 1 until ``t = 1 / 2``, and then ``(1 + cos(pi * (2 * t - 1))) / 2``.
        - 'warmup_cosine' rises from 0 to 1 in the first 5 percent, and is a cosine after that.
        - A function receives an array of the ``t`` of each step and returns the factors.

    learning_rate_init : float, default=0.001
        The initial learning rate, which controls the step size. Ignored when
        ``solver='lbfgs'``.

    power_t : float, default=0.5
        Exponent of the schedule 'invscaling'. Only used when ``solver='sgd'``.

    max_iter : int, default=200
        Maximum number of epochs, or of iterations when ``solver='lbfgs'``. An epoch uses each
        row once.

    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch. Ignored when ``solver='lbfgs'``.

    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the split for early stopping, the order of the rows and
        the dropout masks. An int gives reproducible results, which are the same on every
        backend. None uses the global generator of NumPy, which ``np.random.seed`` seeds.

    tol : float, default=1e-4
        Tolerance of the optimization. Training stops when the loss (the validation score, with
        early stopping) does not improve by at least `tol` for `n_iter_no_change` consecutive
        epochs, unless ``learning_rate='adaptive'``. When ``solver='lbfgs'``, it is the largest
        entry of the gradient at which training stops (``gtol`` of SciPy).

    verbose : bool, default=False
        Whether to show the progress of training. It prints the lines that scikit-learn prints,
        with the values of `metrics` and `early_stopping_on`. In a terminal it shows a progress
        bar instead if tqdm is installed.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of the previous call instead of new initial
        weights.

    momentum : float, default=0.9
        Momentum of gradient descent, between 0 and 1. Only used when ``solver='sgd'``.

    nesterovs_momentum : bool, default=True
        Whether to use Nesterov's momentum. Only used when ``solver='sgd'`` and ``momentum > 0``.

    early_stopping : bool, default=False
        Whether to stop training when the validation score stops improving. The validation set
        is `X_val` and `y_val` if they are passed to `fit`; otherwise, `validation_fraction` of
        the training rows is set aside. Training stops when the score (accuracy of a classifier,
        R2 of a regressor) does not improve by at least `tol` for `n_iter_no_change` consecutive
        epochs. The weights of the best epoch are kept. Ignored when ``solver='lbfgs'``, and not
        supported by `partial_fit`.

    validation_fraction : float, default=0.1
        Fraction of the training rows that is set aside as validation set for early stopping, in
        [0, 1). Ignored if `X_val` is passed to `fit`.

    beta_1 : float, default=0.9
        Decay rate of the first moments, in [0, 1). Only used when ``solver`` is 'adam' or 'adamw'.

    beta_2 : float, default=0.999
        Decay rate of the second moments, in [0, 1). Only used when ``solver`` is 'adam' or 'adamw'.

    epsilon : float, default=1e-8
        Constant that is added to the denominator for numerical stability. Only used when
        ``solver`` is 'adam' or 'adamw'.

    n_iter_no_change : int or inf, default=10
        Number of consecutive epochs without an improvement of at least `tol` before training
        stops. Ignored when ``solver='lbfgs'``.

    max_fun : int, default=15000
        Maximum number of evaluations of the loss. Only used when ``solver='lbfgs'``.

    backend : str, callable or None, default=None
        The compute backend: 'numpy' or the name of an installed backend (``mlpkit plugins``
        lists them). If None, the value of the environment variable ``MLPKIT_BACKEND`` is used
        if it is set, and 'numpy' otherwise.

    backend_options : dict or None, default=None
        Options of the backend, by name. `set_params` sets a single one as ``backend__name``.

    builder : str, callable or None, default=None
        The network builder: the name of an installed builder, or a function of a
        `mlpkit.plugin.Spec` that returns the network. None is 'dense', which builds the fully
        connected layers that `hidden_layer_sizes` and `activation` describe.

    builder_options : dict or None, default=None
        Options of the builder, by name. `set_params` sets a single one as ``builder__name``.

    encoder : str, Encoder, transformer or None, default=None
        What turns rows of a table into numbers, so that X may be a dataframe of pandas, polars
        or pyarrow, or an array of objects, as the encoder accepts it: the name of an installed
        encoder, an `mlpkit.plugin.Encoder`, or a transformer of scikit-learn such as a
        `sklearn.compose.ColumnTransformer`. `fit` fits it, or a clone of it, on the training
        rows. `partial_fit` fits it on the first rows, unless it is a fitted object, which is
        used as it is. Evaluation sets and the rows to predict are encoded, too. None means that
        X contains numbers.

    encoder_options : dict or None, default=None
        Options of an encoder that is given by name. `set_params` sets a single one as
        ``encoder__name``; for a transformer, that is its parameter of this name.

    solver_options : dict or None, default=None
        Options of a solver that is given by name. `set_params` sets a single one as
        ``solver__name``.

    loss_options : dict or None, default=None
        Options of a loss that is given by name. `set_params` sets a single one as
        ``loss__name``.

    dropout : float, or list or tuple of float, default=0.0
        Fraction of the units of each hidden layer, in [0, 1), that each training step drops at
        random, independently for each row. A list gives one fraction for each hidden layer. The
        other units are scaled by ``1 / (1 - dropout)``. Predictions use all units. The masks
        depend on `random_state` and are the same on every backend. `loss_curve_` and running
        metrics are measured with dropout. Not supported when ``solver='lbfgs'``. Only used by
        the builder 'dense'; other builders have their own options.

    weight_decay_schedule : str, callable or None, default=None
        Schedule of the weight decay of the solver, which multiplies `weight_decay`: one of the
        names that `learning_rate` has besides those of scikit-learn, or a function. None is
        constant. Only used when ``solver='adamw'`` or another solver has a weight decay.

    dropout_schedule : str, callable or None, default=None
        Schedule of dropout, which multiplies the fractions `dropout` and those of other builders.
        It is specified like `weight_decay_schedule`; a function returns numbers from 0 to 1.

    max_gradient_norm : float or None, default=None
        Largest Euclidean norm of the gradient of a step over all weights: a longer gradient, with
        that of the L2 penalty, is scaled down to it. None means no limit. Ignored when
        ``solver='lbfgs'``.

    average_decay : float or None, default=None
        Decay of an exponential moving average of the weights over the steps, in [0, 1), such as
        0.999. The average replaces the weights for validation scores, metrics and callbacks, and
        after training. Its bias in the first steps is corrected. None means no average. Ignored
        when ``solver='lbfgs'``, and not supported by `partial_fit`.

    trainer : str, callable or None, default=None
        The training loop: a name or an `mlpkit.plugin.Trainer`. None selects the loop that the
        solver needs.

    callbacks : str, callable or list of these, default=None
        Functions that are called with an `mlpkit.plugin.Report` after each epoch. Training stops
        if one of them returns True. If one returns a float, it becomes the learning rate.
        Installed callbacks are given by name: 'print' prints a line for each epoch, and
        'progress' shows a progress bar in notebooks and terminals and prints at most one line
        per second elsewhere.

    dtype : {'float32', 'float64'} or None, default=None
        Precision of the weights and of all computations. None is the dtype of X. 'float32' is
        faster.

    metrics : str, callable, Metric, list or dict of these, default=None
        Metrics that are measured after each epoch and stored in `metric_history_`. They are
        specified as in `mlpkit.evaluate`. If None, the default metrics of the task are measured
        if `X_val`, `eval_sets`, `partitions` or `early_stopping_on` is given, and no metrics
        otherwise.

    partitions : str, int, Partitioner or list of these, default=None
        The groups of rows for which the metrics are measured, specified as in `mlpkit.evaluate`.
        The groups are fitted on the training rows.

    train_metrics : {'running', 'exact'}, default='running'
        How the metrics of the training rows are measured.

        - 'running' uses the predictions that are computed in the forward pass of each step,
          which costs nothing.
        - 'exact' predicts all training rows after each epoch.

    metrics_window : int, default=1000
        Minimum number of rows of the sliding window over which `partial_fit` measures metrics.

    early_stopping_on : str, callable or None, default=None
        The quantity that early stopping monitors instead of accuracy or R2: "loss", which is the
        loss of the network without the penalty, a metric such as ``"log_loss"``, a comparison of
        groups such as ``"worst(mae, by='region')"``, or a function of the `PartitionReport` of the
        validation set, where a higher result is better. Setting it enables early stopping.

    n_folds : int or None, default=None
        Number of models that are trained side by side, each with another part of the rows held
        out for its early stopping. Predictions are averaged over the models. The builder must
        support several models, as those of mlpkit-tabular do. None trains one model.

    checkpoint : str, path-like or None, default=None
        The file in which `fit` saves its progress, so that it can continue after it was killed. If
        the file exists, `fit` continues from it with the same result as if it had not stopped, and
        returns at once if that fit was complete. Raises ValueError if the file belongs to other
        data or parameters. None saves nothing. Not supported by `partial_fit`.

    checkpoint_every : int, default=1
        Number of epochs after which the file is written again. Ignored if ``checkpoint=None``.

    time_limit : float or None, default=None
        Maximum duration of `fit` in seconds. Training ends before an epoch that would take longer,
        with a warning. None means no limit. Not supported by `partial_fit`.

    standardize_targets : bool, default=False
        Whether the network is trained on ``(y - mean) / standard_deviation``. Both are computed for
        each output from the weighted rows of the first fit, and are kept by `partial_fit` and by
        a warm start. Constant outputs have the standard deviation 1. Predictions, scores and
        metrics are in the units of y; `loss_`, `loss_curve_`, `coefs_` and `intercepts_` are those
        of the standardized targets. Not supported with ``loss='poisson'``.

    clip_predictions : bool, default=False
        Whether predictions are clipped to the range of the targets of all rows that were passed to
        `fit` or `partial_fit`, for each output.

    Attributes
    ----------
    coefs_ : list of ndarray
        The weight matrix of each layer, of shape (fan_in, fan_out). The matrices can be replaced
        or changed in place; the next prediction or training uses the new values. Only available
        for the dense network.

    intercepts_ : list of ndarray
        The bias vector of each layer, of shape (fan_out,). It can be changed like `coefs_`.

    loss_ : float
        Training loss of the last epoch.

    best_loss_ : float or None
        The lowest training loss of all epochs. None with early stopping.

    loss_curve_ : list of float
        Training loss of each epoch: the mean over the rows, computed in the forward passes.

    validation_scores_ : list of float or None
        Validation score of each epoch: accuracy of a classifier, R2 of a regressor, or the value
        of `early_stopping_on`, negated if lower is better. None without early stopping.

    best_validation_score_ : float or None
        The best validation score. None without early stopping.

    metric_history_ : MetricHistory
        The values of `metrics` by epoch, evaluation set, partitioner and group.

    n_iter_ : int
        Number of epochs (iterations when ``solver='lbfgs'``) of the last call.

    t_ : int
        Number of training rows that were used since the weights were initialized. Each row is
        counted once per epoch.

    n_layers_ : int
        Number of layers, including the input and the output layer.

    oof_predictions_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Out-of-fold predictions of the training rows: those of the models that were not trained on
        the row. Defined only with `n_folds`.

    n_outputs_ : int
        Number of outputs of the network.

    out_activation_ : str
        Activation function of the output layer.

    encoder_ : object
        The fitted encoder. Defined only with `encoder`.

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
    _sklearn_class = "MLPRegressor"
    _intervals: "ConformalIntervals"

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str | Solver = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: "str | Schedule" = "constant",
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
        encoder: Any = None,
        encoder_options: dict[str, Any] | None = None,
        solver_options: dict[str, Any] | None = None,
        loss_options: dict[str, Any] | None = None,
        dropout: float | Sequence[float] = 0.0,
        weight_decay_schedule: "str | Schedule | None" = None,
        dropout_schedule: "str | Schedule | None" = None,
        max_gradient_norm: float | None = None,
        average_decay: float | None = None,
        trainer: str | Trainer | None = None,
        callbacks: Any = None,
        dtype: str | None = None,
        metrics: Any = None,
        partitions: Any = None,
        train_metrics: str = "running",
        metrics_window: int = 1000,
        early_stopping_on: Any = None,
        n_folds: int | None = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 1,
        time_limit: float | None = None,
        standardize_targets: bool = False,
        clip_predictions: bool = False,
    ) -> None:
        self._store(locals())

    def initialize(self, n_features: int, n_outputs: int = 1) -> Self:
        """Initialize the network without training.

        The estimator is fitted afterwards: it predicts with the initial weights, and
        `partial_fit` continues from them.

        Parameters
        ----------
        n_features : int
            Number of features.
        n_outputs : int, default=1
            Number of targets.

        Returns
        -------
        self : MLPRegressor
            The fitted estimator.
        """

        def work(draft: Self) -> None:
            draft._targets = draft._new_targets()
            n_network_outputs = draft._targets.n_network_outputs(np.empty((0, n_outputs)))
            draft._initialize(n_features, n_network_outputs)

        return alter(self, work)

    def _fitted_targets(
        self, y: Any, w: Array | None, incremental: bool
    ) -> tuple[RealTargets, Array]:
        earlier = vars(self).get("_targets") if incremental or self.warm_start else None
        targets = self._new_targets().learned(y, w, earlier)
        return targets, targets.encode(y)

    def _chosen_loss(self) -> tuple[Any, dict[str, Any] | None]:
        """The loss and its options; a subclass may choose them by other parameters."""
        return self.loss, self.loss_options

    def _parameters_of(self, values: dict[str, Any]) -> Parameters:
        loss, options = self._chosen_loss()
        return replace(super()._parameters_of(values), loss=loss, loss_options=options)

    def _new_targets(self) -> RealTargets:
        loss, options = self._chosen_loss()
        quantiles = None
        if isinstance(loss, str) and loss == "quantiles":
            given = (options or {}).get("quantiles", DEFAULT)
            quantiles = checked_quantiles(given, "loss='quantiles': quantiles")
        return RealTargets(loss, self.standardize_targets, self.clip_predictions, quantiles)

    @available_if(lambda self: self._is_stochastic())  # type: ignore[untyped-decorator]
    @with_hints
    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, labels: Any = None
    ) -> Self:
        """Update the model with one pass over the given rows.

        Training continues from the present weights and optimizer state. If `metrics` are
        measured, each chunk is predicted before the model is updated with it: `metric_history_`
        has the values over all rows so far ("prequential") and over the last rows ("window").

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows, any number of them.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Target values.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Non-negative weights of the rows.
        labels : dict or dataframe of columns of shape (n_samples,) or None, default=None
            Columns that are not in X, by which ``by_labels("name")`` groups the rows.

        Returns
        -------
        self : MLPRegressor
            The updated estimator.
        """
        if isinstance(X, RowSource):
            return partial_fit_parts(self, X, (y, sample_weight, labels))
        rows = dataset_of(X, y, sample_weight, labels)
        return self._fit_atomically(
            lambda draft, tasks: draft._fit(rows, {}, tasks, incremental=True)
        )

    def _presented(self, outputs: Array) -> Array:
        return self._targets.decode(self._targets.predictions(outputs))

    def predict(self, X: Any, *, quantiles: Any = None) -> Array:
        """Predict the target values.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.
        quantiles : float, array-like of float or None, default=None
            The quantiles to predict, in (0, 1), after training with ``loss='quantiles'``. They
            are interpolated between those of the loss, as if the predicted distribution were
            normal in between, and must not be below the lowest or above the highest of them. None
            predicts the quantile of the loss that is nearest to 0.5.

        Returns
        -------
        y : ndarray of shape (n_samples,), (n_samples, n_outputs) or (n_samples, n_quantiles)
            The predicted values. A list of quantiles gives one column for each, in its order.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from mlpkit import MLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> reg = MLPRegressor("quantiles", loss_options={"quantiles": (0.05, 0.5, 0.95)},
        ...                    standardize_targets=True, early_stopping_on="loss",
        ...                    learning_rate_init=0.01, random_state=0).fit(X * 20, y)
        >>> low, high = reg.predict(X * 20, quantiles=(0.1, 0.9)).T
        >>> bool((low < high).all())
        True
        """
        estimator = snapshot(self)
        if quantiles is None:
            return estimator._presented(estimator._outputs(X))
        outputs, targets = estimator._outputs(X), estimator._targets
        if targets.quantiles is None:
            raise ValueError(
                "predict(X, quantiles=...) requires loss='quantiles', but the estimator was fitted"
                " with another loss. Fit it with loss='quantiles' and, for example,"
                " loss_options={'quantiles': (0.05, 0.5, 0.95)}."
            )
        checked_quantiles(quantiles, "quantiles")
        requested = np.ravel(quantiles).astype(float)
        values = targets.quantile_predictions(outputs, requested)
        return values[:, 0] if np.ndim(quantiles) == 0 else values

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Return the coefficient of determination R2 of the predictions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows, or an `mlpkit.scan` of files with their targets and weights.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true values.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the rows.

        Returns
        -------
        score : float
        """
        return r2_of(self, X, y, sample_weight, super().score)

    def calibrate(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Calibrate `predict_interval` on rows that the estimator was not trained on.

        It replaces the calibration on the rows that `fit` held out. A further call of `fit` or
        `partial_fit` removes it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows that were not trained on.
        y : array-like of shape (n_samples,)
            Target values.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Non-negative weights of the rows.

        Returns
        -------
        self : MLPRegressor
            The calibrated estimator.
        """

        def work(draft: Self) -> None:
            if draft._targets.n_outputs != 1:
                raise ValueError(
                    f"Prediction intervals support one target, got {draft._targets.n_outputs}. Fit"
                    " an estimator for each target."
                )
            draft._set_intervals(calibration_rows(draft, X, y, sample_weight))

        check_is_fitted(self)
        return alter(self, work)

    @available_if(lambda self: self._has_intervals())  # type: ignore[untyped-decorator]
    def predict_interval(self, X: Any, coverage: float = 0.9) -> Array:
        """Predict intervals that contain the target with a given probability.

        Split conformal prediction: the absolute errors of rows that were not trained on determine
        the width, or with ``loss='quantiles'`` how far the predicted quantiles are moved. These
        rows are the validation set, the rows that early stopping held out, all rows with
        `n_folds`, or those that were passed to `calibrate`. The probability holds on average over
        all rows that are drawn like these, not for each group of rows;
        ``evaluate(..., metrics="interval_coverage", partitions=...)`` measures groups.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows to predict.
        coverage : float, default=0.9
            The probability that an interval contains the target, in (0, 1).

        Returns
        -------
        intervals : ndarray of shape (n_samples, 2)
            Lower and upper bounds.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from mlpkit import MLPRegressor
        >>> X, y = load_diabetes(return_X_y=True)
        >>> reg = MLPRegressor(standardize_targets=True, early_stopping=True,
        ...                    validation_fraction=0.3, random_state=0).fit(X * 20, y)
        >>> low, high = reg.predict_interval(X * 20, coverage=0.8).T
        >>> bool(0.7 < ((low <= y) & (y <= high)).mean() < 0.9)
        True
        """
        estimator = snapshot(self)
        values = estimator._interval_values(estimator._outputs(X))
        return estimator._intervals.bounds(values, coverage)

    def _has_intervals(self) -> bool:
        """Return True, or raise AttributeError that says how to get calibrated intervals."""
        if "_intervals" not in vars(self):
            raise AttributeError(
                "predict_interval requires rows that were not trained on. Fit one target with"
                " early_stopping=True, early_stopping_on, X_val or n_folds, or call"
                " calibrate(X, y) after fit."
            )
        return True

    def _interval_values(self, outputs: Array) -> Array:
        """Predictions of one value or of all quantiles of the loss, (n, k)."""
        targets = self._targets
        if targets.quantiles is None:
            return targets.predictions(outputs)
        return targets.quantile_predictions(outputs)

    def _set_intervals(self, held_out: HeldOut) -> None:
        rows, values = held_out.rows, self._interval_values(held_out.outputs)
        quantiles = self._targets.quantiles
        from mlpkit.calibration.conformal import ConformalIntervals

        self._intervals = ConformalIntervals.of(rows.y[:, 0], values, rows.sample_weight, quantiles)

    def _uses_held_out(self, parameters: Parameters) -> bool:
        return True

    def _keep_held_out(self, held_out: HeldOut | None, incremental: bool) -> None:
        super()._keep_held_out(held_out, incremental)
        if held_out is not None and self._targets.n_outputs == 1:
            self._set_intervals(held_out)
