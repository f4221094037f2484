"""The built-in components pass the conformance tests of their kinds."""

from typing import ClassVar

from mlpkit.registry.lookup import installed
from mlpkit.testing import BuilderTests, CallbackTests, EncoderTests, SolverTests, TrainerTests


class TestAdam(SolverTests):
    solver = "adam"
    options: ClassVar = {"beta_1": 0.8}


class TestAdamW(SolverTests):
    solver = "adamw"
    options: ClassVar = {"weight_decay": 0.1}


class TestSgd(SolverTests):
    solver = "sgd"


class TestPlainSgd(SolverTests):
    solver = "sgd"
    options: ClassVar = {"nesterovs_momentum": False}


class TestLbfgs(SolverTests):
    solver = "lbfgs"


class TestDense(BuilderTests):
    builder = "dense"


class TestEpochs(TrainerTests):
    trainer = "epochs"


class TestCycles(TrainerTests):
    trainer = "cycles"
    exempt: ClassVar = installed().find("trainer", "cycles")[1].exempt


class TestLbfgsTrainer(TrainerTests):
    trainer = "lbfgs"
    exempt: ClassVar = installed().find("trainer", "lbfgs")[1].exempt


class TestPrint(CallbackTests):
    callback = "print"


class TestProgress(CallbackTests):
    callback = "progress"
    options: ClassVar = {"max_iter": 10}


class TestStandard(EncoderTests):
    encoder = "standard"
