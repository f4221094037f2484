"""The scalars of a program, computed from the learning rates of the steps."""

import numpy as np

from mlpkit.backend_kit.tracing.programs import Program, evaluate, pruned
from mlpkit.plugin import Array


class Scalars:
    """The scalars of the update of a solver, for all steps at once.

    Those that do not depend on the learning rate are computed once.

    Parameters
    ----------
    numbers : Program
        How the scalars are computed from the input "learning_rate".

    Attributes
    ----------
    n_scalars : int
        Their number.

    Examples
    --------
    >>> from mlpkit.backend_kit.tracing.programs import Operation
    >>> half = Operation("constant", (), ("0.5",), "float64", None)
    >>> rate = Operation("input", (), ("learning_rate",), "float64", None)
    >>> Scalars(Program((half, rate), (0, 1)))(np.array([0.1, 0.2]))
    array([[0.5, 0.1],
           [0.5, 0.2]])
    """

    def __init__(self, numbers: Program) -> None:
        operations, outputs = numbers
        self.n_scalars = len(outputs)
        varying: set[int] = set()
        for i, op in enumerate(operations):
            if op.name == "input" or varying.intersection(op.arguments):
                varying.add(i)
        self._rates = [k for k, i in enumerate(outputs) if operations[i].name == "input"]
        self._computed = [k for k, i in enumerate(outputs) if i in varying and k not in self._rates]
        self._program = pruned(operations, [outputs[k] for k in self._computed])
        first = evaluate(numbers, {"learning_rate": np.ones(1)})
        self._row = np.array([column[0] for column in first], np.float64)

    def __call__(self, learning_rates: Array) -> Array:
        """Return the scalars (n_steps, n_scalars) of learning rates (n_steps,)."""
        rates = np.asarray(learning_rates, np.float64)
        scalars = np.empty((len(rates), self.n_scalars))
        scalars[:] = self._row
        for k in self._rates:
            scalars[:, k] = rates
        if self._computed:
            columns = evaluate(self._program, {"learning_rate": rates})
            for k, column in zip(self._computed, columns, strict=True):
                scalars[:, k] = column
        return scalars
