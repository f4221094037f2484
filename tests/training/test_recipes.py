"""Parameters become a recipe in one place."""

from typing import Any

import pytest

from mlpkit import MLPClassifier
from mlpkit.objectives.solvers import adam
from mlpkit.plugin import Report
from mlpkit.training.components import backend_name, backend_of, callbacks_of, selected_callbacks
from mlpkit.training.parameters import Parameters
from mlpkit.training.progress import printer
from mlpkit.training.recipe import has_steps, solver_of


def params(**changes: object) -> Parameters:
    """The parameters of an estimator."""
    return Parameters.of({**MLPClassifier().get_params(), **changes})


def test_a_solver_takes_the_parameters_that_it_declares() -> None:
    """adam takes the betas, sgd the momentum; solver_options win."""
    solver = solver_of(params(beta_1=0.5, solver_options={"beta_2": 0.6}))
    assert solver.options == {"beta_1": 0.5, "beta_2": 0.6, "epsilon": 1e-8}
    assert solver_of(params(solver="sgd", momentum=0.3)).options["momentum"] == 0.3


def test_a_solver_may_be_an_object() -> None:
    """It is used as it is; options do not go with it."""
    mine = adam(beta_1=0.1)
    assert solver_of(params(solver=mine)) is mine
    with pytest.raises(ValueError, match="got a Solver"):
        solver_of(params(solver=mine, solver_options={"beta_1": 0.2}))


def test_the_environment_chooses_where_nothing_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """backend=None asks MLPKIT_BACKEND, then takes NumPy."""
    monkeypatch.setenv("MLPKIT_BACKEND", "elsewhere")
    assert backend_name(params()) == "elsewhere"
    assert backend_name(params(backend="numpy")) == "numpy"
    monkeypatch.delenv("MLPKIT_BACKEND")
    assert backend_name(params()) == "numpy"


def test_an_unknown_choice_of_the_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says where the name came from."""
    monkeypatch.setenv("MLPKIT_BACKEND", "elsewhere")
    with pytest.raises(ValueError, match="unknown backend 'elsewhere'.*variable MLPKIT_BACKEND"):
        backend_of(params())


def test_callbacks_in_any_form() -> None:
    """None, a name, a function, or a list of these; verbose prints first."""

    def mine(report: Report) -> None:
        pass

    def callbacks(**changes: object) -> list[Any]:
        of = params(**changes)
        return callbacks_of(selected_callbacks(of), of)

    assert callbacks() == []
    assert callbacks(callbacks=mine) == [mine]
    assert callbacks(callbacks=["print", mine]) == [printer(), mine]
    assert callbacks(callbacks=mine, verbose=True) == [printer(), mine]


def test_steps_or_the_whole_data() -> None:
    """lbfgs has no steps; an unknown solver is left to the fit to refuse."""
    assert has_steps(params())
    assert not has_steps(params(solver="lbfgs"))
    assert has_steps(params(solver="lbfsg"))


def test_an_option_of_another_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none was given, the environment variable is blamed only if it is set."""
    unsuitable = {"backend_options": {"nothing": 1}}
    monkeypatch.delenv("MLPKIT_BACKEND", raising=False)
    with pytest.raises(ValueError, match="The default backend is 'numpy': choose"):
        backend_of(params(**unsuitable))
    monkeypatch.setenv("MLPKIT_BACKEND", "numpy")
    with pytest.raises(ValueError, match="from the environment variable MLPKIT_BACKEND"):
        backend_of(params(**unsuitable))
    with pytest.raises(ValueError, match=r"has no options, got .nothing.\.$"):
        backend_of(params(**unsuitable, backend="numpy"))
