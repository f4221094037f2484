"""Outputs, and gradients: by hand for the dense chain, by autograd for any other network."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from mlpkit.backend_kit import deltas, row_losses
from mlpkit.plugin import PENALTY, Loss, Network, Spec, dropout_mask
from mlpkit_torch import namespace as xp
from mlpkit_torch.layout import Layout, State, Tensor, Tensors
from mlpkit_torch.rows import Part

FEW = 64  # columns


def softmax(z: Tensor) -> Tensor:
    """Each row over its sum, (n, k). PyTorch's own wakes every thread, however few the rows:
    milliseconds a step where the cores are busy, and slower for few columns anyway.
    """
    if z.shape[1] > FEW:
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
}  # the activation's derivative by its value; that of the identity is 1


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
}  # the value and the derivative, where the value does not tell it


class Backward(NamedTuple):
    """What a step adds up: its loss; its activated outputs, new values of the frozen arrays."""

    loss: Tensor
    p: Tensor
    frozen: Tensors


class Chain:
    """The dense chain of `Spec`."""

    def __init__(self, spec: Spec, layout: Layout) -> None:
        self.loss, self.layout, self.activations = spec.loss, layout, spec.activations
        self.dropouts = spec.dropouts
        self.depth = len(spec.layer_units) - 1

    def outputs(self, state: State, x: Tensor) -> Tensor:
        """Outputs before activation (n, n_outputs) of x (n, n_features)."""
        weights = self.layout.views(state.weights)
        for i in range(self.depth):
            if i:
                x = ACTIVATIONS[self.activations[i - 1]](x)
            x = torch.addmm(weights[f"intercept_{i}"], x, weights[f"coef_{i}"])
        return x

    def _forward(
        self, weights: Tensors, part: Part, seed: int
    ) -> tuple[list[Tensor], list[Any], Tensor]:
        """The values that each layer gets, the derivatives of those by what the activation got
        where the values do not tell them (else None), and the outputs of the last layer.
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

    def _factor(self, part: Part, value: Tensor, seed: int, layer: int) -> Tensor:
        """0 where dropout leaves a unit out, else what makes up for it."""
        units = torch.arange(value.shape[1], device=value.device)
        seeds = torch.full((1,), seed, dtype=torch.int64, device=value.device)
        rate = self.dropouts[layer]
        mask: Tensor = dropout_mask(torch, part.indices, units, seeds, layer, rate)
        return mask.to(value.dtype) / (1 - rate)

    def backward(self, state: State, part: Part, gradients: Tensor, seed: int) -> Backward:
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
        return Backward(loss, p, {})


class Custom:
    """A network with an `apply` written in PyTorch; it gets the seed as an int."""

    def __init__(self, network: Network, spec: Spec, layout: Layout) -> None:
        assert network.apply is not None
        self.apply, self.loss, self.layout = network.apply, spec.loss, layout

    def outputs(self, state: State, x: Tensor) -> Tensor:
        """Outputs before activation (n, n_outputs) of x (n, n_features)."""
        arrays = {**self.layout.views(state.weights), **state.frozen}
        z: Tensor = self.apply(arrays, x, train=False, seed=0, w=None)[0]
        return z

    def backward(self, state: State, part: Part, gradients: Tensor, seed: int) -> Backward:
        """Write the gradient, summed over rows, into ``gradients`` (n_weights,)."""
        views = self.layout.views(state.weights)
        leaves = {name: view.detach().requires_grad_() for name, view in views.items()}
        with torch.enable_grad():
            arrays = {**leaves, **state.frozen}
            z, after = self.apply(arrays, part.x, train=True, seed=seed, w=part.weights())
        loss, delta, p = loss_of(self.loss, part, z.detach())
        roots, seeds = [z], [delta]
        own = after.get(PENALTY, 0.0)
        if isinstance(own, torch.Tensor) and own.requires_grad:
            roots.append(own)
            seeds.append(torch.full_like(own, part.weight))
        found = torch.autograd.grad(roots, list(leaves.values()), seeds, allow_unused=True)
        gradients.zero_()
        for view, g in zip(self.layout.views(gradients).values(), found, strict=True):
            if g is not None:
                view.copy_(g)
        if isinstance(own, torch.Tensor):
            own = own.detach()
        frozen = {name: after[name].detach() for name in self.layout.frozen}
        return Backward(loss + part.weight * own, p, frozen)


def loss_of(loss: Loss, part: Part, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The loss summed over rows, its derivative by the outputs z before activation, and the
    outputs after it.
    """

    def summed(z: Tensor) -> tuple[Tensor, Tensor]:
        p = ACTIVATIONS[loss.out_activation](z)
        rows = row_losses(loss.rows(xp, part.y, p), part.y)
        return (rows if part.w is None else rows * part.w).sum(), p

    if loss.delta is None:
        z = z.requires_grad_()
        with torch.enable_grad():
            total, p = summed(z)
        return total.detach(), torch.autograd.grad(total, z)[0], p.detach()
    total, p = summed(z)
    delta: Any = deltas(loss.delta(xp, part.y, p), p)
    return total, delta if part.w is None else delta * part.w[:, None], p
