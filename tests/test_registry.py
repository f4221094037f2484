"""Names into objects: what is looked up where, and what each mistake is told."""

import importlib
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from distributions import PREAMBLE, install, offering, only, run

from mlpkit import registry
from mlpkit.plugin import API, PluginError, PluginWarning
from mlpkit.registry import Registry

JSON = "'json:loads', 'a stand-in'"  # any importable function serves as a factory
FAST = offering("mlpkit_backends", f"'fast', {JSON}, options=('speed', 'devices')")
BROKEN = "import nonexistent_library\n"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """A folder whose distributions are the only ones installed."""
    with only(tmp_path):
        yield tmp_path


def loaded(found: Registry) -> set[str]:
    """The entry points that were imported."""
    return {p.entry.name for p in found.plugins if p.loaded}


def message(found: Registry, name: str, error: type[Exception] = PluginError) -> str:
    """What a lookup of a backend is told."""
    with pytest.raises(error) as caught:
        found.resolve("backend", name)
    return str(caught.value)


def test_builtin_imports_no_plugin(site: Path) -> None:
    """Looking up a built-in name imports no plugin at all."""
    install(site, "mlpkit-fast", {"fast": FAST})
    found = Registry()
    plugin, component = found.find("backend", "numpy")
    assert (plugin.entry.name, plugin.distribution) == ("core", "mlpkit")
    assert component.factory == "mlpkit.numpy_backend:backend"
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
        "unknown backend 'Fsat'; installed: numpy, fast. Did you mean 'fast'? A plugin may bring"
        " it: pip install mlpkit-Fsat (Not in use: plugin 'bad' (mlpkit-bad 1.0) is broken:"
        " ModuleNotFoundError: No module named 'nonexistent_library')"
    )
    assert expected == message(Registry(), "Fsat", ValueError)


def test_unknown_name_that_is_near_none(site: Path) -> None:
    """No name is suggested when none is near."""
    expected = (
        "unknown backend 'qqq.mlp'; installed: numpy. A plugin may bring it: pip install mlpkit-qqq"
    )
    assert expected == message(Registry(), "qqq.mlp", ValueError)


def test_unknown_distribution(site: Path) -> None:
    """A qualified name of something that is not installed says what to install."""
    told = message(Registry(), "mlpkit-none/numpy", ValueError)
    assert "Did you mean 'numpy'? A plugin may bring it: pip install mlpkit-none" in told


@pytest.mark.parametrize("name", ["", "/", "a b; rm", "/numpy", "--upgrade"])
def test_no_pip_line_for_what_is_no_package(site: Path, name: str) -> None:
    """What can't be a package's name is not put on a pip line."""
    assert "pip" not in message(Registry(), name, ValueError)


def test_name_of_another_kind(site: Path) -> None:
    """A builder given as a backend is recognised."""
    expected = "unknown backend 'dense'; installed: numpy. There is a builder='dense'."
    assert expected == message(Registry(), "dense", ValueError)


def test_broken_plugin_that_nobody_asked_for(site: Path) -> None:
    """A broken plugin is a warning, once, when a lookup comes upon it."""
    install(site, "mlpkit-bad", {"bad": BROKEN})
    install(site, "mlpkit-zoo", {"zoo": FAST})
    found = Registry()
    with pytest.warns(PluginWarning) as caught:
        found.find("backend", "fast")
    expected = (
        "plugin 'bad' (mlpkit-bad 1.0) is broken: ModuleNotFoundError: No module named"
        " 'nonexistent_library'. Try: pip install --upgrade mlpkit-bad, or leave it out:"
        " MLPKIT_DISABLE_PLUGINS=bad"
    )
    assert [expected] == [str(w.message) for w in caught]
    with warnings.catch_warnings(record=True) as again:
        found.find("backend", "fast")
    assert again == []


@pytest.mark.parametrize("name", ["bad", "bad.mlp", "bad/x", "mlpkit-bad/x", "mlpkit_bad/x"])
def test_broken_plugin_that_was_asked_for(site: Path, name: str) -> None:
    """A broken plugin that was asked for raises its own error, chained."""
    install(site, "mlpkit-bad", {"bad": BROKEN})
    with pytest.raises(PluginError, match="can't be used: plugin 'bad'") as caught:
        Registry().find("backend", name)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_broken_plugin_has_no_stand_in(site: Path) -> None:
    """Where the entry point of the name is broken, another plugin's is not taken instead."""
    install(site, "mlpkit-fast", {"fast": BROKEN})
    install(site, "mlpkit-zoo", {"zoo": FAST})
    found = Registry()
    assert "fast' (mlpkit-fast 1.0) is broken" in message(found, "fast")
    assert found.find("backend", "zoo/fast")[0].distribution == "mlpkit-zoo"


def test_plugin_that_exits(site: Path) -> None:
    """A plugin that calls sys.exit at import is broken and ends nothing."""
    install(site, "mlpkit-bad", {"bad": "raise SystemExit(3)"})
    assert "is broken: SystemExit: 3" in message(Registry(), "bad")


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
    assert found.find("backend", "numpy")[0].entry.value == "mlpkit.builtins"
    assert [p.distribution for p in found.plugins] == ["mlpkit", "mlpkit-thief"]


def test_core_needs_no_metadata(site: Path) -> None:
    """Built-ins are there in a frozen program or a bare source tree, without metadata."""
    assert [p.entry.name for p in Registry().plugins] == ["core"]
    assert "numpy" in Registry().names("backend")


def test_misspelt_hook(site: Path) -> None:
    """A misspelt hook names plugin and hook, and the right one."""
    install(site, "mlpkit-typo", {"typo": FAST.replace("mlpkit_backends", "mlpkit_backend")})
    told = message(Registry(), "typo")
    assert "plugin 'typo' (mlpkit-typo 1.0)" in told
    assert "there is no hook 'mlpkit_backend'" in told
    assert "Did you mean 'mlpkit_backends'?" in told


def test_hook_of_a_newer_host(site: Path) -> None:
    """A hook marked optional may be one that this version does not have."""
    source = FAST + "@hookimpl(optionalhook=True)\ndef mlpkit_dreams():\n    return []\n"
    install(site, "mlpkit-fast", {"fast": source})
    assert Registry().find("backend", "fast")[1].name == "fast"


@pytest.mark.parametrize("declared", [f"({API}, {API})", f"({API - 1}, {API + 5})", f"[1, {API}]"])
def test_versions_of_the_contract(site: Path, declared: str) -> None:
    """A plugin that was made for this version of the contract, among others, is used."""
    install(site, "mlpkit-fast", {"fast": f"mlpkit_api = {declared}\n{FAST}"})
    assert Registry().find("backend", "fast")[1].name == "fast"


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("(7, 7)", "version 7 of the contract, and mlpkit .* has version 1: install a newer mlpk"),
        ("(7, 9)", "versions 7 to 9 of the contract, and mlpkit .*: install a newer mlpkit"),
        ("(0, 0)", "version 0 of the contract, and .*: install a newer release of the plugin"),
        ("7", r"the first and the last version .* is for, as \(1, 1\), not 7"),
        ("(2, 1)", r"not \(2, 1\)"),
        ("None", "not None"),
    ],
)
def test_other_versions_of_the_contract(site: Path, declared: str, expected: str) -> None:
    """A mismatch names plugin, version and remedy, and none of its hooks is called."""
    source = FAST.replace("return", "print('called'); 1 / 0; return")
    install(site, "mlpkit-fast", {"fast": f"mlpkit_api = {declared}\n{source}"}, "3.2")
    told = message(Registry(), "fast")
    assert "plugin 'fast' (mlpkit-fast 3.2) is broken: PluginError: " in told
    assert re.search(expected, told)
    assert Registry().find("backend", "numpy")[1].name == "numpy"


def test_hook_that_raises(site: Path) -> None:
    """It names plugin, version and what was raised; the user's program goes on without it."""
    install(site, "mlpkit-fast", {"fast": FAST.replace("return", "1 / 0; return")}, "3.2")
    install(site, "mlpkit-zoo", {"zoo": offering("mlpkit_solvers", f"'lion', {JSON}")})
    found = Registry()
    assert "'fast' (mlpkit-fast 3.2) is broken: ZeroDivisionError" in message(found, "fast")
    with pytest.warns(PluginWarning, match="leave it out: MLPKIT_DISABLE_PLUGINS=fast"):
        assert found.find("solver", "lion")[1].name == "lion"


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
            " mlpkit.registry.without('mlpkit_fast', 'core', 'nobody'). Take it out of there"
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
    with caplog.at_level("DEBUG", "mlpkit.registry"), pytest.warns(PluginWarning):
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


def test_only_what_is_used_is_imported(tmp_path: Path) -> None:
    """With five plugins installed, `import mlpkit` imports none, a fit only the one it uses."""
    for name in ("one", "two", "three", "four", "five"):
        factory = f"'{name}', 'mlpkit_heavy_{name}:{name}'"
        heavy = f"from mlpkit.solvers import sgd\n{name} = sgd"
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


def test_hook_without_its_mark(site: Path) -> None:
    """A hook without @hookimpl is an error, not a plugin that offers nothing."""
    install(site, "mlpkit-fast", {"fast": FAST.replace("@hookimpl", "")})
    assert "mlpkit_backends is not marked; write @hookimpl above it" in message(Registry(), "fast")


def test_hook_with_an_argument(site: Path) -> None:
    """A hook that wants what the host does not give is an error naming plugin and hook."""
    install(site, "mlpkit-fast", {"fast": FAST.replace("mlpkit_backends()", "mlpkit_backends(it)")})
    told = message(Registry(), "fast")
    assert "'fast'" in told
    assert "'mlpkit_backends'" in told
    assert "\n" not in told


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("None", "must return a list of mlpkit.plugin.Component, not None"),
        ("7", "must return a list of mlpkit.plugin.Component, not 7"),
        (f"Component('fast', {JSON})", "must return a list of mlpkit.plugin.Component, not Comp"),
        ("'fast'", "must return mlpkit.plugin.Component, not 'f'"),
        ("[len]", "must return mlpkit.plugin.Component, not <built-in function len>"),
        ("[Component('fast', 'json')]", "factory of 'fast' is 'package.module:function', not 'js"),
        (f"[Component('a/b', {JSON})]", "'a/b'; a name is not empty and has no '/'"),
        (f"[Component('', {JSON})]", "''; a name is not empty and has no '/'"),
        (f"[Component('fast', {JSON}, requires=('json'))]", "requires of 'fast' is a tuple, ('js"),
        (f"[Component('fast', {JSON}, options=('speed'))]", "options of 'fast' is a tuple, ('spe"),
        (f"2 * [Component('fast', {JSON})]", "mlpkit_backends offers 'fast' twice"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_hook_that_returns_something_else(site: Path, returned: str, expected: str) -> None:
    """What a hook returns is checked, and the message names plugin, hook and what is wrong."""
    source = f"{PREAMBLE}@hookimpl\ndef mlpkit_backends():\n    return {returned}\n"
    install(site, "mlpkit-fast", {"fast": source})
    told = message(Registry(), "fast")
    assert "plugin 'fast' (mlpkit-fast 1.0) is broken" in told
    assert expected in told


def test_hook_may_yield(site: Path) -> None:
    """A hook that is a generator returns components as well as one with a list."""
    install(site, "mlpkit-fast", {"fast": FAST.replace("return [", "yield from [")})
    assert Registry().find("backend", "fast")[1].name == "fast"


def test_entry_point_may_be_a_class(site: Path) -> None:
    """An entry point to a class is instantiated."""
    body = FAST.partition("@hookimpl")[2].replace("mlpkit_backends()", "mlpkit_backends(self)")
    source = f"{PREAMBLE}class Fast:\n    @hookimpl" + body.replace("\n", "\n    ")
    install(site, "mlpkit-fast", {"fast": source})
    (entries,) = site.glob("*/entry_points.txt")
    entries.write_text("[mlpkit]\nfast = mlpkit_fast_fast:Fast\n")
    importlib.invalidate_caches()
    assert Registry().find("backend", "fast")[1].name == "fast"


def test_missing_requirement(site: Path) -> None:
    """What a component requires is checked before its factory is imported."""
    component = "'fast', 'mlpkit_heavy:backend', requires=('json', 'nonexistent.part')"
    source = offering("mlpkit_backends", component)
    install(site, "mlpkit-fast", {"fast": source}, "3.2", {"mlpkit_heavy": "backend = len"})
    expected = (
        "backend='fast' of plugin 'fast' (mlpkit-fast 3.2) needs nonexistent, not installed here."
        " Try: pip install mlpkit-fast"
    )
    assert expected == message(Registry(), "fast")
    assert "mlpkit_heavy" not in sys.modules


@pytest.mark.parametrize("fault", ["import nonexistent", "other = 1", "raise SystemExit"])
def test_factory_that_fails_to_import(site: Path, fault: str) -> None:
    """A factory that can't be imported names its distribution and version, with the cause."""
    source = offering("mlpkit_backends", "'fast', 'mlpkit_heavy:backend'")
    install(site, "mlpkit-fast", {"fast": source}, "3.2", {"mlpkit_heavy": fault})
    expected = (
        r"backend='fast' of plugin 'fast' \(mlpkit-fast 3.2\) can't be used:"
        " mlpkit_heavy:backend could not be imported: (Mod|Attr|System)"
    )
    with pytest.raises(PluginError, match=expected) as caught:
        Registry().resolve("backend", "fast")
    assert caught.value.__cause__ is not None


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


def test_distribution_without_metadata(site: Path) -> None:
    """What a failed removal leaves of a distribution does no harm."""
    install(site, "mlpkit-fast", {"fast": FAST})
    next(site.glob("*/METADATA")).unlink()
    importlib.invalidate_caches()
    assert "fast" in Registry().names("backend")


def test_names(site: Path) -> None:
    """Names come built-ins first, each once, and broken plugins are left out."""
    install(site, "mlpkit-a", {"a": FAST})
    install(site, "mlpkit-b", {"b": FAST})
    install(site, "mlpkit-bad", {"bad": BROKEN})
    assert Registry().names("backend") == ["numpy", "fast"]
    assert {"adam", "sgd", "lbfgs"} == set(Registry().names("solver"))


def test_order_of_folders_does_not_matter(site: Path) -> None:
    """Plugins come in the order of their names, wherever they are found."""
    install(site, "mlpkit-b", {"a": FAST})
    install(site, "mlpkit-a", {"b": FAST, "a": FAST})
    found = [(p.entry.name, p.distribution) for p in Registry().plugins[1:]]
    assert found == [("a", "mlpkit-a"), ("a", "mlpkit-b"), ("b", "mlpkit-a")]


def test_options(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options are checked against what the component declares."""
    install(site, "mlpkit-fast", {"fast": FAST})
    monkeypatch.setattr(registry, "_registry", Registry)
    assert registry.resolve("backend", "fast", {"speed": 2})[1] == {"speed": 2}
    with pytest.raises(ValueError, match="has no option 'sped'; it takes: speed, devices. Did you"):
        registry.resolve("backend", "fast", {"sped": 2})
    with pytest.raises(ValueError, match=r"'numpy' has no option 'speed'; it takes: none\.$"):
        registry.resolve("backend", "numpy", {"speed": 2})


def test_object_instead_of_a_name() -> None:
    """An object is used as it is, with the options that were given."""
    assert (len, {"x": 1}) == registry.resolve("backend", len, {"x": 1})


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
    source = f"from mlpkit.registry import Registry\nRegistry().find('backend', 'numpy')\n{FAST}"
    install(site, "mlpkit-fast", {"fast": source})
    assert Registry().find("backend", "fast")[1].name == "fast"
