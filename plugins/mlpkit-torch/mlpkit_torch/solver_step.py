"""One step of the solver, in place, on weights in one tensor."""

from typing import Any

import torch

from mlpkit.backend_kit import check_joint_update, check_update, clipped, expanded_like
from mlpkit.plugin import Joint, Recipe
from mlpkit_torch import namespace as xp
from mlpkit_torch.layout import Layout, Tensor, Tensors, TrainingState


class SolverStep:
    """The step of the solver of a recipe.

    Parameters
    ----------
    layout : Layout
        Where each weight is.
    recipe : Recipe
        The solver, the L2 penalty and the largest norm of the gradient.
    n_models : int
        As in `Network`.
    """

    def __init__(self, layout: Layout, recipe: Recipe, n_models: int) -> None:
        self.layout, self.n_models = layout, n_models
        self.solver, self.alpha = recipe.solver, recipe.alpha
        self.max_gradient_norm = recipe.max_gradient_norm
        self.segments = {decays: layout.segments(decays) for decays in (False, True)}
        self.has_rate_factors = any(s.learning_rate_factor != 1 for s in self.segments[False])

    def penalty(self, state: TrainingState) -> Tensor:
        """Return the L2 penalty, ``alpha / 2 * |decayed|^2``."""
        decayed = state.weights[: self.layout.n_decayed]
        return 0.5 * self.alpha * torch.dot(decayed, decayed)

    def advance(
        self,
        state: TrainingState,
        gradients: Tensor,
        weight: Any,
        learning_rate: float,
        decay: float,
    ) -> None:
        """Make one solver step in place, with sums of gradients (n_weights,) and the weight of
        their rows, of each model if there are several.
        """
        if self.n_models and bool((weight == 0).any()):
            self._advance_some(state, gradients, weight, learning_rate, decay)
            return
        decayed = self.layout.n_decayed
        gradients[:decayed].add_(state.weights[:decayed], alpha=self.alpha)
        gradients /= weight if self.layout.model is None else weight[self.layout.model]
        if self.max_gradient_norm is not None:
            views = self.layout.views(gradients)
            for name, g in clipped(xp, views, self.max_gradient_norm, self.n_models).items():
                views[name].copy_(g)
        if self.solver.joint is not None:
            self._advance_jointly(self.solver.joint, state, gradients, learning_rate, decay)
            return
        assert self.solver.update is not None  # solvers without steps have a trainer
        for place, rate_factor, decay_factor in self.segments[decay > 0]:
            old = (state.weights[place], *state.optimizer_state[:, place])
            rate, options = learning_rate * rate_factor, self.solver.options
            decrease = rate * decay * decay_factor * old[0] if decay_factor else None
            returned = self.solver.update(xp, old[0], gradients[place], old[1:], rate, options)
            p, after = check_update(returned, old[0], old[1:])
            # None if the solver worked in place; it may also have returned another array of `old`
            new = [None if a is b else a.clone() for a, b in zip((p, *after), old, strict=True)]
            for own, array in zip(old, new, strict=True):
                if array is not None:
                    own.copy_(array)
            if decrease is not None:
                old[0].sub_(decrease)

    def _advance_some(
        self,
        state: TrainingState,
        gradients: Tensor,
        weight: Tensor,
        learning_rate: float,
        decay: float,
    ) -> None:
        """Make one step of the models whose rows have a weight above 0."""
        assert self.layout.model is not None
        before = state.copy()
        self.advance(state, gradients, torch.where(weight == 0, 1, weight), learning_rate, decay)
        empty = (weight == 0)[self.layout.model]
        state.weights[empty] = before.weights[empty]
        if isinstance(state.optimizer_state, torch.Tensor):
            state.optimizer_state[:, empty] = before.optimizer_state[:, empty]

    def _advance_jointly(
        self,
        joint: Joint,
        state: TrainingState,
        gradients: Tensor,
        learning_rate: float,
        decay: float,
    ) -> None:
        """Make one step of a joint solver in place, with mean gradients (n_weights,)."""
        before = state.weights.clone() if self.has_rate_factors or decay > 0 else None
        weights, means = self.layout.views(state.weights), self.layout.views(gradients)
        returned = joint.update(xp, weights, means, dict(state.optimizer_state), learning_rate)
        new, optimizer_state = check_joint_update(returned, weights, state.optimizer_state)
        # both may be views of the old weights, which will be overwritten
        copies = {name: new[name].clone() for name in weights}
        for key, a in optimizer_state.items():
            old = state.optimizer_state[key]
            new_value = torch.as_tensor(a, dtype=old.dtype, device=self.layout.device)
            storage = state.weights.untyped_storage().data_ptr()
            shared = new_value.untyped_storage().data_ptr() == storage
            state.optimizer_state[key] = new_value.clone() if shared else new_value
        for name, view in weights.items():
            view.copy_(copies[name])
        if before is None:
            return
        for place, rate_factor, decay_factor in self.segments[decay > 0]:
            p, old = state.weights[place], before[place]
            if rate_factor != 1:
                p.copy_(old + rate_factor * (p - old))
            if decay_factor:
                p.sub_(learning_rate * rate_factor * decay * decay_factor * old)

    def replace_frozen(self, state: TrainingState, new: Tensors, weight: Tensor) -> None:
        """Replace frozen arrays by new values, each in its own dtype, of models with rows."""
        for name, value in new.items():
            old = state.frozen[name]
            value = value.to(old.dtype)
            if self.n_models:
                value = torch.where(expanded_like(weight, old) > 0, value, old)
            state.frozen[name] = value
