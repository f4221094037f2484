"""Predictions and scores of the rows that training is scored by."""

from dataclasses import dataclass

import numpy as np

from mlpkit.data.targets import Targets
from mlpkit.distributed.groups import of_first_process
from mlpkit.numpy_backend.portable import predictions_of
from mlpkit.plugin import Array, Dataset, Spec, State
from mlpkit.training import checks
from mlpkit.training.fit_records import FitInputs, HeldOut
from mlpkit.training.fitted_network import LiveState
from mlpkit.training.parameters import LOSS, Parameters
from mlpkit.training.splits import Folds, stacked_rows
from mlpkit.training.time_limit import Score


@dataclass(frozen=True)
class Validation:
    """The rows that training is scored by.

    Parameters
    ----------
    live : LiveState
    spec : Spec
    targets : Targets
    rows : Dataset
        The rows, with encoded targets.
    folds : Folds or None
        The parts that belong to each model, if there are several.
    """

    live: LiveState
    spec: Spec
    targets: Targets
    rows: Dataset
    folds: Folds | None

    def predictions(self, state: State) -> Array:
        """Predictions in the form of encoded targets; those of several models are out of fold."""
        return self.targets.predictions(self.outputs(state))

    def outputs(self, state: State) -> Array:
        """Activated outputs of the network, (n, n_network_outputs)."""
        X, folds, steps = self.rows.X, self.folds, self.live.steps
        n_outputs, out = self.spec.n_outputs, self.spec.loss.out_activation
        if folds is None:
            z = checks.checked_outputs(steps.outputs(state, X), X.shape[0], n_outputs)
            return predictions_of(z, out)
        rows = folds.padded
        z = steps.outputs(state, stacked_rows(X, rows))
        flat = z.reshape(rows.size, *z.shape[2:])
        p = predictions_of(checks.checked_outputs(flat, rows.size, n_outputs), out)
        return folds.by_row(p.reshape(*rows.shape, n_outputs))

    def held_out(self, state: State) -> HeldOut:
        """The rows with the outputs of a state."""
        return HeldOut(self.rows, self.outputs(state), self.folds is not None)

    def score(self, state: State) -> float:
        """Accuracy or R2."""
        return self.targets.score(self.rows.y, self.predictions(state), self.rows.sample_weight)

    def negative_loss(self, state: State) -> float | Array:
        """The mean loss, negated; for folds, of each model on its own rows, (n_models,)."""
        y, w = self.targets.network_targets(self.rows.y), self.rows.sample_weight
        p = self.outputs(state)
        losses = self.spec.loss.rows(np, y.astype(p.dtype), p)
        if self.folds is None:
            return -float(np.average(losses, weights=w))
        means = [
            np.average(losses[held], weights=None if w is None else w[held])
            for held in self.folds.held
        ]
        return -np.array(means)


def monitored_loss(score: float) -> tuple[str, float]:
    """The name of the criterion "loss" and its value, for a score."""
    return LOSS, -score


def score_of(
    parameters: Parameters, inputs: FitInputs, validation: Validation | None
) -> Score | None:
    """The validation score of a state: the criterion, the loss, that of the targets, or None.

    All processes have that of the first one, since others may round it in another way.
    """
    score: Score
    if inputs.monitor.scorer is not None:
        score = inputs.monitor.scorer.score
    elif validation is None:
        return None
    else:
        has_loss = parameters.early_stopping_on == LOSS
        score = validation.negative_loss if has_loss else validation.score
    return of_first_process(inputs.group, score)
