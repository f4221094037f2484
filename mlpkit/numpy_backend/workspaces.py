"""The arrays that the steps of an epoch use, kept for the next epoch."""

from typing import NamedTuple

import numpy as np

from mlpkit.backend_kit import WeightLayout
from mlpkit.numpy_backend.backpropagation import Backpropagation
from mlpkit.numpy_backend.layers import DenseLayers
from mlpkit.plugin import Array, Spec

KEPT_BYTES = 1 << 22  # larger workspaces are not kept


class Workspace(NamedTuple):
    """What one step after another uses: the arrays of the passes, the mean gradient, and its views
    by layer.
    """

    passes: Backpropagation
    mean: Array
    gradients: DenseLayers

    @classmethod
    def of(cls, passes: Backpropagation) -> "Workspace":
        """Return a workspace with a new array for the mean gradient."""
        mean = np.zeros(passes.layout.size, passes.layout.dtype)
        return cls(passes, mean, DenseLayers.of(passes.layout.views(mean)))


class Workspaces:
    """A workspace that is kept from one epoch to the next if it is small."""

    def __init__(self, spec: Spec, layout: WeightLayout) -> None:
        self.spec, self.layout = spec, layout
        self._kept: list[Workspace] = []

    def take(self, n: int) -> Workspace:
        """Return a workspace for steps of up to n rows, for this caller alone."""
        try:
            kept = self._kept.pop()  # of two threads, one raises IndexError
            if kept.passes.n == n:
                return kept
        except IndexError:
            pass
        return Workspace.of(Backpropagation(self.spec, self.layout, n))

    def give(self, workspace: Workspace) -> None:
        """Keep the workspace for the next caller."""
        if workspace.mean.nbytes + workspace.passes.nbytes <= KEPT_BYTES and not self._kept:
            self._kept.append(workspace)
