"""Every function of the namespace, compared with NumPy in onnxruntime."""

from typing import Any

import numpy as np
import pytest
from onnx import helper
from sessions import session

from mlpkit import numpy_namespace
from mlpkit.plugin import NAMESPACE
from mlpkit.testing.namespaces import EXPRESSIONS, arrays_of
from mlpkit_onnx import namespace
from mlpkit_onnx.errors import NotConvertible
from mlpkit_onnx.graph import ROWS, Graph, onnx_type
from mlpkit_onnx.tensors import Tensor

OPSETS = (13, 18, 21)


def computed(call: Any, arrays: dict[str, np.ndarray], opset: int = 18) -> Any:
    """The result of a function of tensors, their shape and dtype checked."""
    graph = Graph(opset)
    tensors, inputs = {}, []
    for name, a in arrays.items():
        tensors[name] = Tensor(graph, graph.reserve(name), a.dtype, a.shape)
        inputs.append(helper.make_tensor_value_info(name, onnx_type(a.dtype), list(a.shape)))
    with graph.current():
        result = call(namespace, tensors)
    if not isinstance(result, Tensor):
        return result
    output = helper.make_tensor_value_info(result.name, onnx_type(result.dtype), list(result.shape))
    built = helper.make_graph(graph.nodes, "test", inputs, [output], graph.initializers)
    domains = [helper.make_opsetid(*domain) for domain in graph.domains.items()]
    opened = session(helper.make_model(built, opset_imports=domains, ir_version=8))
    used = {i.name: arrays[i.name] for i in opened.get_inputs()}
    values = opened.run(None, used)[0]
    assert values.shape == result.shape and values.dtype == result.dtype
    return values


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_equal_those_of_numpy(dtype: str, opset: int) -> None:
    """Values, shapes and dtypes of the calls of the conformance tests."""
    assert set(EXPRESSIONS) == set(NAMESPACE)
    arrays = arrays_of(dtype)
    for name, calls in EXPRESSIONS.items():
        for call in calls:
            with np.errstate(all="ignore"):
                expected = np.asarray(call(numpy_namespace, arrays))
            result = np.asarray(computed(call, arrays, opset))
            assert result.dtype == expected.dtype or expected.dtype.kind == "i", name
            precision = 2e-6 if dtype == "float32" else 1e-13
            np.testing.assert_allclose(
                result, expected, rtol=precision, atol=precision, err_msg=name
            )


ELEMENTWISE = [
    *(name for name, entry in NAMESPACE.items() if entry.group == "activation"),
    *("exp", "expm1", "log1p", "tanh", "sin", "cos"),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name in ELEMENTWISE if name != "softmax"])
def test_functions_of_small_large_and_infinite_numbers(name: str, dtype: str) -> None:
    """Neither an overflow nor a loss of digits, relative to 1 or to the value."""
    large = np.logspace(-12, 37, 300)
    special = [0.0, np.inf, -np.inf, np.nan]
    x = np.concatenate([np.linspace(-50, 50, 5001), large, -large, special]).astype(dtype)
    with np.errstate(all="ignore"):
        expected = getattr(numpy_namespace, name)(x)
        result = computed(lambda xp, a: getattr(xp, name)(a["x"]), {"x": x})
        difference = np.abs(result - expected) / np.maximum(1, np.abs(expected))
    equal = (result == expected) | np.isnan(expected)
    assert difference[~equal].max(initial=0) < (3e-6 if dtype == "float32" else 5e-15)


OPERATORS = {
    "arithmetic": lambda a: (2 - a["x"]) / 3 + a["x"] ** 2 * 0.5 - (-abs(a["x"])) + 1 / a["row"],
    "product": lambda a: np.ones((2, 3)) @ (a["x"] @ a["weights"]),
    "comparisons": lambda a: (a["x"] > 0) & ~(a["x"] >= 1) | (a["x"] <= -1) ^ (a["x"] < -2),
    "equality": lambda a: (a["codes"] == 1) | (a["codes"] != 2),
    "left": lambda a: np.float64(2) * (a["x"] - a["row"]) + np.ones(4),
    "index": lambda a: a["cube"][:, 1:, None, ::2][..., 0],
    "reversed": lambda a: a["x"][::-1, -1],
    "newaxis": lambda a: a["row"][None, :, None][0],
    "ellipsis": lambda a: a["cube"][..., -1] + a["cube"][0, ..., 2],
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str) -> None:
    """The operators of Python, with arrays of NumPy and numbers on both sides."""
    arrays = arrays_of("float64")
    expected = OPERATORS[name](arrays)
    np.testing.assert_allclose(computed(lambda xp, a: OPERATORS[name](a), arrays), expected)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("fnd->dn", [(2, 3, 4)]),
        ("...d->...", [(2, 3, 4)]),
        ("nd,mde->nme", [(3, 4), (5, 4, 2)]),
        ("...nd,...de->...ne", [(2, 3, 4), (1, 4, 5)]),
        ("...nd,de->n...", [(2, 3, 4), (4, 5)]),
        ("ab,bc,cd->ad", [(2, 3), (3, 4), (4, 5)]),
    ],
)
def test_einsum(subscripts: str, shapes: list[tuple[int, ...]]) -> None:
    """Sums over axes of one array or of several, and an ellipsis."""
    rng = np.random.RandomState(0)
    arrays = {f"a{i}": rng.standard_normal(shape) for i, shape in enumerate(shapes)}
    result = computed(lambda xp, a: xp.einsum(subscripts, *a.values()), arrays)
    np.testing.assert_allclose(result, np.einsum(subscripts, *arrays.values()), atol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda xp, x: xp.mean(x), "reduces over the rows"),
        (lambda xp, x: xp.sort(x, axis=0), "sorts the rows"),
        (lambda xp, x: x[:3], "takes a part of the rows"),
        (lambda xp, x: xp.take(x, np.array([0]), axis=0), "takes elements along the rows"),
        (lambda xp, x: xp.einsum("nd,nd->d", x, x), "sums over the rows"),
        (lambda xp, x: xp.reshape(x, (-1,))[0] if x[0, 0] > 0 else x, "takes a part of the rows"),
        (lambda xp, x: x if xp.max(x, axis=1) else -x, "depends on the values of an array"),
    ],
)
def test_rows_are_independent(call: Any, message: str) -> None:
    """What mixes rows, or depends on values, raises an error."""
    graph = Graph(18)
    with pytest.raises(NotConvertible, match=message), graph.current():
        call(namespace, Tensor(graph, "x", np.float32, (ROWS, 4)))


def test_the_number_of_rows_is_read_from_the_input() -> None:
    """Shapes that contain it are computed when the model runs."""
    graph = Graph(18)
    x = Tensor(graph, graph.reserve("x"), np.dtype("float32"), (ROWS, 2))
    graph.row_source = "x"
    with graph.current():
        ones = namespace.ones((x.shape[0], 3), x.dtype)
        both = namespace.concat([ones, namespace.zeros_like(x), x], axis=1)
        copies = namespace.broadcast_to(both[None], (4, *both.shape))
        flat = namespace.reshape(copies, (4 * x.shape[0], 7))
        numbers = namespace.astype(namespace.arange(x.shape[0]), x.dtype)[:, None]
        result = namespace.reshape(flat, (4, x.shape[0], 7))[1] + numbers
    info = [helper.make_tensor_value_info("x", 1, [None, 2])]
    output = [helper.make_tensor_value_info(result.name, 1, [None, 7])]
    built = helper.make_graph(graph.nodes, "test", info, output, graph.initializers)
    opened = session(
        helper.make_model(built, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    )
    for n in (0, 1, 3):
        rows = np.full((n, 2), 5, np.float32)
        (values,) = opened.run(None, {"x": rows})
        expected = np.concatenate([np.ones((n, 3)), np.zeros((n, 2)), rows], axis=1)
        np.testing.assert_array_equal(values, expected + np.arange(n)[:, None])
