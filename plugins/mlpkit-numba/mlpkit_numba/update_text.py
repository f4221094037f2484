"""The update of a solver as the text of a Python function."""

from mlpkit.backend_kit import Program
from mlpkit_numba.expressions import expression

BLOCK = 1024  # weights whose squares are added in the precision of the weights

TEXT = """\
def update(p_at, g_at, state_at, stride, n, scalars_at, l2, decrease):
    all_p, all_g = carray(p_at, (n,)), carray(g_at, (n,))
    all_state = carray(state_at, ({n_arrays} * stride,))
    scalars = carray(scalars_at, ({n_scalars},))
{before}
    squares = 0.0
    for begin in range(0, n, {block}):
        end = min(begin + {block}, n)
        p, g = all_p[begin:end], all_g[begin:end]
{slices}
        own = {dtype}(0)
        for i in range(end - begin):
            old = p[i]
            own += old * old
{body}
        squares += own
    return squares
"""


def update_text(program: Program, dtype: str, n_scalars: int) -> str:
    """Return the text of ``update(p, g, state, stride, n, scalars, l2, decrease)``.

    The squares are added in float64 by blocks, within which the loop stays one of vectors.
    """
    n_arrays = len(program.outputs) - 1
    before, body = [], []
    for i, op in enumerate(program.operations):
        arguments = [f"v{a}" for a in op.arguments]
        if op.name == "scalar":
            before.append(f"v{i} = {op.dtype}(scalars[{op.detail[0]}])")
        elif op.name == "input":
            name = op.detail[0]
            value = {"p": "old", "g": "g[i] + l2 * old"}.get(name, f"{name.replace(' ', '_')}[i]")
            body.append(f"v{i} = {value}")
        else:
            body.append(f"v{i} = {expression(op, arguments)}")
    slices = [
        f"state_{k} = all_state[{k} * stride + begin : {k} * stride + end]" for k in range(n_arrays)
    ]
    new_p, *new_state = program.outputs
    body.append(f"p[i] = v{new_p} - decrease * old")
    body += [f"state_{k}[i] = v{place}" for k, place in enumerate(new_state)]
    return TEXT.format(
        n_arrays=max(n_arrays, 1),
        n_scalars=n_scalars,
        block=BLOCK,
        dtype=dtype,
        before=_indented(before, 1),
        slices=_indented(slices, 2),
        body=_indented(body, 3),
    )


def _indented(lines: list[str], depth: int) -> str:
    return "\n".join(" " * 4 * depth + line for line in lines)
