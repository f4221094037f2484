"""Text from data in reports, messages, pictures and CSV files can do no harm."""

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

BAD = "\x00\x07\x1b[2J\x7f\x85\x9b\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069\ud800"
HONEST = "Zürich 東京 می\u200cخواهم 👩\u200d🔬 naïve e\u0301 \u00a0"
FORMULAS = ["=HYPERLINK(1)", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1"]
N = 40


def is_safe(text: str) -> bool:
    """Whether nothing in it controls a terminal, a direction, or a line."""
    bad = set(BAD) - set("[2J")
    return not bad & set(text) and not any(
        unicodedata.category(c) in ("Cc", "Cs") for c in text.replace("\n", "")
    )


def hostile(partition: str = f"x{BAD}", **options: Any) -> PartitionReport:
    """A report with such a name for a column, a group and a metric."""
    sex = np.where(np.arange(N) % 2, partition, "f")
    frame = pd.DataFrame({f"sex{BAD}": sex})
    y = np.arange(N) % 3 % 2
    metrics = {f"share{BAD}": "accuracy", f"kept{BAD}": failing}
    options = {"metrics": metrics, "partitions": [f"sex{BAD}"], **options}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = evaluate(None, frame, y, y_pred=y, min_rows=1, **options)
    assert all(is_safe(str(w.message)) for w in caught)
    return report


def failing(y_true: Any, y_pred: Any) -> float:
    """A metric of the user's that is undefined for part of the rows."""
    return float("nan") if len(y_true) < N else 1.0


def test_what_is_escaped_and_what_is_not() -> None:
    """Controls are visible afterwards; letters of all scripts, joiners and spaces stay."""
    assert is_safe(escaped(BAD)) and escaped("\x1b") == r"\x1b" and escaped("\u202e") == r"\u202e"
    assert escaped(HONEST) == HONEST and comma_separated([1, "a"]) == "1, a"


def test_reports_and_messages() -> None:
    """Printed reports, comparisons, checks, representations and errors; values stay raw."""
    report = hostile()
    assert is_safe(str(report)) and is_safe(repr(report)) and is_safe(str(report - report))
    assert r"\x1b[2J" in str(report) and r"\u202e" in str(report)
    group = next(e.partition for e in report if e.partitioner != "all" and "x" in e.partition)
    assert "\x1b" in group and "\x1b" in "".join(report.to_frame()["partition"])
    for failure in report.check(raises=False, **{f"min_share{BAD}": 2.0}):
        assert is_safe(str(failure))
    with pytest.raises(CheckFailed) as caught:
        report.check(**{f"min_share{BAD}": 2.0})
    assert is_safe(str(caught.value))
    for ask in (
        lambda: report.select(f"no{BAD}"),
        lambda: report.select(f"share{BAD}", by=f"no{BAD}"),
        lambda: report + hostile(metrics={f"other{BAD}": "accuracy"}),
        lambda: report + hostile(partitions=[by_labels(np.arange(N) % 2, name=f"b{BAD}")]),
        lambda: report - hostile(metrics={f"other{BAD}": "accuracy"}),
        lambda: hostile(partitions=[f"no{BAD}"]),
        lambda: hostile(partitions=[by_labels(f"no{BAD}")], labels={f"a{BAD}": np.zeros(N)}),
    ):
        with pytest.raises(ValueError, match=r"\w") as error:
            ask()
        assert is_safe(str(error.value))


def test_names_that_differ_only_in_what_is_escaped() -> None:
    """Stay apart in print."""
    report = hostile(partitions=[by_labels(np.array(["\x1b", r"\x1b"])[np.arange(N) % 2])])
    assert r"  \x1b #1 " in str(report) and r"  \x1b #2 " in str(report)


def test_training_messages(capsys: pytest.CaptureFixture[str]) -> None:
    """Warnings of the metrics while training, the history, and what verbose prints."""
    X, y = np.random.RandomState(0).rand(N, 2), np.arange(N) % 2
    clf = MLPClassifier((2,), max_iter=1, random_state=0, metrics={f"kept{BAD}": failing})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(X, y, eval_sets={f"set{BAD}": (X[:9], y[:9])})
    assert any("undefined" in str(w.message) for w in caught)
    assert all(is_safe(str(w.message)) for w in caught)
    assert is_safe(repr(clf.metric_history_))
    clf.set_params(callbacks=["print", "progress"], metrics={f"share{BAD}": "accuracy"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        clf.fit(X, y, eval_sets={f"set{BAD}": (X, y)})
    printed = capsys.readouterr()
    assert all(is_safe(text) and r"set\x00" in text for text in printed)


def test_pictures() -> None:
    """Labels are escaped, and dollars are no mathematics; a missing glyph would warn."""
    report = hostile(f"$10 to $20 {BAD} $\\frac$")
    axes = report.plot()
    texts = [label.get_text() for ax in axes for label in ax.get_yticklabels()]
    texts += [ax.get_xlabel() for ax in axes]
    assert all(map(is_safe, texts)) and any(r"\$10 to \$20" in text for text in texts)
    axes[0].figure.savefig(io.BytesIO())
    clf = MLPClassifier((2,), max_iter=1, metrics="accuracy", random_state=0)
    X, y = np.random.RandomState(0).rand(N, 2), np.arange(N) % 2
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        clf.fit(X, y, eval_sets={f"set{BAD} $a$": (X, y)})
    drawn = clf.metric_history_.plot("accuracy")
    assert all(is_safe(ax.get_title()) for ax in drawn)
    drawn[0].figure.savefig(io.BytesIO())


def test_csv(tmp_path: Path) -> None:
    """No cell begins a formula; numbers stay; frames are raw; the same from all tables."""
    for formula in FORMULAS:
        assert csv_cell(formula)[0] in "'\\" and csv_cell(f" {formula}")[0] not in "=+-@"
    assert [csv_cell(v) for v in ("-9.5", "+1e-3", -1.0, "a=b", HONEST)] == [
        *("-9.5", "+1e-3", -1.0, "a=b", HONEST)
    ]
    report = hostile('=HYPERLINK("http://x", "y")')
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
    history = MetricHistory([Record(1, "train", ("m",), (("@p", "=1"),), one, size, size)])
    for table in (report, report - report, history):
        file = io.StringIO()
        table.to_csv(file)
        cells = [c for row in csv.reader(io.StringIO(file.getvalue())) for c in row]
        assert all(map(is_safe, cells)) and not any(c.startswith(("=", "@", "+")) for c in cells)
