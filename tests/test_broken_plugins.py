"""What is wrong with a plugin is told with its name, version and remedy, and harms nobody else."""

import importlib
import re
import sys
import warnings
from pathlib import Path

import pytest
from distributions import PREAMBLE, install, offering
from lookups import BROKEN, FAST, JSON, message

from mlpkit.plugin import API, PluginError, PluginWarning
from mlpkit.registry.lookup import Registry

pytestmark = pytest.mark.once


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
    told = message(found, "fast")
    assert "'fast' (mlpkit-fast 3.2) is broken: PluginError: mlpkit_backends raised Zero" in told
    with pytest.warns(PluginWarning, match="leave it out: MLPKIT_DISABLE_PLUGINS=fast"):
        assert found.find("solver", "lion")[1].name == "lion"


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
        (f"[Component('fast', {JSON}, exempt='test_x')]", "exempt of 'fast' is {'test_...': 'why"),
        (f"2 * [Component('fast', {JSON})]", "mlpkit_backends offers 'fast' twice"),
        ("1 / 0", "mlpkit_backends raised ZeroDivisionError: division by zero"),
        ("(1 / 0 for _ in 'x')", "mlpkit_backends raised ZeroDivisionError"),
        ("exit(3)", "mlpkit_backends raised SystemExit: 3"),
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


def test_distribution_without_metadata(site: Path) -> None:
    """What a failed removal leaves of a distribution does no harm."""
    install(site, "mlpkit-fast", {"fast": FAST})
    next(site.glob("*/METADATA")).unlink()
    importlib.invalidate_caches()
    assert "fast" in Registry().names("backend")
