"""Lookup of components by name: the order of the lookup, and the messages of its errors."""

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from distributions import install, offering
from lookups import BROKEN, FAST, JSON, loaded, message

from mlpkit.metrics.arguments import metric_of
from mlpkit.objectives.losses import LOSSES
from mlpkit.registry import lookup as registry
from mlpkit.registry.distributions import KNOWN_DISTRIBUTIONS
from mlpkit.registry.lookup import Registry, installed
from mlpkit.registry.spellings import ALIASES

pytestmark = pytest.mark.once

REPOSITORY = Path(__file__).parents[2]


def test_a_built_in_name_imports_no_plugin(site: Path) -> None:
    """The lookup of a built-in component imports no plugin."""
    install(site, "mlpkit-fast", {"fast": FAST})
    registry = Registry()
    plugin, component = registry.find("backend", "numpy")
    assert (plugin.entry.name, plugin.distribution) == ("core", "mlpkit")
    assert component.factory == "mlpkit.numpy_backend.steps:backend"
    assert {"core"} == loaded(registry)
    assert "mlpkit_fast_fast" not in sys.modules


def test_the_entry_point_with_the_name_is_searched_second(site: Path) -> None:
    """A name is found in the entry point of this name, and no other plugin is imported."""
    install(site, "mlpkit-fast", {"fast": FAST})
    install(site, "mlpkit-other", {"other": BROKEN})
    registry = Registry()
    factory, component = registry.resolve("backend", "fast")
    assert component.name == "fast"
    assert factory.__name__ == "loads"
    assert {"core", "fast"} == loaded(registry)


def test_the_part_before_a_dot_is_the_entry_point(site: Path) -> None:
    """The name 'fast.tiny' is searched for in the entry point 'fast'."""
    install(site, "mlpkit-fast", {"fast": offering("mlpkit_builders", f"'fast.tiny', {JSON}")})
    install(site, "mlpkit-other", {"other": BROKEN})
    registry = Registry()
    assert registry.find("builder", "fast.tiny")[1].name == "fast.tiny"
    assert {"core", "fast"} == loaded(registry)


def test_all_plugins_are_searched_last(site: Path) -> None:
    """A name that is not the name of an entry point is found in any plugin that has it."""
    install(site, "mlpkit-zoo", {"zoo": FAST})
    registry = Registry()
    assert registry.find("backend", "fast")[0].distribution == "mlpkit-zoo"


def test_the_entry_point_with_the_name_takes_precedence(site: Path) -> None:
    """The entry point with the name is preferred to other plugins that have the component."""
    install(site, "mlpkit-fast", {"fast": FAST})
    install(site, "mlpkit-zoo", {"zoo": FAST})
    registry = Registry()
    assert registry.find("backend", "fast")[0].distribution == "mlpkit-fast"
    assert registry.find("backend", "zoo/fast")[0].distribution == "mlpkit-zoo"


def test_unknown_name(site: Path) -> None:
    """The error lists the installed names, the nearest name and the plugins that are not in use."""
    install(site, "mlpkit-fast", {"fast": FAST})
    install(site, "mlpkit-bad", {"bad": BROKEN})
    expected = (
        "unknown backend 'Fsat'; installed: numpy, fast. Did you mean 'fast'? (Not in use: plugin"
        " 'bad' (mlpkit-bad 1.0) is unavailable: ModuleNotFoundError: No module named"
        " 'nonexistent_library')"
    )
    assert expected == message(Registry(), "Fsat", ValueError)


def test_unknown_name_without_a_similar_one(site: Path) -> None:
    """No name is suggested if none is similar."""
    expected = "unknown backend 'qqq.mlp'; installed: numpy."
    assert expected == message(Registry(), "qqq.mlp", ValueError)


def test_unknown_distribution(site: Path) -> None:
    """Only known distributions are recommended, by their names or those of their components."""
    error = message(Registry(), "mlpkit-none/numpy", ValueError)
    assert "Did you mean 'numpy'?" in error and "pip install" not in error
    for name in ("torch", "mlpkit-torch/torch", "mlpkit-torch", "pytorch", "Torhc"):
        error = message(Registry(), name, ValueError)
        assert (
            "It is part of mlpkit-torch: pip install ./plugins/mlpkit-torch, in a checkout" in error
        )
        assert ("Did you mean 'torch'?" in error) == (name in ("pytorch", "Torhc"))


def test_known_distributions_exist() -> None:
    """Each known distribution has a folder in the repository, and aliases lead to known names."""
    for known in KNOWN_DISTRIBUTIONS:
        folder = REPOSITORY / known.folder
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        assert project["name"] == known.name
    assert {known.folder for known in KNOWN_DISTRIBUTIONS} == {
        f"plugins/{path.parent.name}" for path in (REPOSITORY / "plugins").glob("*/pyproject.toml")
    }
    aliases_of: Any = ALIASES
    for kind, aliases in aliases_of.items():
        names = [*LOSSES] if kind == "loss" else installed().names(kind)
        known_names = {
            name for known in KNOWN_DISTRIBUTIONS for name in known.components.get(kind, ())
        }
        assert set(aliases.values()) <= {*names, *known_names}
        assert not set(aliases) & set(names)


@pytest.mark.parametrize(
    ("spelling", "name"),
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
def test_other_spellings_of_metrics(spelling: str, name: str) -> None:
    """The names of scikit-learn and Keras lead to a suggestion."""
    with pytest.raises(ValueError, match=f"unknown metric '{spelling}'.* Did you mean '{name}'"):
        metric_of(spelling)


def test_functions_of_scikit_learn_are_suggested() -> None:
    """If mlpkit has no metric of the name, the error mentions the function of scikit-learn."""
    with pytest.raises(ValueError, match="pass metrics=.sklearn.metrics.max_error."):
        metric_of("max_error")


@pytest.mark.parametrize("name", ["", "/", "a b; rm", "/numpy", "--upgrade"])
def test_invalid_package_names_are_not_recommended(site: Path, name: str) -> None:
    """A name that cannot be the name of a package is not part of a command."""
    assert "pip" not in message(Registry(), name, ValueError)


def test_name_of_another_kind(site: Path) -> None:
    """The error mentions a component of another kind that has the name."""
    expected = "unknown backend 'dense'; installed: numpy. There is a builder='dense'."
    assert expected == message(Registry(), "dense", ValueError)


def test_two_distributions_with_one_name(site: Path) -> None:
    """The error names both distributions, and a qualified name selects one."""
    install(site, "mlpkit-a", {"a": FAST})
    install(site, "mlpkit-b", {"b": FAST}, version="2.1")
    registry = Registry()
    expected = (
        "backend 'fast' is provided by plugin 'a' (mlpkit-a 1.0) and plugin 'b' (mlpkit-b 2.1)."
        " Use backend='mlpkit-a/fast' or backend='mlpkit-b/fast'"
    )
    assert expected == message(registry, "fast")
    for name in ("mlpkit-b/fast", "mlpkit_B/fast", "b/fast"):
        assert registry.find("backend", name)[0].distribution == "mlpkit-b"


def test_two_distributions_with_one_entry_point(site: Path) -> None:
    """Two entry points with one name are distinguished by their distributions."""
    install(site, "mlpkit-a", {"fast": FAST})
    install(site, "mlpkit-b", {"fast": FAST})
    registry = Registry()
    assert "Use backend='mlpkit-a/fast' or backend='mlpkit-b/fast'" in message(registry, "fast")
    assert "is provided by" in message(registry, "fast/fast")
    assert registry.find("backend", "mlpkit-b/fast")[0].distribution == "mlpkit-b"


def test_one_distribution_with_two_entry_points(site: Path) -> None:
    """Two entry points of one distribution are distinguished by their names."""
    install(site, "mlpkit-a", {"x": FAST, "y": FAST})
    registry = Registry()
    assert "Use backend='x/fast' or backend='y/fast'" in message(registry, "mlpkit-a/fast")
    assert registry.find("backend", "y/fast")[0].entry.name == "y"


def test_a_built_in_name_takes_precedence(site: Path) -> None:
    """The backend 'numpy' of a plugin is found only by its qualified name."""
    install(site, "mlpkit-thief", {"numpy": offering("mlpkit_backends", f"'numpy', {JSON}")})
    registry = Registry()
    assert registry.find("backend", "numpy")[0].distribution == "mlpkit"
    assert {"core"} == loaded(registry)
    assert registry.find("backend", "mlpkit/numpy")[0].distribution == "mlpkit"
    assert registry.find("backend", "mlpkit-thief/numpy")[0].distribution == "mlpkit-thief"


def test_the_core_cannot_be_replaced(site: Path) -> None:
    """Neither metadata with the name of the core nor an entry point 'core' replaces it."""
    install(site, "mlpkit", {"core": BROKEN}, version="9.9")
    install(site, "mlpkit-thief", {"core": offering("mlpkit_backends", f"'numpy', {JSON}")})
    registry = Registry()
    assert registry.find("backend", "numpy")[0].entry.value == "mlpkit.registry.builtins"
    assert [p.distribution for p in registry.plugins] == ["mlpkit", "mlpkit-thief"]


def test_the_core_needs_no_metadata(site: Path) -> None:
    """Built-in components exist without metadata, as in a frozen program or a source tree."""
    assert [p.entry.name for p in Registry().plugins] == ["core"]
    assert "numpy" in Registry().names("backend")


def test_undeclared_options_are_rejected(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error lists the declared options and the components that have the option."""
    install(site, "mlpkit-fast", {"fast": FAST})
    monkeypatch.setattr(registry, "_registry", Registry)
    assert registry.resolve("backend", "fast", {"speed": 2})[1] == {"speed": 2}
    with pytest.raises(
        ValueError, match="has no option 'sped'; it accepts: speed, devices. Did you"
    ):
        registry.resolve("backend", "fast", {"sped": 2})
    with pytest.raises(
        ValueError, match=r"has no options, got 'speed'\. It is an option of backend='fast'\.$"
    ):
        registry.resolve("backend", "numpy", {"speed": 2})
    for name in ("ample", "brisk"):
        source = FAST.replace("'fast'", f"'{name}'")
        install(site, f"mlpkit-{name}", {name: source})
    expected = "option of backend='ample', backend='brisk' and backend='fast'."
    with pytest.raises(ValueError, match=f"{expected}$"):
        registry.resolve("backend", "numpy", {"speed": 2})


def test_object_instead_of_a_name() -> None:
    """An object is returned unchanged, with its options."""
    assert (len, {"x": 1}) == registry.resolve("backend", len, {"x": 1})
