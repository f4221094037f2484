"""The tables of all parts, in the form of the documentation."""

from collections.abc import Callable

import numpy as np

from benchmarks import fit_tables
from benchmarks.cases import LONG_CASES
from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Figures
from benchmarks.questions import (
    AGAIN,
    ARRAYS,
    EPOCHS,
    FEW,
    FIRST,
    IDLE_OR_BUSY,
    IMPORT,
    MANY,
    ONE_ROW,
    PARTS,
    QUICK,
    QUICK_STREAM,
    STREAM,
    THREADS,
    Question,
    busy_question,
    epochs_question,
)
from benchmarks.tables import Column, by_contender, markdown, text, title

MICRO, MILLI = 1e6, 1e3
# parts, and places in them: small, medium and large fits, streams and single predictions
README_ROWS = (("fit", 0), ("fit", 3), ("fit", 5), ("stream", 0), ("predict", 0))
FILE_COLUMNS = ("Seconds", "Million rows/s", "Memory: MiB", "Pages of files: MiB")
# titles, and factors from seconds to the unit of the title, by the name of the question
UNITS: dict[str, tuple[str, float]] = {
    STREAM: ("300 calls, 1 to 512 rows: s", 1.0),
    ONE_ROW: ("1 row: µs a call", MICRO / 300),
    QUICK_STREAM: ("5 calls, 1 to 512 rows: s", 1.0),
    "1 row": ("1 row: µs", MICRO),
    "1 row of a frame": ("1 row of a frame: µs", MICRO),
    "100,000 rows": ("100,000 rows: ms", MILLI),
    "100,000 rows of a frame": ("100,000 rows of a frame: ms", MILLI),
    IMPORT: ("import of MLPClassifier: s", 1.0),
    FIRST: ("default fit, first time: s", 1.0),
    AGAIN: ("second time: s", 1.0),
    **{
        name: (f"{case.epochs} epochs: ms an epoch", MILLI / case.epochs)
        for name, case in LONG_CASES.items()
    },
}


def report(figures: Figures) -> dict[str, str]:
    """The text of each part that has figures."""
    written = {part: write(figures) for part, write in WRITERS.items()}
    about = ", ".join(f"{key} {value}" for key, value in figures.machine.items())
    dates = figures.dates()
    days = " to ".join(dict.fromkeys((*dates[:1], *dates[-1:])))
    machine = f"{days}: {about}." if dates else ""
    written |= {"losses": fit_tables.losses(figures), "machine": machine}
    return {part: table for part, table in written.items() if table}


def asked(figures: Figures, part: str) -> list[Question]:
    """The questions of a part that have results."""
    known = {str(q): q for q in (*QUICK, *PARTS[part]) if q.part == part}
    return [q for q in known.values() if figures.has(q)]


def seconds(figures: Figures, question: Question, head: str, factor: float = 1.0) -> Column:
    """A column with the times of a question."""

    def value(name: str) -> float | None:
        known = figures.value(question, name)
        return None if known is None else known * factor

    return Column(head, value)


def times(part: str) -> Callable[[Figures], str]:
    """The writer of the times of a part."""

    def write(figures: Figures) -> str:
        columns = [seconds(figures, q, *UNITS[q.name]) for q in asked(figures, part)]
        return by_contender(columns) if columns else ""

    return write


def epoch(figures: Figures) -> str:
    """The time of an epoch around its steps, and of a step, from fits of few and many epochs."""
    questions = [epochs_question(s, n) for s in EPOCHS for n in (FEW, MANY)]
    if not figures.has(*questions):
        return ""
    lines = {name: epoch_line(figures, name) for name in CONTENDERS}

    def column(head: str, place: int) -> Column:
        return Column(
            head, lambda name: None if lines[name] is None else lines[name][place], "{:.0f}"
        )

    return by_contender([column("Around the steps: µs", 0), column("A step: µs", 1)])


def epoch_line(figures: Figures, name: str) -> tuple[float, float] | None:
    """Microseconds around the steps and of a step: a line through epochs of several lengths."""
    epochs = []
    for n_steps in EPOCHS:
        few, many = (figures.value(epochs_question(n_steps, n), name) for n in (FEW, MANY))
        if few is None or many is None:
            return None
        epochs.append(MICRO * (many - few) / (MANY - FEW))
    step, around = np.polyfit(EPOCHS, epochs, 1)
    return float(around), float(step)


def sparse(figures: Figures) -> str:
    """Seconds and memory of fits to sparse rows."""
    columns = [seconds(figures, q, f"{q.name}: s") for q in asked(figures, "sparse")]
    columns += [seconds(figures, q, "memory: MiB") for q in asked(figures, "memory")]
    return by_contender(columns) if columns else ""


def busy(figures: Figures) -> str:
    """The ratios of the times with the default threads and with one BLAS thread."""
    names = list(dict.fromkeys(question.name for question in asked(figures, "busy")))
    if not names:
        return ""
    lines = [["", *names]]
    for contender in ARRAYS:
        for neighbours in IDLE_OR_BUSY:
            line = []
            for name in names:
                default, one = (
                    figures.value(busy_question(name, threads, neighbours), contender)
                    for threads in THREADS
                )
                line.append(text(fit_tables.ratio(default, one), "{:.2f}"))
            state = "one core busy" if neighbours else "idle cores"
            lines += [[f"{title(contender)}, {state}", *line]] if any(line) else []
    return markdown(lines)


def counts(figures: Figures) -> str:
    """Compilations, calls and bytes, with a row for each backend and case."""
    lines: list[list[str]] = []
    for question in asked(figures, "counts"):
        for name in figures.names(question):
            counted = figures.value(question, name)
            lines = lines or [["", "", *counted]]
            lines.append([title(name), question.name, *map(text, counted.values())])
    return markdown([lines[0], *sorted(lines[1:])]) if lines else ""


def files(figures: Figures) -> str:
    """Seconds and memory of training on files and of predicting them."""
    lines: list[list[str]] = []
    for question in asked(figures, "files"):
        for name in figures.names(question):
            value = figures.value(question, name)
            n_rows = value["rows"]
            lines = lines or [[f"{n_rows:,} rows", *FILE_COLUMNS]]
            for task, found in value.items():
                if task != "rows":
                    seconds = found["seconds"]
                    numbers = (seconds, n_rows / seconds / 1e6, found["own"], found["files"])
                    lines.append([f"`{task}`", *(text(number) for number in numbers)])
    return markdown(lines) if lines else ""


def fit(figures: Figures) -> str:
    """The tables of the fits."""
    questions = asked(figures, "fit")
    if not questions:
        return ""
    tables = fit_tables.floors(figures, questions), fit_tables.comparison(figures, questions)
    return "\n\n".join(tables)


def readme(figures: Figures) -> str:
    """The times of other libraries divided by that of mlpkit's fastest backend, in a few rows."""
    groups = {
        "scikit-learn": ["scikit-learn"],
        "Keras": ["keras-jax", "keras-tensorflow"],
        "skorch": ["skorch"],
    }
    lines = [["", *groups]]
    for question in (PARTS[part][i] for part, i in README_ROWS):
        own = fit_tables.best_time(figures, question, fit_tables.OURS)
        others = [fit_tables.best_time(figures, question, names) for names in groups.values()]
        cells = [text(fit_tables.ratio(other, own), "{:#.2g}") for other in others]
        lines += [[str(question), *cells]] if any(cells) else []
    return markdown(lines) if len(lines) > 1 else ""


WRITERS: dict[str, Callable[[Figures], str]] = {
    "fit": fit,
    "long": times("long"),
    "stream": times("stream"),
    "epoch": epoch,
    "predict": times("predict"),
    "start": times("start"),
    "sparse": sparse,
    "busy": busy,
    "counts": counts,
    "files": files,
    "readme": readme,
}
