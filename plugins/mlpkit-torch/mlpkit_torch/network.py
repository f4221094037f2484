"""Outputs and gradients: explicit for the dense network, by autograd for other networks."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple

import torch

from mlpkit.backend_kit import (
    by_model,
    checked_outputs,
    deltas,
    expanded_like,
    mean_of_members,
    outputs_of_models,
    row_losses,
)
from mlpkit.plugin import PENALTY, Loss, Network, Spec, StepContext, dropout_mask
from mlpkit_torch import namespace as xp
from mlpkit_torch.layout import Layout, Tensor, Tensors, TrainingState
from mlpkit_torch.training_rows import StepRows

FEW_COLUMNS = 64  # up to which the softmax is computed without the function of PyTorch


def softmax(z: Tensor) -> Tensor:
    """Return the softmax over the last axis.

    PyTorch's own function wakes every thread, even for a few rows. That takes milliseconds if the
    cores are busy, and it is slower for few columns in any case.
    """
    if z.shape[-1] > FEW_COLUMNS:
        return torch.softmax(z, dim=-1)
    e = torch.exp(z - torch.amax(z.detach(), dim=-1, keepdim=True))
    return e / e.sum(dim=-1, keepdim=True)


SELU_SCALE, SELU_BOTTOM = 1.0507009873554805, 1.7580993408473766


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda z: z,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "silu": torch.nn.functional.silu,
    "selu": torch.selu,
    "mish": torch.nn.functional.mish,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "softmax": softmax,
    "exp": torch.exp,
}
SLOPES: dict[str, Callable[[Tensor], Tensor]] = {
    "logistic": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a * a,
    "relu": lambda a: a != 0,
    "selu": lambda a: torch.where(a > 0, SELU_SCALE, a + SELU_BOTTOM),
    "leaky_relu": lambda a: torch.where(a > 0, 1.0, 0.01).to(a.dtype),
}  # the derivative as a function of the value of the activation; that of the identity is 1


def _gelu(z: Tensor) -> tuple[Tensor, Tensor]:
    phi = 0.5 * (1 + torch.erf(z * math.sqrt(0.5)))
    return z * phi, phi + z * torch.exp(-0.5 * z * z) * math.sqrt(0.5 / math.pi)


def _silu(z: Tensor) -> tuple[Tensor, Tensor]:
    s = torch.sigmoid(z)
    a = z * s
    return a, s + a * (1 - s)


def _mish(z: Tensor) -> tuple[Tensor, Tensor]:
    t = torch.tanh(torch.nn.functional.softplus(z))
    return z * t, t + z * torch.sigmoid(z) * (1 - t * t)


WITH_SLOPES: dict[str, Callable[[Tensor], tuple[Tensor, Tensor]]] = {
    "gelu": _gelu,
    "silu": _silu,
    "mish": _mish,
}  # value and derivative of activations whose derivative is not a function of the value


class GradientSums(NamedTuple):
    """The loss of a step, summed over rows; its predictions; new values of frozen arrays."""

    loss: Tensor
    p: Tensor
    frozen: Tensors


class DenseNetwork:
    """The dense network of `Spec`."""

    def __init__(self, spec: Spec, layout: Layout) -> None:
        self.loss, self.layout, self.activations = spec.loss, layout, spec.activations
        self.dropouts = spec.dropouts
        self.depth = len(spec.layer_units) - 1

    def outputs(self, state: TrainingState, x: Tensor) -> Tensor:
        """Return the outputs before activation, (n, n_outputs), of x (n, n_features)."""
        weights = self.layout.views(state.weights)
        for i in range(self.depth):
            if i:
                x = ACTIVATIONS[self.activations[i - 1]](x)
            x = torch.addmm(weights[f"intercept_{i}"], x, weights[f"coef_{i}"])
        return x

    def _forward(
        self, weights: Tensors, part: StepRows, seed: int, dropout_factor: float
    ) -> tuple[list[Tensor], list[Any], Tensor]:
        """Return the inputs of each layer, their derivatives with respect to the values before
        activation (or None if `SLOPES` computes them), and the outputs of the last layer.
        """
        values: list[Tensor] = [part.x]
        slopes: list[Any] = []
        for i, name in enumerate((*self.activations, None)):
            z = torch.addmm(weights[f"intercept_{i}"], values[-1], weights[f"coef_{i}"])
            if name is None:
                break
            value, slope = (
                WITH_SLOPES[name](z) if name in WITH_SLOPES else (ACTIVATIONS[name](z), None)
            )
            if self.dropouts[i]:
                factor = self._factor(part, value, seed, i, self.dropouts[i] * dropout_factor)
                slope = factor if name == "identity" else slope
                if slope is None:
                    slope = SLOPES[name](value) * factor
                elif slope is not factor:
                    slope = slope * factor
                value = value * factor
            values.append(value)
            slopes.append(slope)
        return values, slopes, z

    def _factor(self, part: StepRows, value: Tensor, seed: int, layer: int, rate: float) -> Tensor:
        """Return 0 for units that dropout removes, and the scale of the others."""
        units = torch.arange(value.shape[1], device=value.device)
        seeds = torch.full((1,), seed, dtype=torch.int64, device=value.device)
        mask: Tensor = dropout_mask(torch, part.ids, units, seeds, layer, rate)
        return mask.to(value.dtype) / (1 - rate)

    def backward(
        self,
        arrays: Tensors,
        part: StepRows,
        gradients: Tensors,
        seed: int,
        dropout_factor: float = 1.0,
    ) -> GradientSums:
        """Write the gradients of the weights, summed over rows, into the tensors of ``gradients``.

        ``arrays`` has the weights and the frozen arrays.
        """
        values, slopes, z = self._forward(arrays, part, seed, dropout_factor)
        loss, delta, p = loss_of(self.loss, part, z)
        for i in reversed(range(self.depth)):
            torch.mm(values[i].T, delta, out=gradients[f"coef_{i}"])
            torch.sum(delta, dim=0, out=gradients[f"intercept_{i}"])
            if i:
                delta = delta @ arrays[f"coef_{i}"].T
                if (slope := slopes[i - 1]) is not None:
                    delta *= slope
                elif (name := self.activations[i - 1]) in SLOPES:
                    delta *= SLOPES[name](values[i])
        return GradientSums(loss, p, {})


class CustomNetwork:
    """A network with an `apply` that uses PyTorch and receives the seed as an int, or with an
    `xp_apply`.
    """

    def __init__(self, network: Network, spec: Spec, layout: Layout) -> None:
        self.structure, self.loss, self.layout = network._replace(arrays={}), spec.loss, layout
        # tensors that the functions of `xp` create
        on_device = layout.device.type != "cpu"
        self.place = partial(torch.device, layout.device) if on_device else nullcontext

    def outputs(self, state: TrainingState, x: Tensor) -> Tensor:
        """Return the outputs before activation, (n, n_outputs), of x (n, n_features)."""
        arrays = {**self.layout.views(state.weights), **state.frozen}
        n_models = self.structure.n_models
        z: Tensor = outputs_of_models(xp, lambda x: self._forward(arrays, x)[0], x, n_models)
        return z

    def _forward(
        self, arrays: Tensors, x: Tensor, step: StepContext | None = None
    ) -> tuple[Tensor, Tensors]:
        """Return the outputs of all rows, and new values of frozen arrays."""
        apply, xp_apply, n_models = (
            self.structure.apply,
            self.structure.xp_apply,
            self.structure.n_models,
        )
        if xp_apply is None:
            assert apply is not None
            if step is None:
                return apply(arrays, x, train=False, seed=0, w=None)
            return apply(arrays, x, train=True, seed=step.seed, w=step.w)
        with self.place():
            x = by_model(xp, x, n_models)
            if step is not None:
                step = StepContext(
                    torch.tensor(step.seed, dtype=torch.int64),
                    by_model(xp, step.ids, n_models),
                    by_model(xp, step.w, n_models),
                    torch.tensor(step.dropout, dtype=x.dtype),
                )
            z, new = xp_apply(xp, arrays, x, step)
        return checked_outputs(xp, z, x.shape[:-1], self.structure.n_members), new

    def backward(
        self,
        arrays: Tensors,
        part: StepRows,
        gradients: Tensors,
        seed: int,
        dropout_factor: float = 1.0,
    ) -> GradientSums:
        """Write the gradients of the weights, summed over rows, into the tensors of ``gradients``.

        ``arrays`` has the weights and the frozen arrays.
        """
        leaves = {name: arrays[name].detach().requires_grad_() for name in gradients}
        step = StepContext(seed, part.ids, part.weights(), dropout_factor)
        with torch.enable_grad():
            z, new = self._forward({**arrays, **leaves}, part.x, step)
        loss, delta, p = loss_of(self.loss, part, z.detach())
        roots, seeds = ([z], [delta]) if z.requires_grad else ([], [])
        penalty = new.get(PENALTY)
        if isinstance(penalty, torch.Tensor):
            weights = part.model_weights()
            with torch.enable_grad():
                penalty = penalty.expand(weights.shape)
            loss = loss + (penalty.detach() * weights).sum()
            if penalty.requires_grad:
                roots.append(penalty)
                seeds.append(weights)
        elif penalty is not None:
            loss = loss + part.weight * penalty
        grads: Any = [None] * len(leaves)
        if roots:
            grads = torch.autograd.grad(roots, list(leaves.values()), seeds, allow_unused=True)
        for own, g in zip(gradients.values(), grads, strict=True):
            own.zero_() if g is None else own.copy_(g)
        frozen = {name: new[name].detach() for name in self.layout.frozen if name in new}
        return GradientSums(loss, p, frozen)


def loss_of(loss: Loss, part: StepRows, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss summed over rows, its derivative with respect to the outputs z before
    activation, (n, n_outputs) or (n, n_members, n_outputs), and the predictions (n, n_outputs).
    """
    w = part.w
    padding = None if w is None or not part.has_padding else w <= 0  # of which z may be NaN

    def summed(z: Tensor) -> tuple[Tensor, Tensor]:
        p = ACTIVATIONS[loss.out_activation](z)
        rows = row_losses(xp, loss, part.y, p)
        rows = rows if w is None else rows * w
        return (rows if padding is None else torch.where(padding, 0, rows)).sum(), p

    if loss.delta is None:
        z = z.requires_grad_()
        with torch.enable_grad():
            total, p = summed(z)
        total, delta, p = total.detach(), torch.autograd.grad(total, z)[0], p.detach()
    else:
        total, p = summed(z)
        delta = deltas(xp, loss, part.y, p)
        delta = delta if w is None else delta * expanded_like(w, delta)
    if padding is not None:
        delta = torch.where(expanded_like(padding, delta), 0, delta)
    return total, delta, mean_of_members(xp, p)
