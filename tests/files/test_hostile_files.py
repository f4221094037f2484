"""Files that are damaged, or made to do harm: one clear error, and nothing else."""

import builtins
import json
import random
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import outcome
from mutations import mutated, packed, unpacked
from sklearn.exceptions import ConvergenceWarning

import mlpkit
from mlpkit import InvalidFile, MLPClassifier, MLPRegressor, by_quantile, cross
from mlpkit.estimators.limited_draws import LimitedDraws
from mlpkit.plugin import PluginError

pytestmark = pytest.mark.once

RNG = np.random.RandomState(0)
X = RNG.standard_normal((30, 4))
LABELS, REAL = np.arange(30) % 3, X[:, 0]
SHORT: dict[str, Any] = {"hidden_layer_sizes": (5,), "random_state": 0}
N_MUTATIONS = 250


def stream() -> MLPClassifier:
    """A classifier with as many kinds of content as possible."""
    clf = MLPClassifier(
        metrics=["accuracy", "roc_auc"],
        partitions=[by_quantile(1, 2), cross(2, by_quantile(3, 2, name="q"))],
        class_weight="balanced",
        temperature_scaling=True,
        learning_rate=mlpkit.schedules.warmup(0.1),
        trainer=mlpkit.Cycles(first_cycle=1),
        **SHORT,
    )
    for _ in range(2):
        clf.partial_fit(X.round(), LABELS > 0, classes=[False, True])
    return clf.calibrate(X, LABELS > 0)


def quantiles() -> MLPRegressor:
    """A regressor with intervals and edited weights."""
    reg = MLPRegressor(
        loss="quantiles",
        standardize_targets=True,
        clip_predictions=True,
        early_stopping=True,
        validation_fraction=0.5,
        **{**SHORT, "random_state": np.random.RandomState(0), "max_iter": 2},
    )
    reg.fit(X, REAL)
    reg.coefs_[0] = reg.coefs_[0] + 1
    return reg


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The bytes of files of estimators."""
    folder, made = tmp_path_factory.mktemp("files"), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for i, make in enumerate((stream, quantiles)):
            make().save(folder / str(i))
            made.append((folder / str(i)).read_bytes())
    return made


def test_mutations(files: list[bytes], tmp_path: Path) -> None:
    """Each mutation is one error of `mlpkit.load`, or leaves an estimator that works."""
    path, counts = tmp_path / "model.mlpkit", Counter[str]()
    for seed in range(N_MUTATIONS):
        rng = random.Random(seed)
        path.write_bytes(mutated(rng.choice(files), rng))
        try:
            counts[outcome(path, X)] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    assert counts["InvalidFile"] > N_MUTATIONS / 3 and counts["loaded"] > N_MUTATIONS / 20


def changed(data: bytes, entries: dict[str, Any]) -> bytes:
    """The file with other values in its schema, by path, such as "network/spec/seed"."""
    members = unpacked(data)
    schema = json.loads(members["schema.json"])
    for path, value in entries.items():
        *parents, name = path.split("/")
        parent = schema
        for key in parents:
            parent = parent[key]
        parent[name] = value
    return packed({**members, "schema.json": json.dumps(schema).encode()})


def error_of(data: bytes, folder: Path) -> str:
    """The error of loading a file."""
    path = folder / "model.mlpkit"
    path.write_bytes(data)
    with pytest.raises((InvalidFile, PluginError)) as error:
        mlpkit.load(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 1000
    return str(error.value).replace(repr(str(path)), "FILE")


TABM = {"form": "builder", "builder": "tabm", "options": {}}
DAMAGED = "FILE cannot be read: it is damaged: "
ERRORS: list[tuple[dict[str, Any], str]] = [
    ({"class": "MLPClasifier"}, "unknown estimator 'MLPClasifier'"),
    (
        {"class": "os/system"},
        "This model requires estimator 'system' of os, which is not installed",
    ),
    ({"parameters/alpha": "x"}, "The 'alpha' parameter of MLPClassifier must be a float"),
    ({"parameters/os": 1}, "it has an unknown entry parameters.os"),
    ({"attributes/predict": 1}, "it has an unknown entry attributes.predict"),
    ({"attributes/__class__": 1}, "it has an unknown entry attributes.__class__"),
    ({"network/spec/hidden_layer_sizes": [10**9]}, "its weights have the shapes"),
    ({"network/spec/n_features": float("nan")}, "its schema contains NaN"),
    ({"targets/task": "regression"}, "its entry targets.loss is missing; expected one of poisson"),
    ({"metadata_requests": {"é" * 5000: {"a": 1}}}, "object has no attribute 'set_éé"),
    ({"metadata_requests": {"os": {"a": 1}}}, "no attribute 'set_os_request'"),
    (
        {"network/sources": [["backend", "x", "x", "1", "os.path"]]},
        "network.sources is ['backend'",
    ),
    (
        {"parameters/partitions": {"$": "partitioner", "name": "os", "options": {}}},
        "unknown partitioner 'os'",
    ),
    ({"parameters/partitions": {"$": "os.system", "command": "true"}}, "object.$ is 'os.system'"),
]


@pytest.mark.parametrize(("entries", "message"), ERRORS, ids=lambda value: str(value)[:40])
def test_errors_are_clear(
    entries: dict[str, Any], message: str, files: list[bytes], tmp_path: Path
) -> None:
    """The error names the entry and what is expected."""
    assert message in error_of(changed(files[0], entries), tmp_path)


def test_plugins_that_are_not_installed(files: list[bytes], tmp_path: Path) -> None:
    """The error recommends the installation of known plugins only: anyone can write a file."""
    data = changed(files[0], {"network/structure": TABM})
    with mlpkit.registry.without("mlpkit-tabular"):
        message = error_of(data, tmp_path)
    assert "mlpkit-tabular" in message
    source = [["encoder", "x", "evil-package", "1.0", "evil"]]
    message = error_of(changed(files[0], {"network/sources": source}), tmp_path)
    assert message == (
        "This model requires encoder 'x' of evil-package 1.0, which is not installed. Install it if"
        " you trust the source of the file."
    )


def test_no_code_is_executed(files: list[bytes], tmp_path: Path, monkeypatch: Any) -> None:
    """No module is imported that a valid file does not need, and nothing is evaluated."""
    path = tmp_path / "model.mlpkit"
    path.write_bytes(files[0])
    mlpkit.load(path)
    modules = set(sys.modules)

    def forbidden(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("code was executed")

    for name in ("eval", "exec", "compile"):
        monkeypatch.setattr(builtins, name, forbidden)
    for entries in (
        {"class": "antigravity:fly"},
        {"network/structure": {"form": "builder", "builder": "antigravity.fly", "options": {}}},
        {"network/loss": {"adapted": "antigravity.fly"}},
        {"network/sources": [["encoder", "x", "antigravity", "1", "antigravity"]]},
    ):
        error_of(changed(files[0], entries), tmp_path)
    assert set(sys.modules) == modules


def test_large_sizes_allocate_nothing(files: list[bytes], tmp_path: Path) -> None:
    """A builder is not called for sizes that its stored weights do not have."""
    pytest.importorskip("mlpkit_tabular")
    structure = {**TABM, "options": {"n_members": 10**9}}
    message = error_of(changed(files[0], {"network/structure": structure}), tmp_path)
    assert message.startswith(DAMAGED + "its size 1000000000 is larger than its weights")
    with pytest.raises(ValueError, match="many more weights"):
        LimitedDraws(10).normal(0, 1, (10**4, 10**4))
    with pytest.raises(ValueError, match="many more weights"):
        LimitedDraws(10).randn(10**4, 10**4)
