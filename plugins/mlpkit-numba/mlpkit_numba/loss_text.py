"""A loss as the text of a Python function.

A program is computed in one of three ways, of which the first possible one is chosen:

- one loop over all elements of all rows, if an element needs no other element of its row. If the
  loss of a row is one reduction of such elements, they are written to `delta` before they are
  reduced;
- one loop over rows without vectors, for few outputs, and for elements that are joined;
- one loop over rows, with a loop over the outputs for each reduction.
"""

from mlpkit.backend_kit import LossTrace, Program, expanded
from mlpkit.plugin import InvalidResult
from mlpkit_numba.expressions import step
from mlpkit_numba.statements import Statements, indented

FEW, MOST = 200, 1500  # operations of programs without vectors: preferred; accepted
REDUCTIONS = {"sum", "max", "min"}

TEXT = """\
def loss(y_at, p_at, n, n_outputs, losses_at, delta_at):
    all_y, all_p = carray(y_at, (n * {k},)), carray(p_at, (n * {k},))
    losses, all_delta = carray(losses_at, (n,)), carray(delta_at, (n * {k},))
{body}
"""


def loss_text(trace: LossTrace) -> str:
    """Return the text of ``loss(y, p, n, n_outputs, losses, delta)``.

    Raises InvalidResult for a loss with too many operations.
    """
    k = trace.n_outputs
    lines = [*_losses(trace.rows, k), *_deltas(trace.delta, k)]
    return TEXT.format(k=k, body="\n".join(indented(lines)))


def _losses(program: Program, k: int) -> list[str]:
    """Return the lines that compute the losses."""
    place = _only_reduction(program)
    if k == 1 or place is None:
        statements = Statements(_chosen(program), _inputs(k))
        statements.add_numbers()
        statements.lines.append(f"losses[i] = {statements.value(statements.program.outputs[0])}")
        return [*_ROWS, *indented([*_views(k), *statements.lines])]
    (terms,), operation = program.operations[place].arguments, program.operations[place]
    first = "0" if operation.name == "sum" else "delta[0]"
    # the reduction becomes an input of what is computed after it
    source = operation._replace(name="input", arguments=(), detail=("total",))
    operations = (*program.operations[:place], source, *program.operations[place + 1 :])
    later = Statements(Program(operations, program.outputs), {"total": "total"})
    later.lines.append(f"losses[i] = {later.value(program.outputs[0])}")
    reduced = [
        f"delta = all_delta[{k} * i : {k} * (i + 1)]",
        f"total = {operation.dtype}({first})",
        f"for j in range({k}):",
        *indented([f"total = {step(operation, 'total', 'delta[j]')}"]),
        *later.lines,
    ]
    return [*_flat(program, terms), *_ROWS, *indented(reduced)]


def _deltas(program: Program, k: int) -> list[str]:
    """Return the lines that compute the derivatives."""
    if all(op.name not in {*REDUCTIONS, "column", "slice", "join"} for op in program.operations):
        return _flat(program, program.outputs[0])
    program = _chosen(program)
    statements, (place,) = Statements(program, _inputs(k)), program.outputs
    output = program.operations[place]
    statements.add_numbers()
    if output.name == "join":
        values = [statements.value(argument) for argument in output.arguments]
        stores = [f"delta[{j}] = {value}" for j, value in enumerate(values)]
    else:
        inside = Statements(program, _inputs(k), outside=statements)
        inside.lines.append(f"delta[j] = {inside.value(place, 'j')}")
        stores = [f"for j in range({k}):", *indented(inside.lines)]
    view = f"delta = all_delta[{k} * i : {k} * (i + 1)]"
    return [*_ROWS, *indented([*_views(k), view, *statements.lines, *stores])]


_ROWS = ["for i in range(n):"]


def _inputs(k: int) -> dict[str, str]:
    return {"y": "all_y[i]", "p": "all_p[i]"} if k == 1 else {"y": "y", "p": "p"}


def _views(k: int) -> list[str]:
    place = f"{k} * i : {k} * (i + 1)"
    return [] if k == 1 else [f"y, p = all_y[{place}], all_p[{place}]"]


def _flat(program: Program, place: int) -> list[str]:
    """Return a loop over all elements that writes the elements of a value to `delta`."""
    statements = Statements(program, {"y": "all_y", "p": "all_p"})
    if program.operations[place].length is None:  # of one output, or a constant
        statements.inputs = {"y": "all_y[j]", "p": "all_p[j]"}
    statements.lines.append(f"all_delta[j] = {statements.value(place, 'j')}")
    return ["for j in range(len(all_delta)):", *indented(statements.lines)]


def _only_reduction(program: Program) -> int | None:
    """Return the reduction of a program that is one reduction of independent elements."""
    operations = program.operations
    places = [i for i, op in enumerate(operations) if op.name in REDUCTIONS]
    if len(places) != 1 or any(op.name in ("column", "slice", "join") for op in operations):
        return None
    dtype = operations[program.outputs[0]].dtype  # the one of `delta`
    (terms,) = operations[places[0]].arguments
    return places[0] if operations[terms].dtype == dtype else None


def _chosen(program: Program) -> Program:
    """Return the program with or without vectors."""
    operations, size = program.operations, 0
    for op in operations:
        if op.name in REDUCTIONS:
            size += operations[op.arguments[0]].length or 1
        elif op.name not in ("column", "slice", "join"):
            size += op.length or 1
    if size > FEW and all(op.name != "join" for op in operations):
        return program
    if size > MOST:
        raise InvalidResult(
            f"The loss computes its outputs one by one, in {size} operations. backend='numba'"
            f" supports {MOST} at most: use functions of whole arrays.",
            "loss",
        )
    return expanded(program)
