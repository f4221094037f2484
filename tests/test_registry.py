"""Names into objects: what is looked up where, and what each mistake is told."""

import sys
import tomllib
from pathlib import Path

import pytest
from distributions import install, offering
from lookups import BROKEN, FAST, JSON, loaded, message

from mlpkit.metrics.lookup import metric_of
from mlpkit.registry import lookup as registry
from mlpkit.registry.distributions import ALIASES, KNOWN
from mlpkit.registry.lookup import Registry, installed

pytestmark = pytest.mark.once

REPOSITORY = Path(__file__).parent.parent


def test_builtin_imports_no_plugin(site: Path) -> None:
    """Looking up a built-in name imports no plugin at all."""
    install(site, "mlpkit-fast", {"fast": FAST})
    found = Registry()
    plugin, component = found.find("backend", "numpy")
    assert (plugin.entry.name, plugin.distribution) == ("core", "mlpkit")
    assert component.factory == "mlpkit.numpy_backend.steps:backend"
    assert {"core"} == loaded(found)
    assert "mlpkit_fast_fast" not in sys.modules


def test_entry_point_of_that_name_comes_next(site: Path) -> None:
    """A name is found in its own entry point, and no other plugin is imported."""
    install(site, "mlpkit-fast", {"fast": FAST})
    install(site, "mlpkit-other", {"other": BROKEN})
    found = Registry()
    factory, component = found.resolve("backend", "fast")
    assert component.name == "fast"
    assert factory.__name__ == "loads"
    assert {"core", "fast"} == loaded(found)


def test_part_before_a_dot_names_the_entry_point(site: Path) -> None:
    """'fast.tiny' is looked up in the entry point 'fast'."""
    install(site, "mlpkit-fast", {"fast": offering("mlpkit_builders", f"'fast.tiny', {JSON}")})
    install(site, "mlpkit-other", {"other": BROKEN})
    found = Registry()
    assert found.find("builder", "fast.tiny")[1].name == "fast.tiny"
    assert {"core", "fast"} == loaded(found)


def test_all_plugins_come_last(site: Path) -> None:
    """A name that no entry point has is found in whichever plugin offers it."""
    install(site, "mlpkit-zoo", {"zoo": FAST})
    found = Registry()
    assert found.find("backend", "fast")[0].distribution == "mlpkit-zoo"


def test_own_entry_point_wins_over_others(site: Path) -> None:
    """The entry point of the name is preferred to another plugin that offers it too."""
    install(site, "mlpkit-fast", {"fast": FAST})
    install(site, "mlpkit-zoo", {"zoo": FAST})
    found = Registry()
    assert found.find("backend", "fast")[0].distribution == "mlpkit-fast"
    assert found.find("backend", "zoo/fast")[0].distribution == "mlpkit-zoo"


def test_unknown_name(site: Path) -> None:
    """An unknown name is told what is installed, the nearest, and what may be installed."""
    install(site, "mlpkit-fast", {"fast": FAST})
    install(site, "mlpkit-bad", {"bad": BROKEN})
    expected = (
        "unknown backend 'Fsat'; installed: numpy, fast. Did you mean 'fast'? (Not in use: plugin"
        " 'bad' (mlpkit-bad 1.0) is broken: ModuleNotFoundError: No module named"
        " 'nonexistent_library')"
    )
    assert expected == message(Registry(), "Fsat", ValueError)


def test_unknown_name_that_is_near_none(site: Path) -> None:
    """No name is suggested when none is near."""
    expected = "unknown backend 'qqq.mlp'; installed: numpy."
    assert expected == message(Registry(), "qqq.mlp", ValueError)


def test_unknown_distribution(site: Path) -> None:
    """Only what exists is recommended for installation, by its name or what it brings."""
    told = message(Registry(), "mlpkit-none/numpy", ValueError)
    assert "Did you mean 'numpy'?" in told and "pip install" not in told
    for name in ("torch", "mlpkit-torch/torch", "mlpkit-torch", "pytorch", "Torhc"):
        told = message(Registry(), name, ValueError)
        assert "mlpkit-torch brings it: pip install ./plugins/mlpkit-torch, in a checkout" in told
        assert ("Did you mean 'torch'?" in told) == (name in ("pytorch", "Torhc"))


def test_what_is_recommended_exists() -> None:
    """Each distribution of the list is a folder of the repository, and has what it is said to."""
    for known in KNOWN:
        folder = REPOSITORY / known.folder
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        assert project["name"] == known.distribution
    assert {known.folder for known in KNOWN} == {
        f"plugins/{path.parent.name}" for path in (REPOSITORY / "plugins").glob("*/pyproject.toml")
    }
    names = {kind: installed().names(kind) for kind in ALIASES}  # type: ignore[arg-type]
    for kind, aliases in ALIASES.items():
        known_names = {n for known in KNOWN for n in known.brings.get(kind, ())}
        assert set(aliases.values()) <= {*names[kind], *known_names}  # type: ignore[index]
        assert not set(aliases) & set(names[kind])  # type: ignore[index]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("auc", "roc_auc"),
        ("f1_score", "f1"),
        ("acc", "accuracy"),
        ("accuracy_score", "accuracy"),
        ("neg_log_loss", "log_loss"),
        ("binary_crossentropy", "log_loss"),
        ("neg_mean_squared_error", "mse"),
        ("MeanSquaredError", "mse"),
        ("neg_root_mean_squared_error", "rmse"),
        ("r2_score", "r2"),
        ("precision_score", "precision"),
        ("roc_auc_score", "roc_auc"),
        ("average_precision_score", "average_precision"),
        ("explained_variance_score", "explained_variance"),
        ("neg_median_absolute_error", "median_absolute_error"),
        ("Accuracy", "accuracy"),
    ],
)
def test_other_spellings_of_metrics(given: str, meant: str) -> None:
    """Those of scikit-learn and Keras."""
    with pytest.raises(ValueError, match=f"unknown metric '{given}'.* Did you mean '{meant}'"):
        metric_of(given)


def test_functions_of_scikit_learn_can_be_given() -> None:
    """Where there is no metric of ours."""
    with pytest.raises(ValueError, match="metrics=.sklearn.metrics.max_error. takes scikit-learn"):
        metric_of("max_error")


@pytest.mark.parametrize("name", ["", "/", "a b; rm", "/numpy", "--upgrade"])
def test_no_pip_line_for_what_is_no_package(site: Path, name: str) -> None:
    """What can't be a package's name is not put on a pip line."""
    assert "pip" not in message(Registry(), name, ValueError)


def test_name_of_another_kind(site: Path) -> None:
    """A builder given as a backend is recognised."""
    expected = "unknown backend 'dense'; installed: numpy. There is a builder='dense'."
    assert expected == message(Registry(), "dense", ValueError)


def test_two_distributions_with_one_name(site: Path) -> None:
    """A name that two offer is an error naming both, and a qualifier chooses."""
    install(site, "mlpkit-a", {"a": FAST})
    install(site, "mlpkit-b", {"b": FAST}, version="2.1")
    found = Registry()
    expected = (
        "backend 'fast' is offered by plugin 'a' (mlpkit-a 1.0) and plugin 'b' (mlpkit-b 2.1)."
        " Choose backend='mlpkit-a/fast' or backend='mlpkit-b/fast'"
    )
    assert expected == message(found, "fast")
    for name in ("mlpkit-b/fast", "mlpkit_B/fast", "b/fast"):
        assert found.find("backend", name)[0].distribution == "mlpkit-b"


def test_two_distributions_with_one_entry_point(site: Path) -> None:
    """Two entry points of one name are both seen, and told apart by their distributions."""
    install(site, "mlpkit-a", {"fast": FAST})
    install(site, "mlpkit-b", {"fast": FAST})
    found = Registry()
    assert "Choose backend='mlpkit-a/fast' or backend='mlpkit-b/fast'" in message(found, "fast")
    assert "is offered by" in message(found, "fast/fast")
    assert found.find("backend", "mlpkit-b/fast")[0].distribution == "mlpkit-b"


def test_one_distribution_with_two_offers(site: Path) -> None:
    """Two entry points of one distribution are told apart by their own names."""
    install(site, "mlpkit-a", {"x": FAST, "y": FAST})
    found = Registry()
    assert "Choose backend='x/fast' or backend='y/fast'" in message(found, "mlpkit-a/fast")
    assert found.find("backend", "y/fast")[0].entry.name == "y"


def test_builtin_name_can_not_be_taken(site: Path) -> None:
    """A third party's 'numpy' is reached by its distribution only."""
    install(site, "mlpkit-thief", {"numpy": offering("mlpkit_backends", f"'numpy', {JSON}")})
    found = Registry()
    assert found.find("backend", "numpy")[0].distribution == "mlpkit"
    assert {"core"} == loaded(found)
    assert found.find("backend", "mlpkit/numpy")[0].distribution == "mlpkit"
    assert found.find("backend", "mlpkit-thief/numpy")[0].distribution == "mlpkit-thief"


def test_core_can_not_be_taken(site: Path) -> None:
    """Neither foreign metadata in the name of the core, nor an entry point 'core', replace it."""
    install(site, "mlpkit", {"core": BROKEN}, version="9.9")
    install(site, "mlpkit-thief", {"core": offering("mlpkit_backends", f"'numpy', {JSON}")})
    found = Registry()
    assert found.find("backend", "numpy")[0].entry.value == "mlpkit.registry.builtins"
    assert [p.distribution for p in found.plugins] == ["mlpkit", "mlpkit-thief"]


def test_core_needs_no_metadata(site: Path) -> None:
    """Built-ins are there in a frozen program or a bare source tree, without metadata."""
    assert [p.entry.name for p in Registry().plugins] == ["core"]
    assert "numpy" in Registry().names("backend")


def test_options(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options are checked against what the component declares."""
    install(site, "mlpkit-fast", {"fast": FAST})
    monkeypatch.setattr(registry, "_registry", Registry)
    assert registry.resolve("backend", "fast", {"speed": 2})[1] == {"speed": 2}
    with pytest.raises(ValueError, match="has no option 'sped'; it takes: speed, devices. Did you"):
        registry.resolve("backend", "fast", {"sped": 2})
    with pytest.raises(ValueError, match=r"it takes: none\. It is an option of backend='fast'\.$"):
        registry.resolve("backend", "numpy", {"speed": 2})


def test_object_instead_of_a_name() -> None:
    """An object is used as it is, with the options that were given."""
    assert (len, {"x": 1}) == registry.resolve("backend", len, {"x": 1})
