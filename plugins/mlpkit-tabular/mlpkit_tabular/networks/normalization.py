"""Normalization of hidden units, over the rows of a step or over the units of a row."""

from dataclasses import dataclass
from typing import Any

from mlpkit.plugin import Arrays, Namespace, StepContext
from mlpkit_tabular.networks.drawing import InitialWeights

KINDS = ("batch", "layer", "none")
EPSILON = 1e-5
MOMENTUM = 0.1  # weight of a step in the running statistics


@dataclass(frozen=True)
class Normalization:
    """Units with mean 0 and variance 1, then scaled and shifted by trained numbers.

    Parameters
    ----------
    kind : {"batch", "layer", "none"}
        "batch": each unit over the rows of a step; in predictions, by running averages. "layer":
        the units of each row. "none": no normalization.
    """

    kind: str

    def arrays(self, initial: InitialWeights, name: str, n: int) -> Arrays:
        """Return the initial arrays for n units."""
        arrays: Arrays = {}
        if self.kind != "none":
            arrays |= {
                f"{name}_scale": initial.constant(1.0, n),
                f"{name}_shift": initial.constant(0.0, n),
            }
        if self.kind == "batch":
            arrays |= {
                f"{name}_mean": initial.constant(0.0, n),
                f"{name}_variance": initial.constant(1.0, n),
            }
        return arrays

    def frozen(self, name: str) -> frozenset[str]:
        """Return the names of the running averages."""
        return frozenset((f"{name}_mean", f"{name}_variance") if self.kind == "batch" else ())

    def __call__(
        self, xp: Namespace, arrays: Any, name: str, h: Any, step: StepContext | None
    ) -> tuple[Any, dict[str, Any]]:
        """Return the normalized units of h (..., n, n_units), and new running averages."""
        if self.kind == "none":
            return h, {}
        new: dict[str, Any] = {}
        if self.kind == "layer":
            mean = xp.mean(h, axis=-1, keepdims=True)
            variance = xp.mean(xp.square(h - mean), axis=-1, keepdims=True)
        elif step is None:
            mean = arrays[f"{name}_mean"][..., None, :]
            variance = arrays[f"{name}_variance"][..., None, :]
        else:
            counts = xp.astype(step.w > 0, h.dtype)[..., None]  # not padding
            n = xp.maximum(xp.sum(counts, axis=-2, keepdims=True), 1.0)
            mean = xp.sum(h * counts, axis=-2, keepdims=True) / n
            variance = xp.sum(xp.square(h - mean) * counts, axis=-2, keepdims=True) / n
            for key, value in ((f"{name}_mean", mean), (f"{name}_variance", variance)):
                new[key] = arrays[key] + MOMENTUM * (value[..., 0, :] - arrays[key])
        normalized = (h - mean) / xp.sqrt(variance + EPSILON)
        scale, shift = arrays[f"{name}_scale"], arrays[f"{name}_shift"]
        return normalized * scale[..., None, :] + shift[..., None, :], new
