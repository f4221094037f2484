"""Programs without vectors, for losses whose outputs are computed one by one."""

from mlpkit.backend_kit.tracing.programs import Operation, Program, pruned

_ADDED = {"sum": "add", "max": "maximum", "min": "minimum"}


def expanded(program: Program) -> Program:
    """Return an equivalent program with operations on single numbers alone.

    Parameters
    ----------
    program : Program
        A program with vectors.

    Returns
    -------
    Program
        The only vectors are inputs, of which it uses columns. A vector that the program returns is
        a "join".

    Examples
    --------
    >>> x = Operation("input", (), ("x",), "float64", 2)
    >>> print(expanded(Program((x, Operation("sum", (0,), (), "float64", None)), (1,))))
    0: float64[2] = input x
    1: float64 = column 0 0
    2: float64 = column 0 1
    3: float64 = add 1 2
    return 3
    """
    operations: list[Operation] = []
    elements: list[list[int]] = []  # the places of the elements of each operation

    def add(op: Operation) -> int:
        operations.append(op._replace(length=None))
        return len(operations) - 1

    for op in program.operations:
        given = [elements[i] for i in op.arguments]
        if op.name == "input" and op.length is not None:
            operations.append(op)
            place = len(operations) - 1
            columns = (
                Operation("column", (place,), (j,), op.dtype, None) for j in range(op.length)
            )
            elements.append([add(column) for column in columns])
        elif op.name in ("column", "slice"):
            chosen = (
                slice(*op.detail) if op.name == "slice" else slice(op.detail[0], op.detail[0] + 1)
            )
            elements.append(given[0][chosen])
        elif op.name == "join":
            elements.append([place for places in given for place in places])
        elif op.name in _ADDED:
            total = given[0][0]
            for place in given[0][1:]:
                total = add(Operation(_ADDED[op.name], (total, place), (), op.dtype, None))
            elements.append([total])
        else:
            arguments = [
                [places[j if len(places) > 1 else 0] for places in given]
                for j in range(op.length or 1)
            ]
            elements.append([add(op._replace(arguments=tuple(a))) for a in arguments])
    outputs = []
    for i in program.outputs:
        places, length = elements[i], program.operations[i].length
        joined = Operation("join", tuple(places), (), program.operations[i].dtype, length)
        if length is None:
            outputs += places
        else:
            operations.append(joined)
            outputs.append(len(operations) - 1)
    return pruned(operations, outputs)
