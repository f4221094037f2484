"""A report in lines of at most 100 columns."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from mlpkit.messages import escaped
from mlpkit.reports.entries import Change, Entry

WIDTH = 100
NAME = 34  # columns of a group's name; longer ones are cut in the middle
GROUPS = 20  # of one partitioner; the rest is counted


class Asked(Protocol):
    """How a report was asked to judge."""

    @property
    def confidence(self) -> float | None:
        """Of the intervals."""

    @property
    def min_rows(self) -> int:
        """Of a group that decides."""


def report(entries: Sequence[Entry], notes: Iterable[str], asked: Asked) -> str:
    """A line for each group, a column for each metric; groups that don't decide in brackets."""
    cells = {e[:3]: shown(e, asked.confidence is not None) for e in entries}
    lines = table(list(dict.fromkeys(e.metric for e in entries)), cells, _rows(entries))
    foot = [escaped(note) for note in notes]
    if any(not e.decides for e in entries):
        foot.append(f"(in brackets: undefined or under {asked.min_rows} rows; decides nothing)")
    if asked.confidence is not None:
        foot.append(f"[low, high]: {asked.confidence:.0%} interval of each group alone")
    return "\n".join(lines + ([""] + foot if foot else []))


def comparison(entries: Sequence[Change], confidence: float | None) -> str:
    """A line for each group: the differences."""
    cells = {}
    for c in entries:
        mark = "*" if c.decides and (c.low > 0 or c.high < 0) else ""
        cell = f"{c.difference:+.3f}{mark}"
        if confidence is not None:
            cell += "" if math.isnan(c.low) else f" [{c.low:+.3f}, {c.high:+.3f}]"
        cells[c[:3]] = cell if c.decides else f"({cell})"
    lines = table(list(dict.fromkeys(c.metric for c in entries)), cells, _rows(entries))
    if confidence is not None:
        lines += ["", f"*: the {confidence:.0%} interval of this difference alone leaves out 0"]
    return "\n".join(lines)


def shown(e: Entry, interval: bool) -> str:
    """A value with its interval.

    >>> shown(Entry("accuracy", "sex", "f", 0.75, 0.5, 0.9, 12, 12.0, False), True)
    '(0.750 [0.500, 0.900])'
    """
    cell = number(e.value)
    if interval and not math.isnan(e.low):
        cell += f" [{number(e.low)}, {number(e.high)}]"
    return cell if e.decides else f"({cell})"


def number(value: float) -> str:
    """Three digits or so.

    >>> [number(v) for v in (0.12345, 4.5, 45.0, -123.4, 1234567.0, 0.00012, float("nan"))]
    ['0.123', '4.50', '45.0', '-123', '1.23e+06', '0.00012', 'nan']
    """
    size = abs(value)
    for limit, digits in ((1, 3), (10, 2), (100, 1), (1e5, 0)):
        if size < limit and (size >= 1e-3 or not size):
            return f"{value:.{digits}f}"
    return f"{value:.3g}"


def short(name: str, width: int = NAME) -> str:
    """A name cut in the middle, fit to be printed.

    >>> short("Married-civilian-spouse & Exec-managerial", 20)
    'Married-c...nagerial'
    """
    name, half = escaped(name), (width - 3) // 2
    return name if len(name) <= width else f"{name[: width - 3 - half]}...{name[-half:]}"


def shortened(names: Iterable[str], width: int = NAME) -> dict[str, str]:
    """Names cut in the middle, or at an end, so that they stay apart; else numbered.

    >>> list(shortened(["a long name 1 of a thing", "a long name 2 of a thing"], 16).values())
    ['a long name 1...', 'a long name 2...']
    """
    given = list(dict.fromkeys(names))
    shown = [escaped(name) for name in given]
    ways: tuple[Callable[[str], str], ...] = (
        lambda name: short(name, width),
        lambda name: name if len(name) <= width else f"{name[: width - 3]}...",
        lambda name: name if len(name) <= width else f"...{name[3 - width :]}",
    )
    for way in ways:
        found = [way(name) for name in shown]
        if len(set(found)) == len(given):
            break
    else:
        found = [f"{short(name, width - 5)} #{i + 1}" for i, name in enumerate(shown)]
    return dict(zip(given, found, strict=True))


def _rows(entries: Sequence[Entry | Change]) -> dict[tuple[str, str], int]:
    """Rows of each group, in order."""
    return {(e.partitioner, e.partition): e.n_rows for e in entries}


def table(
    metrics: Sequence[str],
    cells: dict[tuple[str, str, str], str],
    rows: dict[tuple[str, str], int],
) -> list[str]:
    """Blocks of as many metrics as fit side by side."""
    groups = [(part, group) for part, group in rows if part != "all"]
    named: dict[str, list[str]] = {}
    for part, group in groups:
        named.setdefault(part, []).append(group)
    texts = {part: shortened(members) for part, members in named.items()}
    lengths = [len(text) + 2 for own in texts.values() for text in own.values()]
    left = max([*lengths, *(len(short(part)) for part in named), 3])
    counts = max(len(f"{n:,}") for n in [*rows.values(), 1000])
    widths = {
        m: max([len(escaped(m))] + [len(cells.get((m, *at), "")) for at in rows]) for m in metrics
    }
    blocks: list[list[str]] = []
    used = WIDTH
    for metric in metrics:
        if used + 2 + widths[metric] > WIDTH:
            blocks.append([])
            used = left + 2 + counts
        blocks[-1].append(metric)
        used += 2 + widths[metric]
    lines: list[str] = []
    for block in blocks:
        heads = "".join(f"  {escaped(m):>{widths[m]}}" for m in block)
        lines += [""] if lines else []
        lines += [f"{'':{left}}  {'rows':>{counts}}{heads}"]

        def line(text: str, part: str, group: str, block: list[str] = block) -> str:
            n = rows[part, group]
            values = "".join(f"  {cells.get((m, part, group), ''):>{widths[m]}}" for m in block)
            return f"{text:{left}}  {n:>{counts},}{values}"

        lines += [line("all", "all", "all")] if ("all", "all") in rows else []
        for part, members in named.items():
            lines += [short(part)]
            lines += [line(f"  {texts[part][g]}", part, g) for g in members[:GROUPS]]
            if len(members) > GROUPS:
                lines += [f"  ... {len(members) - GROUPS} more: iterate, or to_frame()"]
    return [line.rstrip() for line in lines]
