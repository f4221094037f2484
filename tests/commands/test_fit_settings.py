"""``mlpkit fit``: settings of the command line and of a file."""

import tomllib
from pathlib import Path

import pytest
from command_line import CORE, fit, run

import mlpkit
from mlpkit import durations
from mlpkit.commands.fitting.settings import Settings, parsed_parameters, read_config

pytestmark = [pytest.mark.once, pytest.mark.usefixtures("folder")]


def test_settings_of_a_file(people: Path, folder: Path) -> None:
    """The command line has precedence; what would run can be printed and run."""
    (folder / "fit.toml").write_text(
        'data = "people.csv"\ntarget = "income"\ndrop = ["id", "sex", "pay"]\nvalid = 0.2\n'
        '[parameters]\nmax_iter = 5\nsolver = "sgd"\nearly_stopping_on = "none"\n'
    )
    printed = run(
        *("fit", "--config", "fit.toml", "--set", "max_iter=2", "--print-config"),
        disabled=CORE,
    )
    assert printed.code == 0 and printed.err == ""
    config = tomllib.loads(printed.out)
    assert config["parameters"] == {
        "encoder": "standard",
        "max_iter": 2,
        "solver": "sgd",
        "early_stopping_on": "none",
    }
    assert config["task"] == "classification" and config["estimator"] == "MLPClassifier"
    (folder / "again.toml").write_text(printed.out)
    again = run("fit", "--config", "again.toml", "--print-config", disabled=CORE)
    assert again.out == printed.out
    curves = []
    for file, extra in (("fit.toml", ("--set", "max_iter=2")), ("again.toml", ())):
        result = run("fit", "--config", file, *extra, "-o", "m.mlpkit", disabled=CORE)
        assert result.code == 0
        model = mlpkit.load("m.mlpkit")
        assert model.early_stopping_on is None and model.n_iter_ == 2
        curves.append(model.loss_curve_)
    assert curves[0] == curves[1]


@pytest.mark.parametrize("text", ["none", "None", "null", '"none"'])
def test_no_value(text: str) -> None:
    """It is written as in TOML's settings, in Python or in JSON."""
    assert parsed_parameters([f"n_folds={text}"]) == {"n_folds": None}


def test_all_settings_survive_a_file(folder: Path) -> None:
    """Also lists, nested options, None and text that TOML escapes."""
    settings = Settings(
        data=['a "b".csv'],
        target=["y"],
        seed=3,
        memory="1GiB",
        cache="kept",
        drop=["a", "b\n"],
        parameters={
            "hidden_layer_sizes": [64, 32],
            "backend_options": {"device": "cpu"},
            "x": None,
        },
    )
    (folder / "s.toml").write_text(settings.toml())
    assert read_config("s.toml") == settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sead = 1", "s.toml: unknown setting 'sead'. Did you mean 'seed'?"),
        ('seed = "1"', "s.toml: seed must be an integer, got"),
        ("target = [1]", "s.toml: target must be a string or a list of strings"),
        ("parameters = 3", "s.toml: parameters must be a table"),
        ("seed = ", "s.toml: not valid TOML: "),
    ],
)
def test_wrong_settings(text: str, expected: str, folder: Path) -> None:
    """The message names the file and the setting."""
    (folder / "s.toml").write_text(text)
    assert expected in run("fit", "--config", "s.toml").error


def test_parameters_of_the_command_line() -> None:
    """Values are TOML, or else text."""
    assert parsed_parameters(
        ["a=1", "b=0.5", "c=true", "d=relu", 'e="none"', "f.g=[1, 2]", "f.h={i = 1}", "j=a=b"]
    ) == {
        "a": 1,
        "b": 0.5,
        "c": True,
        "d": "relu",
        "e": None,
        "f": {"g": [1, 2], "h": {"i": 1}},
        "j": "a=b",
    }


@pytest.mark.parametrize("text", ["", "0", "ten", "10 x", "1h30", "-5", "1m 2"])
def test_durations_that_are_none(text: str) -> None:
    """They raise ValueError."""
    with pytest.raises(ValueError, match="a duration must be"):
        durations.parsed(text)


def test_an_unknown_task(people: Path) -> None:
    """It may be in a file, while the command line accepts the others alone."""
    Path("s.toml").write_text('task = "ranking"')
    error = fit(people, "--config", "s.toml").error
    assert error == "task must be 'classification' or 'regression', got 'ranking'"
