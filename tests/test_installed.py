"""What is installed: listed, left out, traced, and loaded once, by whoever needs it."""

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


def test_only_what_is_used_is_imported(tmp_path: Path) -> None:
    """With five plugins installed, `import mlpkit` imports none, a fit only the one it uses."""
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


def test_without(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside, named plugins are left out, by either name; behind it, all is as before."""
    install(site, "mlpkit-fast", {"fast": FAST})
    install(site, "mlpkit-lion", {"lion": offering("mlpkit_solvers", f"'lion', {JSON}")})
    found = Registry()
    monkeypatch.setattr(registry, "_registry", lambda: found)
    assert registry.resolve("backend", "fast")
    with registry.without("mlpkit_fast", "core", "nobody") as inside:
        assert registry.installed() is inside
        expected = (
            "backend='fast' can't be used: plugin 'fast' (mlpkit-fast 1.0) is left out by"
            " mlpkit.registry.lookup.without('mlpkit_fast', 'core', 'nobody'). Take it out of there"
        )
        assert message(inside, "fast").startswith(expected)
        assert registry.resolve("solver", "lion")
        with registry.without("lion"), pytest.raises(PluginError, match="left out"):
            registry.resolve("solver", "lion")
        assert registry.resolve("solver", "adam")
    assert registry.installed() is found
    assert registry.resolve("backend", "fast")


def test_lookups_are_traced(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The logger tells name, place, who was asked, and who won; or that nobody has it."""
    install(site, "mlpkit-a", {"a": FAST})
    install(site, "mlpkit-bad", {"bad": BROKEN})
    found = Registry()
    with caplog.at_level("DEBUG", "mlpkit.registry.lookup"), pytest.warns(PluginWarning):
        found.find("backend", "fast")
    core, a = "plugin 'core' (mlpkit " + found.plugins[0].version + ")", "plugin 'a' (mlpkit-a 1.0)"
    bad = "plugin 'bad' (mlpkit-bad 1.0) is broken: ModuleNotFoundError: No module named"
    assert caplog.messages == [
        f"backend='fast': the built-ins: asked {core}: not there",
        "backend='fast': the entry point of the name: asked nobody: not there",
        f"backend='fast': all plugins: asked {core}, {a}, {bad} 'nonexistent_library':"
        f" found in {a}",
    ]
    caplog.clear()
    found.find("backend", "numpy")
    assert caplog.messages == []


@pytest.mark.parametrize("off", ["fast", "mlpkit-fast", "mlpkit_fast", " x, MLPkit.Fast", "x fast"])
def test_disabled_plugin(tmp_path: Path, off: str) -> None:
    """A plugin that is switched off, by either of its names, is not imported, and says so."""
    install(tmp_path, "mlpkit-fast", {"fast": FAST})
    with only(tmp_path, MLPKIT_DISABLE_PLUGINS=off):
        found = Registry()
        expected = (
            "backend='fast' can't be used: plugin 'fast' (mlpkit-fast 1.0) is left out by"
            " MLPKIT_DISABLE_PLUGINS. Take it out of there, and start again."
        )
        assert expected == message(found, "fast")
        assert "is left out by" in message(found, "mlpkit-fast/other")
        assert "(Not in use: plugin 'fast'" in message(found, "misspelt", ValueError)
        assert found.names("backend") == ["numpy"]
        assert "mlpkit_fast_fast" not in sys.modules


def test_disabling_settles_a_clash(tmp_path: Path) -> None:
    """A plugin that is switched off does not count where two offer one name."""
    install(tmp_path, "mlpkit-a", {"fast": FAST})
    install(tmp_path, "mlpkit-b", {"fast": FAST})
    with only(tmp_path, MLPKIT_DISABLE_PLUGINS="mlpkit-a"):
        assert Registry().find("backend", "fast")[0].distribution == "mlpkit-b"


def test_core_can_not_be_disabled(tmp_path: Path) -> None:
    """The core ignores MLPKIT_DISABLE_PLUGINS."""
    with only(tmp_path, MLPKIT_DISABLE_PLUGINS="core,mlpkit"):
        assert Registry().find("backend", "numpy")[1].name == "numpy"


def test_distribution_listed_twice(site: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A distribution that is seen through two folders, as with a lib64 link, counts once."""
    install(site, "mlpkit-fast", {"fast": FAST})
    link = tmp_path_factory.mktemp("lib64") / "link"
    link.symlink_to(site)
    sys.path.append(str(link))
    found = Registry()
    assert [p.entry.name for p in found.plugins] == ["core", "fast"]
    assert found.find("backend", "fast")[1].name == "fast"


def test_names(site: Path) -> None:
    """Names come built-ins first, each once, and broken plugins are left out."""
    install(site, "mlpkit-a", {"a": FAST})
    install(site, "mlpkit-b", {"b": FAST})
    install(site, "mlpkit-bad", {"bad": BROKEN})
    assert Registry().names("backend") == ["numpy", "fast"]
    assert {"adam", "adamw", "sgd", "lbfgs"} == set(Registry().names("solver"))


def test_order_of_folders_does_not_matter(site: Path) -> None:
    """Plugins come in the order of their names, wherever they are found."""
    install(site, "mlpkit-b", {"a": FAST})
    install(site, "mlpkit-a", {"b": FAST, "a": FAST})
    found = [(p.entry.name, p.distribution) for p in Registry().plugins[1:]]
    assert found == [("a", "mlpkit-a"), ("a", "mlpkit-b"), ("b", "mlpkit-a")]


def together(ask: Callable[[], object]) -> list[object]:
    """The answers of eight threads that ask at the same time."""
    barrier = threading.Barrier(8)

    def at_once(_: int) -> object:
        barrier.wait()
        return ask()

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(at_once, range(8)))


def test_one_load_among_threads(site: Path) -> None:
    """Many threads that ask at once load a plugin once, get it, and one of them warns."""
    log = site / "log"
    slow = f"import time\nwith open({str(log)!r}, 'a') as log: log.write('x')\ntime.sleep(0.05)\n"
    install(site, "mlpkit-zoo", {"zoo": slow + FAST})
    install(site, "mlpkit-bad", {"bad": BROKEN})
    found = Registry()
    with pytest.warns(PluginWarning) as caught:
        answers = together(lambda: found.find("backend", "fast"))
    assert answers == 8 * answers[:1]
    assert log.read_text() == "x"
    assert len(caught) == 1


def test_one_registry_among_threads() -> None:
    """All threads of a process share one registry."""
    registry._registry.cache_clear()
    assert len(set(map(id, together(registry.installed)))) == 1


def test_lookup_while_loading(site: Path) -> None:
    """A plugin that looks a name up while it is imported does not lock itself out."""
    source = (
        f"from mlpkit.registry.lookup import Registry\nRegistry().find('backend', 'numpy')\n{FAST}"
    )
    install(site, "mlpkit-fast", {"fast": source})
    assert Registry().find("backend", "fast")[1].name == "fast"
