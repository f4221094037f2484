"""The built-ins hold to the laws of their kinds."""

from typing import ClassVar

from mlpkit.registry.lookup import installed
from mlpkit.testing import BuilderLaws, CallbackLaws, SolverLaws, TrainerLaws


class TestAdam(SolverLaws):
    solver = "adam"
    options: ClassVar = {"beta_1": 0.8}


class TestAdamW(SolverLaws):
    solver = "adamw"
    options: ClassVar = {"weight_decay": 0.1}


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
    exempt: ClassVar = installed().find("trainer", "lbfgs")[1].exempt


class TestPrint(CallbackLaws):
    callback = "print"


class TestProgress(CallbackLaws):
    callback = "progress"
    options: ClassVar = {"max_iter": 10}
