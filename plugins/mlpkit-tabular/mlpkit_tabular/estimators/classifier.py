"""TabularClassifier."""

from os import PathLike
from typing import Any

import numpy as np

from mlpkit import MLPClassifier
from mlpkit.plugin import Backend, Builder, Schedule, Solver, Trainer
from mlpkit_tabular.estimators.base import CONSTRAINTS, TabularMLP


class TabularClassifier(TabularMLP, MLPClassifier):
    """Classifier of raw tables, which may contain strings, categories, dates and missing values.

    This is an `mlpkit.MLPClassifier` with an encoder of tables, a network for their columns, and
    defaults that were chosen for tables.

    Parameters
    ----------
    hidden_layer_sizes : int, array-like of int or 'auto', default='auto'
        Number of units of each hidden layer. 'auto' is ``(96, 96)`` below 10,000 training rows,
        and ``(192, 192)`` otherwise.

    activation : str, or list or tuple of str, default='relu'
        Activation function of the hidden layers, one of those of `mlpkit.MLPClassifier`.

    n_members : int or 'auto', default='auto'
        Number of members of the ensemble inside a network with the builder 'tabm': networks that
        share most of their weights, whose predictions are averaged. 'auto' is 16 from 3,000 to
        10,000 training rows and 8 otherwise. Ignored with another builder.

    n_folds : int, None or 'auto', default='auto'
        Number of networks that are trained side by side, each with another part of the rows held
        out for its early stopping. Their predictions are averaged. None trains one network, with
        `validation_fraction` of the rows held out. 'auto' is 4 below 10,000 training rows, and
        None otherwise or if `X_val` is passed. Ignored by `partial_fit`, which trains one network
        or continues all fitted ones.

    dropout : float, list or tuple of float, or 'auto', default='auto'
        Fraction of the units that a training step drops in each hidden layer. 'auto' is 0.4
        below 10,000 training rows and 0.15 otherwise.

    weight_decay : float or 'auto', default='auto'
        Strength of the decoupled weight decay of the solver 'adamw'. 'auto' is 1.0 below 10,000
        training rows and 0.1 otherwise. Ignored with another solver.

    learning_rate : str or callable, default='warmup_cosine'
        Schedule of the learning rate in a cycle: 'constant', 'cosine', 'coslog4', 'flat_cosine',
        'linear', 'warmup_cosine' or a function of the progress from 0 to 1, see
        `mlpkit.schedules`. Ignored by `partial_fit`.

    learning_rate_init : float, default=0.01
        The highest learning rate of a cycle.

    batch_size : int or 'auto', default='auto'
        Number of rows of each step. 'auto' is 128 for up to 20,000 rows, 256 for up to 100,000 and
        512 for more.

    max_iter : int, default=1000
        Maximum number of epochs.

    validation_fraction : float, default=0.15
        Fraction of the training rows that is held out for early stopping with ``n_folds=None``.
        Ignored if `X_val` is passed.

    early_stopping_on : str, callable or None, default='loss'
        The quantity by which the best epoch is chosen; see `mlpkit.MLPClassifier`.

    encoder : str, Encoder, transformer or None, default='tabular'
        Encodes the rows of the table as numbers. 'tabular' is `TabularEncoder`. With None, the
        rows must be numbers.

    encoder_options : dict or None, default=None
        Options of the encoder.

    builder : str or callable, default='tabm'
        The network: 'tabm', 'realmlp', 'resnet', or another builder.

    builder_options : dict or None, default=None
        Options of the builder.

    backend : str, callable or None, default=None
        The backend that trains: 'jax', 'tensorflow', 'torch', or another one that differentiates.
        None is the environment variable ``MLPKIT_BACKEND`` if it is set, or else 'jax'.

    backend_options : dict or None, default=None
        Options of the backend, such as ``{"device": "gpu"}``.

    solver : str or Solver, default='adamw'
        The optimizer of the weights.

    solver_options : dict or None, default=None
        Options of the solver, in addition to `weight_decay`.

    beta_1, beta_2 : float, default=0.9 and 0.95
        Decay rates of the first and the second moment of 'adam' and 'adamw'.

    trainer : str or callable, default='cycles'
        The training loop. 'cycles' is `mlpkit.Cycles`, with ``max_cycles=3`` below 3,000 training
        rows.

    loss : str, Loss or None, default=None
        The loss; see `mlpkit.MLPClassifier`.

    loss_options : dict or None, default=None
        Options of the loss.

    max_gradient_norm : float or None, default=None
        Largest norm of the mean gradient of a step; a longer gradient is scaled down.

    metrics, partitions : object, default=None
        Metrics that are measured after each epoch, and groups of rows, such as raw columns, for
        which they are measured; see `mlpkit.MLPClassifier`.

    callbacks : object, default=None
        Functions that are called after each epoch; see `mlpkit.MLPClassifier`.

    temperature_scaling : bool, default=True
        Whether probabilities are calibrated on the rows that are held out, if that lowers their
        log-loss.

    class_weight : dict, 'balanced' or None, default=None
        Weight of each class; see `mlpkit.MLPClassifier`.

    random_state : int, RandomState instance or None, default=None
        Determines the initial weights, the folds, the order of the rows and the dropout masks.

    verbose : bool or int, default=False
        Whether to print the progress.

    warm_start : bool, default=False
        Whether `fit` starts from the weights of the previous call.

    checkpoint : str, path-like or None, default=None
        The file in which `fit` saves its progress and from which it continues; see
        `mlpkit.MLPClassifier`.

    checkpoint_every : int, default=1
        Number of epochs after which the file is written again.

    time_limit : float or None, default=None
        Maximum duration of `fit` in seconds.

    dtype : {'float32', 'float64'} or None, default=None
        Precision of the network. None is that of the encoder, which is float32.

    Attributes
    ----------
    encoder_ : object
        The fitted encoder.

    oof_predictions_ : ndarray of shape (n_samples, n_classes)
        Out-of-fold predictions of the training rows. Defined only with folds.

    n_features_in_ : int
        Number of columns of the table.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the columns of the table.

    See Also
    --------
    mlpkit.MLPClassifier : The base class, which has all other attributes and methods.

    Examples
    --------
    >>> import pandas as pd
    >>> from mlpkit_tabular import TabularClassifier
    >>> df = pd.DataFrame({"color": ["red", "blue", None, "red"] * 30,
    ...                    "size": [1.0, 2.5, 3.0, None] * 30})
    >>> y = ["yes", "no", "no", "yes"] * 30
    >>> clf = TabularClassifier(max_iter=10, random_state=0).fit(df, y)
    >>> clf.predict(df[:2]).tolist()
    ['yes', 'no']
    """

    _parameter_constraints = {
        **MLPClassifier._parameter_constraints,
        **CONSTRAINTS,
    }

    _fixed_parameters = {"alpha": 0.0}
    _is_classification = True

    def __init__(
        self,
        hidden_layer_sizes: Any = "auto",
        activation: Any = "relu",
        *,
        n_members: int | str = "auto",
        n_folds: int | str | None = "auto",
        dropout: Any = "auto",
        weight_decay: float | str = "auto",
        learning_rate: "str | Schedule" = "warmup_cosine",
        learning_rate_init: float = 0.01,
        batch_size: int | str = "auto",
        max_iter: int = 1000,
        validation_fraction: float = 0.15,
        early_stopping_on: Any = "loss",
        encoder: Any = "tabular",
        encoder_options: dict[str, Any] | None = None,
        builder: str | Builder = "tabm",
        builder_options: dict[str, Any] | None = None,
        backend: str | Backend | None = None,
        backend_options: dict[str, Any] | None = None,
        solver: str | Solver = "adamw",
        solver_options: dict[str, Any] | None = None,
        beta_1: float = 0.9,
        beta_2: float = 0.95,
        trainer: str | Trainer = "cycles",
        loss: Any = None,
        loss_options: dict[str, Any] | None = None,
        max_gradient_norm: float | None = None,
        metrics: Any = None,
        partitions: Any = None,
        callbacks: Any = None,
        temperature_scaling: bool = True,
        class_weight: "dict[Any, float] | str | None" = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: bool | int = False,
        warm_start: bool = False,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int = 1,
        time_limit: float | None = None,
        dtype: str | None = None,
    ) -> None:
        self._store(locals())

    def _parameters_for(self, parameters: Any, call: Any) -> Any:
        if len(self.classes_) < 2:
            raise ValueError(
                f"y contains only one class, {self.classes_[0]!r}. TabularClassifier requires"
                " rows of at least two classes."
            )
        return super()._parameters_for(parameters, call)
