"""Discovery of installed plugins: disabled ones, logging of lookups, imports and threads."""

import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from distributions import install, offering, only, run
from lookups import BROKEN, FAST, JSON, message

from mlpkit.plugin import PluginError, PluginWarning
from mlpkit.registry import lookup as registry
from mlpkit.registry.lookup import Registry


@pytest.mark.once
def test_only_used_plugins_are_imported(tmp_path: Path) -> None:
    """`import mlpkit` imports no plugin, and a fit imports only those that it uses."""
    for name in ("one", "two", "three", "four", "five"):
        factory = f"'{name}', 'mlpkit_heavy_{name}:{name}'"
        heavy = f"from mlpkit.objectives.solvers import sgd\n{name} = sgd"
        source = offering("mlpkit_solvers", factory)
        install(tmp_path, f"mlpkit-{name}", {name: source}, modules={f"mlpkit_heavy_{name}": heavy})
    program = (
        "import sys, numpy as np, mlpkit\n"
        "def ours(): return sorted(m for m in sys.modules if m.startswith('mlpkit_'))\n"
        "print(ours())\n"
        "X, y = np.random.rand(20, 2), np.arange(20) % 2\n"
        "mlpkit.MLPClassifier((2,), tol=9., n_iter_no_change=1).fit(X, y).predict(X)\n"
        "print(ours())\n"
        "mlpkit.MLPClassifier((2,), solver='two', tol=9., n_iter_no_change=1).fit(X, y)\n"
        "print(ours())\n"
    )
    done = run(tmp_path, "-c", program)
    assert done.stderr == ""
    assert done.stdout == "[]\n[]\n['mlpkit_heavy_two', 'mlpkit_two_two']\n"


def test_without_disables_plugins(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plugins are disabled by either of their names, inside the block only."""
    install(site, "mlpkit-fast", {"fast": FAST})
    install(site, "mlpkit-lion", {"lion": offering("mlpkit_solvers", f"'lion', {JSON}")})
    own = Registry()
    monkeypatch.setattr(registry, "_registry", lambda: own)
    assert registry.resolve("backend", "fast")
    with registry.without("mlpkit_fast", "core", "nobody") as inside:
        assert registry.installed() is inside
        expected = (
            "backend='fast' cannot be used: plugin 'fast' (mlpkit-fast 1.0) is disabled by"
            " mlpkit.registry.without('mlpkit_fast', 'core', 'nobody'). Enable it there and restart"
        )
        assert message(inside, "fast").startswith(expected)
        assert registry.resolve("solver", "lion")
        with registry.without("lion"), pytest.raises(PluginError, match="disabled"):
            registry.resolve("solver", "lion")
        assert registry.resolve("solver", "adam")
    assert registry.installed() is own
    assert registry.resolve("backend", "fast")


def test_lookups_are_logged(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Each step is logged with the place, the plugins that were searched, and the result."""
    install(site, "mlpkit-a", {"a": FAST})
    install(site, "mlpkit-bad", {"bad": BROKEN})
    registry = Registry()
    with caplog.at_level("DEBUG", "mlpkit.registry.lookup"), pytest.warns(PluginWarning):
        registry.find("backend", "fast")
    core = f"plugin 'core' (mlpkit {registry.plugins[0].version})"
    a = "plugin 'a' (mlpkit-a 1.0)"
    bad = "plugin 'bad' (mlpkit-bad 1.0) is unavailable: ModuleNotFoundError: No module named"
    assert caplog.messages == [
        f"backend='fast': built-in components: searched {core}: not found",
        "backend='fast': the entry point 'fast': searched none: not found",
        f"backend='fast': all plugins: searched {core}, {a}, {bad} 'nonexistent_library':"
        f" found in {a}",
    ]
    caplog.clear()
    registry.find("backend", "numpy")
    assert caplog.messages == []


@pytest.mark.parametrize("off", ["fast", "mlpkit-fast", "mlpkit_fast", " x, MLPkit.Fast", "x fast"])
def test_disabled_plugin(tmp_path: Path, off: str) -> None:
    """A plugin that is disabled by either of its names is not imported; the error says so."""
    install(tmp_path, "mlpkit-fast", {"fast": FAST})
    with only(tmp_path, MLPKIT_DISABLE_PLUGINS=off):
        registry = Registry()
        expected = (
            "backend='fast' cannot be used: plugin 'fast' (mlpkit-fast 1.0) is disabled by"
            " MLPKIT_DISABLE_PLUGINS. Enable it there and restart Python."
        )
        assert expected == message(registry, "fast")
        assert "is disabled by" in message(registry, "mlpkit-fast/other")
        assert "(Not in use: plugin 'fast'" in message(registry, "misspelt", ValueError)
        assert registry.names("backend") == ["numpy"]
        assert "mlpkit_fast_fast" not in sys.modules


def test_disabling_resolves_an_ambiguity(tmp_path: Path) -> None:
    """A name that only one enabled plugin has is not ambiguous."""
    install(tmp_path, "mlpkit-a", {"fast": FAST})
    install(tmp_path, "mlpkit-b", {"fast": FAST})
    with only(tmp_path, MLPKIT_DISABLE_PLUGINS="mlpkit-a"):
        assert Registry().find("backend", "fast")[0].distribution == "mlpkit-b"


def test_the_core_cannot_be_disabled(tmp_path: Path) -> None:
    """The core ignores MLPKIT_DISABLE_PLUGINS."""
    with only(tmp_path, MLPKIT_DISABLE_PLUGINS="core,mlpkit"):
        assert Registry().find("backend", "numpy")[1].name == "numpy"


def test_distribution_listed_twice(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A distribution that is found through two paths, as with a link lib64, counts once."""
    install(site, "mlpkit-fast", {"fast": FAST})
    link = tmp_path_factory.mktemp("lib64") / "link"
    link.symlink_to(site)
    sys.path.append(str(link))
    registry = Registry()
    assert [p.entry.name for p in registry.plugins] == ["core", "fast"]
    assert registry.find("backend", "fast")[1].name == "fast"


def test_names(site: Path) -> None:
    """Built-in names come first, each once; plugins that cannot be used have no names."""
    install(site, "mlpkit-a", {"a": FAST})
    install(site, "mlpkit-b", {"b": FAST})
    install(site, "mlpkit-bad", {"bad": BROKEN})
    assert Registry().names("backend") == ["numpy", "fast"]
    assert {"adam", "adamw", "sgd", "lbfgs"} == set(Registry().names("solver"))


def test_order_of_folders_does_not_matter(site: Path) -> None:
    """Plugins are sorted by their names."""
    install(site, "mlpkit-b", {"a": FAST})
    install(site, "mlpkit-a", {"b": FAST, "a": FAST})
    installed = [(p.entry.name, p.distribution) for p in Registry().plugins[1:]]
    assert installed == [("a", "mlpkit-a"), ("a", "mlpkit-b"), ("b", "mlpkit-a")]


def from_threads(function: Callable[[], object]) -> list[object]:
    """Return the results of a function that eight threads call at the same time."""
    barrier = threading.Barrier(8)

    def at_once(_: int) -> object:
        barrier.wait()
        return function()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(at_once, range(8)))


def test_threads_load_a_plugin_once(site: Path) -> None:
    """A plugin is imported once, every thread finds it, and there is one warning."""
    log = site / "log"
    slow = f"import time\nwith open({str(log)!r}, 'a') as log: log.write('x')\ntime.sleep(0.05)\n"
    install(site, "mlpkit-zoo", {"zoo": slow + FAST})
    install(site, "mlpkit-bad", {"bad": BROKEN})
    registry = Registry()
    with pytest.warns(PluginWarning) as caught:
        results = from_threads(lambda: registry.find("backend", "fast"))
    assert results == 8 * results[:1]
    assert log.read_text() == "x"
    assert len(caught) == 1


def test_threads_share_one_registry() -> None:
    """All threads of a process share one registry."""
    registry._registry.cache_clear()
    assert len(set(map(id, from_threads(registry.installed)))) == 1


def test_lookup_while_loading(site: Path) -> None:
    """A plugin may look up a name while it is imported."""
    source = (
        f"from mlpkit.registry.lookup import Registry\nRegistry().find('backend', 'numpy')\n{FAST}"
    )
    install(site, "mlpkit-fast", {"fast": source})
    assert Registry().find("backend", "fast")[1].name == "fast"
