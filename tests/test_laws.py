"""The built-ins hold to the laws of their kinds."""

from typing import ClassVar

from mlpkit.testing import BuilderLaws, CallbackLaws, SolverLaws, TrainerLaws


class TestAdam(SolverLaws):
    solver = "adam"
    options: ClassVar = {"beta_1": 0.8}


class TestSgd(SolverLaws):
    solver = "sgd"


class TestPlainSgd(SolverLaws):
    solver = "sgd"
    options: ClassVar = {"nesterovs_momentum": False}


class TestLbfgs(SolverLaws):
    solver = "lbfgs"


class TestDense(BuilderLaws):
    builder = "dense"


class TestEpochs(TrainerLaws):
    trainer = "epochs"


class TestLbfgsTrainer(TrainerLaws):
    trainer = "lbfgs"
    exempt: ClassVar = {
        "test_a_float_is_the_rate_from_there": "its line search finds the rate",
        "test_passes_are_kept": "its solver has no partial_fit",
    }


class TestPrint(CallbackLaws):
    callback = "print"
