"""The operations of programs as text of Python."""

from mlpkit.backend_kit import Operation

#: Elementwise functions. Their arguments are names, so they may be repeated.
EXPRESSIONS = {
    "negative": "-{0}",
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "multiply": "{0} * {1}",
    "divide": "{0} / {1}",
    "pow": "{0} ** {1}",
    "abs": "abs({0})",
    "sign": "{t}(1) if {0} > 0 else ({t}(-1) if {0} < 0 else {0})",
    "square": "{0} * {0}",
    "sqrt": "sqrt({0})",
    "exp": "{t}_exp({0})",
    "expm1": "math.expm1({0})",
    "log": "{t}_log({0})",
    "log1p": "{t}_log1p({0})",
    "sin": "math.sin({0})",
    "cos": "math.cos({0})",
    "tanh": "{t}_tanh({0})",
    "sigmoid": "{t}(1) / ({t}(1) + {t}_exp(-{0}))",
    "ndtr": "{t}(0.5) * math.erfc({t}(-0.7071067811865476) * {0})",
    "floor": "floor({0})",
    "round": "rint({0})",
    "isfinite": "abs({0}) < inf",
    "isnan": "{0} != {0}",
    "maximum": "{0} if ({0} >= {1}) | ({0} != {0}) else {1}",
    "minimum": "{0} if ({0} <= {1}) | ({0} != {0}) else {1}",
    "less": "{0} < {1}",
    "less_equal": "{0} <= {1}",
    "greater": "{0} > {1}",
    "greater_equal": "{0} >= {1}",
    "equal": "{0} == {1}",
    "not_equal": "{0} != {1}",
    "logical_and": "{0} & {1}",
    "logical_or": "{0} | {1}",
    "logical_xor": "{0} ^ {1}",
    "logical_not": "not {0}",
    "bitwise_right_shift": "{0} >> {1}",
    "where": "{1} if {0} else {2}",
    "astype": "{t}({0})",
}
BOOLEAN = {
    "add": "{0} | {1}",
    "maximum": "{0} | {1}",
    "multiply": "{0} & {1}",
    "minimum": "{0} & {1}",
}
#: Reductions: one step, from the value so far and the next element.
REDUCTIONS = {
    "sum": "{0} + {1}",
    "max": "{1} if ({1} > {0}) | ({1} != {1}) else {0}",
    "min": "{1} if ({1} < {0}) | ({1} != {1}) else {0}",
}


def expression(op: Operation, arguments: list[str]) -> str:
    """Return the expression of an elementwise function of named values.

    >>> expression(Operation("square", (0,), (), "float32", None), ["x"])
    'x * x'
    """
    if op.name == "constant":
        return f"{op.dtype}({op.detail[0]})" if op.dtype != "bool" else str(op.detail[0])
    template = BOOLEAN.get(op.name, "") if op.dtype == "bool" else ""
    text = (template or EXPRESSIONS[op.name]).format(*arguments, t=op.dtype)
    return f"{op.dtype}({text})" if op.dtype.startswith(("int", "uint")) else text


def step(op: Operation, total: str, element: str) -> str:
    """Return the expression of one step of a reduction.

    >>> step(Operation("sum", (0,), (), "float32", None), "total", "x")
    'total + x'
    """
    return REDUCTIONS[op.name].format(total, element)
