"""The networks of the GPU benchmark, and what one of their steps has to compute and to move."""

from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from mlpkit.numpy_backend import dense
from mlpkit.numpy_backend import namespace as numpy_namespace
from mlpkit.plugin import Dataset, Network
from mlpkit.registry.lookup import installed
from mlpkit.testing.cases import spec

ADAM_STREAMS = 8  # of each weight: gradient out and in; weight and two moments in and out


class Case(NamedTuple):
    """A network and a batch size; the builder None is the dense network."""

    builder: str | None
    n_features: int
    hidden: tuple[int, ...]
    n_classes: int
    batch: int

    @property
    def title(self) -> str:
        """How results name the case."""
        units = "-".join(map(str, (self.n_features, *self.hidden, self.n_classes)))
        return f"{self.builder or 'dense'} {units}, batch {self.batch}"


CASES = (
    *(Case(None, 784, (512, 512), 10, batch) for batch in (128, 4096)),
    *(
        Case(builder, 54, (192, 192), 7, batch)
        for builder in ("tabm", "realmlp", "resnet")
        for batch in (256, 4096)
    ),
)


class Work(NamedTuple):
    """Floating-point operations of the matrix products of a step, and its minimum traffic."""

    operations: float
    bytes: float


class Products:
    """The namespace of NumPy, which counts the matrix products."""

    def __init__(self) -> None:
        self.operations: list[float] = []
        self.elements = 0

    def matmul(self, x: Any, y: Any) -> Any:
        """The product; see `mlpkit.plugin.NAMESPACE`."""
        z = numpy_namespace.matmul(x, y)
        self.operations.append(2.0 * z.size * x.shape[-1])
        self.elements += z.size
        return z

    def __getattr__(self, name: str) -> Any:
        return getattr(numpy_namespace, name)


def data(case: Case, n: int) -> tuple[Any, Any]:
    """X (n, n_features) float32 and y (n,)."""
    rng = np.random.default_rng(0)
    X = rng.random((n, case.n_features), np.float32)
    return X, X[:, : case.n_classes].argmax(axis=1)


def network(case: Case) -> Network:
    """The network with its initial weights."""
    X, y = data(case, 2_000)
    its_spec = replace(
        spec("log_loss", dtype="float32"),
        n_features=case.n_features,
        n_outputs=case.n_classes,
        hidden_layer_sizes=case.hidden,
        sample=Dataset(X, np.eye(case.n_classes, dtype=np.float32)[y]),
    )
    rng = np.random.RandomState(0)
    if case.builder is None:
        return dense.build(its_spec, rng)
    factory, _ = installed().resolve("builder", case.builder)
    made: Network = factory(its_spec, rng)
    return made


def work(case: Case) -> Work:
    """What a step computes and moves: a product in the forward pass, and two in the backward pass.

    The first product needs no gradient of its input. The outputs of the products and their
    gradients are written and read once, and the rows and the weights as Adam needs them.
    """
    made = network(case)
    if made.xp_apply is None:
        units = (case.n_features, *case.hidden, case.n_classes)
        operations = [2.0 * case.batch * n * m for n, m in pairwise(units)]
        elements = case.batch * sum(units[1:])
    else:
        products = Products()
        made.xp_apply(products, made.arrays, data(case, case.batch)[0])
        operations, elements = products.operations, products.elements
    n_weights = sum(a.size for name, a in made.arrays.items() if name not in made.frozen)
    floats = ADAM_STREAMS * n_weights + 2 * (case.batch * case.n_features + 2 * elements)
    return Work(3 * sum(operations) - operations[0], 4.0 * floats)
