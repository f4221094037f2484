"""Outputs and gradients: explicit for the dense network, by autograd for other networks."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from mlpkit.backend_kit import check_deltas, check_row_losses
from mlpkit.plugin import PENALTY, Loss, Network, Spec, dropout_mask
from mlpkit_torch import namespace as xp
from mlpkit_torch.layout import Layout, Tensor, Tensors, TrainingState
from mlpkit_torch.training_rows import StepRows

FEW_COLUMNS = 64  # of which the softmax is computed without PyTorch's own function


def softmax(z: Tensor) -> Tensor:
    """Return the softmax of each row, (n, k).

    PyTorch's own function wakes every thread, even for a few rows. That takes milliseconds if the
    cores are busy, and it is slower for few columns in any case.
    """
    if z.shape[1] > FEW_COLUMNS:
        return torch.softmax(z, dim=1)
    e = torch.exp(z - torch.amax(z.detach(), dim=1, keepdim=True))
    return e / e.sum(dim=1, keepdim=True)


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
    """The loss of a step, summed over rows; its activated outputs; new values of frozen arrays."""

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
        self, weights: Tensors, part: StepRows, seed: int
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
                factor = self._factor(part, value, seed, i)
                slope = factor if name == "identity" else slope
                if slope is None:
                    slope = SLOPES[name](value) * factor
                elif slope is not factor:
                    slope = slope * factor
                value = value * factor
            values.append(value)
            slopes.append(slope)
        return values, slopes, z

    def _factor(self, part: StepRows, value: Tensor, seed: int, layer: int) -> Tensor:
        """Return 0 for units that dropout removes, and the scale of the others."""
        units = torch.arange(value.shape[1], device=value.device)
        seeds = torch.full((1,), seed, dtype=torch.int64, device=value.device)
        rate = self.dropouts[layer]
        mask: Tensor = dropout_mask(torch, part.indices, units, seeds, layer, rate)
        return mask.to(value.dtype) / (1 - rate)

    def backward(
        self, state: TrainingState, part: StepRows, gradients: Tensor, seed: int
    ) -> GradientSums:
        """Write the gradient, summed over rows, into ``gradients`` (n_weights,)."""
        weights, into = self.layout.views(state.weights), self.layout.views(gradients)
        values, slopes, z = self._forward(weights, part, seed)
        loss, delta, p = loss_of(self.loss, part, z)
        for i in reversed(range(self.depth)):
            torch.mm(values[i].T, delta, out=into[f"coef_{i}"])
            torch.sum(delta, dim=0, out=into[f"intercept_{i}"])
            if i:
                delta = delta @ weights[f"coef_{i}"].T
                if (slope := slopes[i - 1]) is not None:
                    delta *= slope
                elif (name := self.activations[i - 1]) in SLOPES:
                    delta *= SLOPES[name](values[i])
        return GradientSums(loss, p, {})


class CustomNetwork:
    """A network with an `apply` that uses PyTorch and receives the seed as an int."""

    def __init__(self, network: Network, spec: Spec, layout: Layout) -> None:
        assert network.apply is not None
        self.apply, self.loss, self.layout = network.apply, spec.loss, layout

    def outputs(self, state: TrainingState, x: Tensor) -> Tensor:
        """Return the outputs before activation, (n, n_outputs), of x (n, n_features)."""
        arrays = {**self.layout.views(state.weights), **state.frozen}
        z: Tensor = self.apply(arrays, x, train=False, seed=0, w=None)[0]
        return z

    def backward(
        self, state: TrainingState, part: StepRows, gradients: Tensor, seed: int
    ) -> GradientSums:
        """Write the gradient, summed over rows, into ``gradients`` (n_weights,)."""
        views = self.layout.views(state.weights)
        leaves = {name: view.detach().requires_grad_() for name, view in views.items()}
        with torch.enable_grad():
            arrays = {**leaves, **state.frozen}
            z, new = self.apply(arrays, part.x, train=True, seed=seed, w=part.weights())
        loss, delta, p = loss_of(self.loss, part, z.detach())
        roots, seeds = [z], [delta]
        penalty = new.get(PENALTY, 0.0)
        if isinstance(penalty, torch.Tensor) and penalty.requires_grad:
            roots.append(penalty)
            seeds.append(torch.full_like(penalty, part.weight))
        grads = torch.autograd.grad(roots, list(leaves.values()), seeds, allow_unused=True)
        gradients.zero_()
        for view, g in zip(self.layout.views(gradients).values(), grads, strict=True):
            if g is not None:
                view.copy_(g)
        if isinstance(penalty, torch.Tensor):
            penalty = penalty.detach()
        frozen = {name: new[name].detach() for name in self.layout.frozen}
        return GradientSums(loss + part.weight * penalty, p, frozen)


def loss_of(loss: Loss, part: StepRows, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss summed over rows, its derivative with respect to the outputs z before
    activation, and the activated outputs.
    """

    def summed(z: Tensor) -> tuple[Tensor, Tensor]:
        p = ACTIVATIONS[loss.out_activation](z)
        rows = check_row_losses(loss.rows(xp, part.y, p), part.y)
        return (rows if part.w is None else rows * part.w).sum(), p

    if loss.delta is None:
        z = z.requires_grad_()
        with torch.enable_grad():
            total, p = summed(z)
        return total.detach(), torch.autograd.grad(total, z)[0], p.detach()
    total, p = summed(z)
    delta: Any = check_deltas(loss.delta(xp, part.y, p), p)
    return total, delta if part.w is None else delta * part.w[:, None], p
