"""The page on performance has the tables of the figures, and figures are added as it says."""

from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parent.parent
PAGES = [REPOSITORY / "docs" / "performance.md", REPOSITORY / "README.md"]
FIGURES = REPOSITORY / "benchmarks" / "figures.json"
MACHINE = {"processor": "fast"}


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REPOSITORY))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_are_those_of_the_figures(page: Path, tmp_path: Path) -> None:
    """Writing them again changes nothing."""
    from benchmarks import pages
    from benchmarks.figures import Figures
    from benchmarks.report import report

    copy = tmp_path / page.name
    copy.write_text(page.read_text())
    for part, text in report(Figures.read(FIGURES)).items():
        if pages.has(copy, f"benchmarks {part}"):
            pages.write(copy, f"benchmarks {part}", text)
    assert copy.read_text() == page.read_text()


def test_all_parts_are_on_a_page() -> None:
    """No table is empty or missing."""
    from benchmarks import pages
    from benchmarks.report import WRITERS

    for part in (*WRITERS, "losses", "machine"):
        assert any(pages.has(page, f"benchmarks {part}") for page in PAGES), part
    assert not any("-->\n<!-- end -->" in page.read_text() for page in PAGES)


def measured(path: Path, results: dict[str, Any], part: str = "fit") -> Any:
    """The figures of a file after a question was asked."""
    from benchmarks.figures import Figures
    from benchmarks.questions import PARTS

    figures = Figures(path, MACHINE)
    figures.add(PARTS[part][0], results)
    return Figures.read(path)


def test_later_runs_add_questions_and_replace_those_asked_again(tmp_path: Path) -> None:
    """Results of a question are always from one run."""
    from benchmarks.questions import PARTS

    path = tmp_path / "figures.json"
    measured(path, {"scikit-learn": [2.0, 1.0], "skorch": [3.0]})
    measured(path, {"scikit-learn": [4.0]}, "predict")
    figures = measured(path, {"scikit-learn": [5.0, 6.0], "skorch": "not installed"})
    fit, prediction = PARTS["fit"][0], PARTS["predict"][0]
    assert figures.value(fit, "scikit-learn") == 5.0
    assert figures.value(fit, "skorch") is None
    assert figures.value(prediction, "scikit-learn") == 4.0
    assert not figures.has(PARTS["stream"][0])


def test_figures_of_another_machine_are_not_mixed(tmp_path: Path) -> None:
    """The error says what to do."""
    from benchmarks.figures import Figures

    path = tmp_path / "figures.json"
    measured(path, {"scikit-learn": [1.0]})
    with pytest.raises(ValueError, match="another machine.*Use another file with --json"):
        Figures(path, {"processor": "slow"})


def test_a_file_without_figures_has_no_tables(tmp_path: Path) -> None:
    """For example if only the GPU is measured."""
    from benchmarks.figures import Figures
    from benchmarks.report import report

    assert report(Figures(tmp_path / "figures.json", MACHINE)) == {}


def test_the_cost_of_an_epoch_is_apart_from_its_steps(tmp_path: Path) -> None:
    """Epochs of 50 us and 7 us a step, and fits of 2 ms more."""
    from benchmarks.figures import Figures
    from benchmarks.questions import EPOCHS, FEW, MANY, epochs_question
    from benchmarks.report import epoch, epoch_line

    figures = Figures(tmp_path / "figures.json", MACHINE)
    assert epoch(figures) == ""
    for n_steps in EPOCHS:
        for n_epochs in (FEW, MANY):
            seconds = 2e-3 + n_epochs * (50e-6 + n_steps * 7e-6)
            figures.add(epochs_question(n_steps, n_epochs), {"mlpkit-numpy": [seconds]})
    assert epoch_line(figures, "mlpkit-numpy") == pytest.approx((50.0, 7.0))
    assert "| mlpkit on NumPy | 50 | 7 |" in epoch(figures)


def test_losses_name_the_fastest_other_library(tmp_path: Path) -> None:
    """Each backend of mlpkit that is slower has a line."""
    from benchmarks.fit_tables import losses

    results = {"mlpkit-numpy": [4.0], "mlpkit-jax": [1.0], "scikit-learn": [3.0], "skorch": [2.0]}
    figures = measured(tmp_path / "figures.json", results)
    assert losses(figures).splitlines()[2:] == [
        "| fit: digits, (100), 200 | NumPy | skorch | 2.00 |"
    ]
    faster = measured(tmp_path / "other.json", {**results, "mlpkit-numpy": [1.5]})
    assert losses(faster) == "No other library is faster in any of these."
