"""Control characters from data are escaped in reports, messages, figures and CSV files."""

import csv
import io
import unicodedata
import warnings
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from mlpkit import CheckFailed, MLPClassifier, PartitionReport, by_labels, evaluate
from mlpkit.messages import comma_separated, csv_cell, escaped
from mlpkit.monitoring.history import MetricHistory, Record

mpl.use("agg")

pytestmark = pytest.mark.once

CONTROLS = "\x00\x07\x1b[2J\x7f\x85\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069"
SURROGATE = "\ud800"  # which frames with Arrow can't contain
HARMLESS = "Zürich 東京 می\u200cخواهم 👩\u200d🔬 naïve e\u0301 \u00a0"
FORMULAS = ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1"]
N = 40


def is_safe(text: str) -> bool:
    """Return whether the text has no control characters for terminals, direction or lines."""
    bad = set(CONTROLS + SURROGATE) - set("[2J")
    return not bad & set(text) and not any(
        unicodedata.category(c) in ("Cc", "Cs") for c in text.replace("\n", "")
    )


def report_with_controls(partition: str = f"x{CONTROLS}", **options: Any) -> PartitionReport:
    """Return a report with control characters in the names of columns, groups and metrics."""
    sex = np.where(np.arange(N) % 2, partition, "f")
    frame = pd.DataFrame({f"sex{CONTROLS}": sex})
    y = np.arange(N) % 3 % 2
    metrics = {f"share{CONTROLS}": "accuracy", f"kept{CONTROLS}": failing}
    options = {"metrics": metrics, "partitions": [f"sex{CONTROLS}"], **options}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = evaluate(None, frame, y, y_pred=y, min_rows=1, **options)
    assert len(caught) == (f"kept{CONTROLS}" in options["metrics"])  # undefined
    assert all(is_safe(str(w.message)) for w in caught)
    return report


def failing(y_true: Any, y_pred: Any) -> float:
    """Return a metric that is undefined for a part of the rows."""
    return float("nan") if len(y_true) < N else 1.0


def test_escaped_characters() -> None:
    """Control characters become visible; letters of all scripts, joiners and spaces are kept."""
    assert (
        is_safe(escaped(CONTROLS + SURROGATE))
        and escaped("\x1b") == r"\x1b"
        and escaped("\u202e") == r"\u202e"
    )
    assert escaped(HARMLESS) == HARMLESS and comma_separated([1, "a"]) == "1, a"


def test_reports_and_messages() -> None:
    """Reports, comparisons, checks and errors are escaped in print; the data keep their text."""
    report = report_with_controls()
    assert is_safe(str(report)) and is_safe(repr(report)) and is_safe(str(report - report))
    assert r"\x1b[2J" in str(report) and r"\u202e" in str(report)
    group = next(e.partition for e in report if e.partitioner != "all" and "x" in e.partition)
    assert "\x1b" in group and "\x1b" in "".join(report.to_frame()["partition"])
    limits: dict[str, Any] = {f"min_share{CONTROLS}": 2.0}
    for failure in report.check(raises=False, **limits):
        assert is_safe(str(failure))
    with pytest.raises(CheckFailed) as caught:
        report.check(**limits)
    assert is_safe(str(caught.value))
    for call in (
        lambda: report.select(f"no{CONTROLS}"),
        lambda: report.select(f"share{CONTROLS}", by=f"no{CONTROLS}"),
        lambda: report + report_with_controls(metrics={f"other{CONTROLS}": "accuracy"}),
        lambda: (
            report
            + report_with_controls(partitions=[by_labels(np.arange(N) % 2, name=f"b{CONTROLS}")])
        ),
        lambda: report - report_with_controls(metrics={f"other{CONTROLS}": "accuracy"}),
        lambda: report_with_controls(partitions=[f"no{CONTROLS}"]),
        lambda: report_with_controls(
            partitions=[by_labels(f"no{CONTROLS}")], labels={f"a{CONTROLS}": np.zeros(N)}
        ),
    ):
        with pytest.raises(ValueError, match=r"\w") as error:
            call()
        assert is_safe(str(error.value))


def test_names_with_equal_escaped_text() -> None:
    """They are numbered in print."""
    report = report_with_controls(
        partitions=[by_labels(np.array(["\x1b", r"\x1b"])[np.arange(N) % 2])]
    )
    assert r"  \x1b #1 " in str(report) and r"  \x1b #2 " in str(report)


def test_training_messages(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings about metrics, the metric history and the printed progress are escaped."""
    X, y = np.random.RandomState(0).rand(N, 2), np.arange(N) % 2
    clf = MLPClassifier((2,), max_iter=1, random_state=0, metrics={f"kept{CONTROLS}": failing})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(X, y, eval_sets={f"set{CONTROLS}": (X[:9], y[:9])})
    assert any("undefined" in str(w.message) for w in caught)
    assert all(is_safe(str(w.message)) for w in caught)
    assert is_safe(repr(clf.metric_history_))
    clf.set_params(callbacks=["print", "progress"], metrics={f"share{CONTROLS}": "accuracy"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf.fit(X, y, eval_sets={f"set{CONTROLS}": (X, y)})
    printed = capsys.readouterr()
    assert all(is_safe(text) and r"set\x00" in text for text in printed)


def test_figures() -> None:
    """Labels are escaped, and dollar signs begin no formula; a missing glyph would warn."""
    report = report_with_controls(f"$10 to $20 {CONTROLS} $\\frac$")
    axes = report.plot()
    texts = [label.get_text() for ax in axes for label in ax.get_yticklabels()]
    texts += [ax.get_xlabel() for ax in axes]
    assert all(map(is_safe, texts)) and any(r"\$10 to \$20" in text for text in texts)
    axes[0].figure.savefig(io.BytesIO())
    clf = MLPClassifier((2,), max_iter=1, metrics="accuracy", random_state=0)
    X, y = np.random.RandomState(0).rand(N, 2), np.arange(N) % 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        clf.fit(X, y, eval_sets={f"set{CONTROLS} $a$": (X, y)})
    drawn = clf.metric_history_.plot("accuracy")
    assert all(is_safe(ax.get_title()) for ax in drawn)
    drawn[0].figure.savefig(io.BytesIO())


def test_csv(tmp_path: Path) -> None:
    """No cell of any table begins a formula; numbers and data frames are not changed."""
    for formula in FORMULAS:
        assert csv_cell(formula)[0] in "'\\" and csv_cell(f" {formula}")[0] not in "=+-@"
    assert [csv_cell(v) for v in ("-9.5", "+1e-3", -1.0, "a=b", HARMLESS)] == [
        *("-9.5", "+1e-3", -1.0, "a=b", HARMLESS)
    ]
    report = report_with_controls('=HYPERLINK("http://x", "y")')
    assert "=HYPERLINK" in "".join(report.to_frame()["partition"]).replace("'", "")
    path = tmp_path / "report.csv"
    assert report.to_csv(path) is None
    written = path.read_bytes().decode()
    assert written == report.to_csv()
    rows = list(csv.DictReader(io.StringIO(written)))
    assert len(rows) == len(report) and {r["value"] for r in rows} >= {"1.0"}
    assert '\'=HYPERLINK("http://x", "y")' in {r["partition"] for r in rows}
    one = np.array([[0.5]])
    size = np.array([4])
    history = MetricHistory([Record(1, "train", ("m",), (True,), (("@p", "=1"),), one, size, size)])
    for table in (report, report - report, history):
        file = io.StringIO()
        table.to_csv(file)
        cells = [c for row in csv.reader(io.StringIO(file.getvalue())) for c in row]
        assert all(map(is_safe, cells)) and not any(c.startswith(("=", "@", "+")) for c in cells)
