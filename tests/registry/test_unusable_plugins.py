"""Plugins that cannot be used are reported with name, version and remedy, and affect no others."""

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


def test_a_plugin_that_was_not_requested_causes_a_warning(site: Path) -> None:
    """There is one warning when a lookup reaches a plugin that cannot be used."""
    install(site, "mlpkit-bad", {"bad": BROKEN})
    install(site, "mlpkit-zoo", {"zoo": FAST})
    registry = Registry()
    with pytest.warns(PluginWarning) as caught:
        registry.find("backend", "fast")
    expected = (
        "plugin 'bad' (mlpkit-bad 1.0) is unavailable: ModuleNotFoundError: No module named"
        " 'nonexistent_library'. Try: pip install --upgrade mlpkit-bad, or disable the plugin:"
        " MLPKIT_DISABLE_PLUGINS=bad"
    )
    assert [expected] == [str(w.message) for w in caught]
    with warnings.catch_warnings(record=True) as again:
        registry.find("backend", "fast")
    assert again == []


@pytest.mark.parametrize("name", ["bad", "bad.mlp", "bad/x", "mlpkit-bad/x", "mlpkit_bad/x"])
def test_a_plugin_that_was_requested_raises_an_error(site: Path, name: str) -> None:
    """The error is chained to that of the plugin."""
    install(site, "mlpkit-bad", {"bad": BROKEN})
    with pytest.raises(PluginError, match="cannot be used: plugin 'bad'") as caught:
        Registry().find("backend", name)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_no_other_plugin_replaces_an_unavailable_one(site: Path) -> None:
    """If the entry point with the name cannot be used, the error is raised."""
    install(site, "mlpkit-fast", {"fast": BROKEN})
    install(site, "mlpkit-zoo", {"zoo": FAST})
    registry = Registry()
    assert "fast' (mlpkit-fast 1.0) is unavailable" in message(registry, "fast")
    assert registry.find("backend", "zoo/fast")[0].distribution == "mlpkit-zoo"


def test_plugin_that_exits(site: Path) -> None:
    """A plugin that calls sys.exit while it is imported does not end the program."""
    install(site, "mlpkit-bad", {"bad": "raise SystemExit(3)"})
    assert "is unavailable: SystemExit: 3" in message(Registry(), "bad")


def test_misspelt_hook(site: Path) -> None:
    """The error names the plugin and the hook, and suggests the right name."""
    install(site, "mlpkit-typo", {"typo": FAST.replace("mlpkit_backends", "mlpkit_backend")})
    error_message = message(Registry(), "typo")
    assert "plugin 'typo' (mlpkit-typo 1.0)" in error_message
    assert "unknown hook 'mlpkit_backend'" in error_message
    assert "Did you mean 'mlpkit_backends'?" in error_message


def test_hook_of_a_newer_version(site: Path) -> None:
    """An optional hook may be unknown to this version."""
    source = FAST + "@hookimpl(optionalhook=True)\ndef mlpkit_dreams():\n    return []\n"
    install(site, "mlpkit-fast", {"fast": source})
    assert Registry().find("backend", "fast")[1].name == "fast"


@pytest.mark.parametrize("declared", [f"({API}, {API})", f"({API - 1}, {API + 5})", f"[1, {API}]"])
def test_supported_versions_of_the_contract(site: Path, declared: str) -> None:
    """A plugin that supports this version of the contract is used."""
    install(site, "mlpkit-fast", {"fast": f"mlpkit_api = {declared}\n{FAST}"})
    assert Registry().find("backend", "fast")[1].name == "fast"


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (
            "(7, 7)",
            "version 7 of the plugin contract, and mlpkit .* has version 1; install a newer mlpk",
        ),
        ("(7, 9)", "versions 7 to 9 of the plugin contract, and mlpkit .*; install a newer mlpkit"),
        (
            "(0, 0)",
            "version 0 of the plugin contract, and .*; install a newer release of the plugin",
        ),
        ("7", r"the first and the last version .* supports, such as \(1, 1\), got 7"),
        ("(2, 1)", r"got \(2, 1\)"),
        ("None", "got None"),
    ],
)
def test_unsupported_versions_of_the_contract(site: Path, declared: str, expected: str) -> None:
    """The error names plugin, version and remedy, and no hook is called."""
    source = FAST.replace("return", "print('called'); 1 / 0; return")
    install(site, "mlpkit-fast", {"fast": f"mlpkit_api = {declared}\n{source}"}, "3.2")
    error_message = message(Registry(), "fast")
    status = "incompatible" if re.match(r"\((7|0)", declared) else "invalid"
    assert f"plugin 'fast' (mlpkit-fast 3.2) is {status}: " in error_message
    assert re.search(expected, error_message)
    assert Registry().find("backend", "numpy")[1].name == "numpy"


def test_hook_that_raises(site: Path) -> None:
    """The error names plugin, version and exception; other plugins can be used."""
    install(site, "mlpkit-fast", {"fast": FAST.replace("return", "1 / 0; return")}, "3.2")
    install(site, "mlpkit-zoo", {"zoo": offering("mlpkit_solvers", f"'lion', {JSON}")})
    registry = Registry()
    error_message = message(registry, "fast")
    assert "'fast' (mlpkit-fast 3.2) is invalid: mlpkit_backends raised Zero" in error_message
    with pytest.warns(PluginWarning, match="disable the plugin: MLPKIT_DISABLE_PLUGINS=fast"):
        assert registry.find("solver", "lion")[1].name == "lion"


def test_hook_without_the_decorator(site: Path) -> None:
    """A hook without @hookimpl is an error."""
    install(site, "mlpkit-fast", {"fast": FAST.replace("@hookimpl", "")})
    assert "mlpkit_backends must be decorated with @hookimpl" in message(Registry(), "fast")


def test_hook_with_an_argument(site: Path) -> None:
    """A hook with a parameter is an error that names plugin and hook."""
    install(site, "mlpkit-fast", {"fast": FAST.replace("mlpkit_backends()", "mlpkit_backends(it)")})
    error_message = message(Registry(), "fast")
    assert "'fast'" in error_message
    assert "'mlpkit_backends'" in error_message
    assert "\n" not in error_message


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        ("None", "must return a list of mlpkit.plugin.Component, got None"),
        ("7", "must return a list of mlpkit.plugin.Component, got 7"),
        (f"Component('fast', {JSON})", "must return a list of mlpkit.plugin.Component, got Comp"),
        ("'fast'", "must return mlpkit.plugin.Component, got 'f'"),
        ("[len]", "must return mlpkit.plugin.Component, got <built-in function len>"),
        (
            "[Component('fast', 'json')]",
            "factory of 'fast' must be 'package.module:function', got 'js",
        ),
        (f"[Component('a/b', {JSON})]", "a name must not be empty or contain '/', got 'a/b'"),
        (f"[Component('', {JSON})]", "a name must not be empty or contain '/', got ''"),
        (
            f"[Component('fast', {JSON}, requires=('json'))]",
            "requires of 'fast' must be a tuple, ('js",
        ),
        (
            f"[Component('fast', {JSON}, options=('speed'))]",
            "options of 'fast' must be a tuple, ('spe",
        ),
        (
            f"[Component('fast', {JSON}, exempt='test_x')]",
            "exempt of 'fast' must be a dict such as {'test_...': 'why",
        ),
        (f"2 * [Component('fast', {JSON})]", "mlpkit_backends returned 'fast' twice"),
        ("1 / 0", "mlpkit_backends raised ZeroDivisionError: division by zero"),
        ("(1 / 0 for _ in 'x')", "mlpkit_backends raised ZeroDivisionError"),
        ("exit(3)", "mlpkit_backends raised SystemExit: 3"),
    ],
)
def test_hook_with_an_invalid_result(site: Path, returned: str, expected: str) -> None:
    """The error names the plugin, the hook and what is invalid."""
    source = f"{PREAMBLE}@hookimpl\ndef mlpkit_backends():\n    return {returned}\n"
    install(site, "mlpkit-fast", {"fast": source})
    error_message = message(Registry(), "fast")
    assert "plugin 'fast' (mlpkit-fast 1.0) is invalid" in error_message
    assert expected in error_message


def test_hook_that_is_a_generator(site: Path) -> None:
    """A hook may yield its components."""
    install(site, "mlpkit-fast", {"fast": FAST.replace("return [", "yield from [")})
    assert Registry().find("backend", "fast")[1].name == "fast"


def test_entry_point_may_be_a_class(site: Path) -> None:
    """A class is instantiated."""
    body = FAST.partition("@hookimpl")[2].replace("mlpkit_backends()", "mlpkit_backends(self)")
    source = f"{PREAMBLE}class Fast:\n    @hookimpl" + body.replace("\n", "\n    ")
    install(site, "mlpkit-fast", {"fast": source})
    (entries,) = site.glob("*/entry_points.txt")
    entries.write_text("[mlpkit]\nfast = mlpkit_fast_fast:Fast\n")
    importlib.invalidate_caches()
    assert Registry().find("backend", "fast")[1].name == "fast"


def test_missing_requirement(site: Path) -> None:
    """Requirements are checked before the factory is imported."""
    component = "'fast', 'mlpkit_heavy:backend', requires=('json', 'nonexistent.part')"
    source = offering("mlpkit_backends", component)
    install(site, "mlpkit-fast", {"fast": source}, "3.2", {"mlpkit_heavy": "backend = len"})
    expected = (
        "backend='fast' of plugin 'fast' (mlpkit-fast 3.2) requires nonexistent, which is not"
        " installed. Try: pip install mlpkit-fast"
    )
    assert expected == message(Registry(), "fast")
    assert "mlpkit_heavy" not in sys.modules


def test_missing_requirement_of_an_extra(site: Path) -> None:
    """If the distribution has an extra of the name of the component, the message contains it."""
    component = "'fast', 'mlpkit_heavy:backend', requires=('nonexistent',)"
    install(site, "acme-fast", {"fast": offering("mlpkit_backends", component)}, "3.2")
    metadata = next(site.glob("*/METADATA"))
    metadata.write_text(f"{metadata.read_text()}Provides-Extra: fast\nProvides-Extra: test\n")
    importlib.invalidate_caches()
    assert message(Registry(), "fast").endswith("Try: pip install 'acme-fast[fast]'")


@pytest.mark.parametrize("fault", ["import nonexistent", "other = 1", "raise SystemExit"])
def test_factory_that_fails_to_import(site: Path, fault: str) -> None:
    """The error names distribution and version, and is chained to its cause."""
    source = offering("mlpkit_backends", "'fast', 'mlpkit_heavy:backend'")
    install(site, "mlpkit-fast", {"fast": source}, "3.2", {"mlpkit_heavy": fault})
    expected = (
        r"backend='fast' of plugin 'fast' \(mlpkit-fast 3.2\) cannot be used:"
        " mlpkit_heavy:backend could not be imported: (Mod|Attr|System)"
    )
    with pytest.raises(PluginError, match=expected) as caught:
        Registry().resolve("backend", "fast")
    assert caught.value.__cause__ is not None


def test_distribution_without_metadata(site: Path) -> None:
    """The remains of an incomplete removal do not affect lookups."""
    install(site, "mlpkit-fast", {"fast": FAST})
    next(site.glob("*/METADATA")).unlink()
    importlib.invalidate_caches()
    assert "fast" in Registry().names("backend")
