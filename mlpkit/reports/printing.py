"""Reports and comparisons as text in lines of at most 100 columns."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from mlpkit.messages import escaped
from mlpkit.reports.entries import Change, Entry

WIDTH = 100
NAME_WIDTH = 34  # width of the name of a group; longer names are abbreviated
MAX_GROUPS = 20  # that are shown of one partitioner


class PrintedOptions(Protocol):
    """The options of a report that its text mentions."""

    @property
    def confidence(self) -> float | None:
        """Confidence of the intervals."""

    @property
    def min_rows(self) -> int:
        """Minimum number of rows of an eligible group."""


def report(entries: Sequence[Entry], notes: Iterable[str], options: PrintedOptions) -> str:
    """A line for each group, a column for each metric; ineligible values in parentheses."""
    cells = {e[:3]: value_text(e, options.confidence is not None) for e in entries}
    lines = table(list(dict.fromkeys(e.metric for e in entries)), cells, _n_rows(entries))
    remarks = [escaped(note) for note in notes]
    if any(not e.eligible for e in entries):
        remarks.append(
            f"(in parentheses: undefined or fewer than {options.min_rows} rows; ignored when groups"
            " are compared)"
        )
    if options.confidence is not None:
        remarks.append(
            f"[low, high]: {options.confidence:.0%} confidence interval of each value alone"
        )
    return "\n".join(lines + ([""] + remarks if remarks else []))


def comparison(entries: Sequence[Change], confidence: float | None) -> str:
    """A line for each group with its differences."""
    cells = {}
    for c in entries:
        cell = f"{c.difference:+.3f}{'*' if c.significant else ''}"
        if confidence is not None:
            cell += "" if math.isnan(c.low) else f" [{c.low:+.3f}, {c.high:+.3f}]"
        cells[c[:3]] = cell if c.eligible else f"({cell})"
    lines = table(list(dict.fromkeys(c.metric for c in entries)), cells, _n_rows(entries))
    if confidence is not None:
        lines += [
            "",
            f"*: the {confidence:.0%} confidence interval of this difference alone does not"
            " contain 0",
        ]
    return "\n".join(lines)


def value_text(e: Entry, interval: bool) -> str:
    """A value with its interval.

    >>> value_text(Entry("accuracy", "sex", "f", 0.75, 0.5, 0.9, 12, 12.0, False), True)
    '(0.750 [0.500, 0.900])'
    """
    text = number(e.value)
    if interval and not math.isnan(e.low):
        text += f" [{number(e.low)}, {number(e.high)}]"
    return text if e.eligible else f"({text})"


def number(value: float) -> str:
    """About three digits.

    >>> [number(v) for v in (0.12345, 4.5, 45.0, -123.4, 1234567.0, 0.00012, float("nan"))]
    ['0.123', '4.50', '45.0', '-123', '1.23e+06', '0.00012', 'nan']
    """
    size = abs(value)
    for limit, digits in ((1, 3), (10, 2), (100, 1), (1e5, 0)):
        if size < limit and (size >= 1e-3 or not size):
            return f"{value:.{digits}f}"
    return f"{value:.3g}"


def short(name: str, width: int = NAME_WIDTH) -> str:
    """A printable name, abbreviated in the middle.

    >>> short("Married-civilian-spouse & Exec-managerial", 20)
    'Married-c...nagerial'
    """
    name, half = escaped(name), (width - 3) // 2
    return name if len(name) <= width else f"{name[: width - 3 - half]}...{name[-half:]}"


def distinct_short(names: Iterable[str], width: int = NAME_WIDTH) -> dict[str, str]:
    """Distinct abbreviations of names: without the middle, the end or the start, or numbered.

    >>> list(distinct_short(["a long name 1 of a thing", "a long name 2 of a thing"], 16).values())
    ['a long name 1...', 'a long name 2...']
    """
    originals = list(dict.fromkeys(names))
    printable = [escaped(name) for name in originals]
    abbreviations: tuple[Callable[[str], str], ...] = (
        lambda name: short(name, width),
        lambda name: name if len(name) <= width else f"{name[: width - 3]}...",
        lambda name: name if len(name) <= width else f"...{name[3 - width :]}",
    )
    for abbreviate in abbreviations:
        texts = [abbreviate(name) for name in printable]
        if len(set(texts)) == len(originals):
            break
    else:
        texts = [f"{short(name, width - 5)} #{i + 1}" for i, name in enumerate(printable)]
    return dict(zip(originals, texts, strict=True))


def _n_rows(entries: Sequence[Entry | Change]) -> dict[tuple[str, str], int]:
    """Number of rows of each group, in order."""
    return {(e.partitioner, e.partition): e.n_rows for e in entries}


def table(
    metrics: Sequence[str],
    cells: dict[tuple[str, str, str], str],
    n_rows: dict[tuple[str, str], int],
) -> list[str]:
    """The lines of a table, in blocks of as many metrics as fit side by side."""
    members: dict[str, list[str]] = {}
    for partitioner, group in n_rows:
        if partitioner != "all":
            members.setdefault(partitioner, []).append(group)
    texts = {partitioner: distinct_short(groups) for partitioner, groups in members.items()}
    lengths = [len(text) + 2 for own in texts.values() for text in own.values()]
    left = max([*lengths, *(len(short(partitioner)) for partitioner in members), 3])
    counts = max(len(f"{n:,}") for n in [*n_rows.values(), 1000])
    widths = {
        m: max([len(escaped(m))] + [len(cells.get((m, *label), "")) for label in n_rows])
        for m in metrics
    }
    lines: list[str] = []
    for block in _blocks(widths, WIDTH - left - 2 - counts):
        headings = "".join(f"  {escaped(m):>{widths[m]}}" for m in block)
        lines += [""] if lines else []
        lines += [f"{'':{left}}  {'rows':>{counts}}{headings}"]

        def line(text: str, partitioner: str, group: str, block: list[str] = block) -> str:
            n = n_rows[partitioner, group]
            values = "".join(
                f"  {cells.get((m, partitioner, group), ''):>{widths[m]}}" for m in block
            )
            return f"{text:{left}}  {n:>{counts},}{values}"

        lines += [line("all", "all", "all")] if ("all", "all") in n_rows else []
        for partitioner, groups in members.items():
            lines += [short(partitioner)]
            lines += [
                line(f"  {texts[partitioner][g]}", partitioner, g) for g in groups[:MAX_GROUPS]
            ]
            if len(groups) > MAX_GROUPS:
                lines += [f"  ... {len(groups) - MAX_GROUPS} more groups: see to_frame()"]
    return [line.rstrip() for line in lines]


def _blocks(widths: Mapping[str, int], space: int) -> list[list[str]]:
    """As many columns as fit into the space, each after a gap of two; at least one.

    >>> _blocks({"a": 3, "b": 3, "c": 20}, 10)
    [['a', 'b'], ['c']]
    """
    blocks: list[list[str]] = []
    used = space
    for name, width in widths.items():
        if used + 2 + width > space:
            blocks.append([])
            used = 0
        blocks[-1].append(name)
        used += 2 + width
    return blocks
