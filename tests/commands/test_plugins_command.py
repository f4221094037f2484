"""``mlpkit plugins`` lists all installed plugins, whatever their status."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from distributions import install, offering, only, run

from mlpkit.__main__ import main
from mlpkit.commands.default_devices import default_devices
from mlpkit.commands.program import COMMANDS

pytestmark = pytest.mark.once

FACTORY = "'json:loads'"  # any importable function can be a factory
FRAMEWORKS = ("jax", "tensorflow", "torch", "keras", "numba")


def sample(folder: Path) -> None:
    """Install plugins of every status."""
    install(folder, "mlpkit", {}, "9.9")
    summary = "a summary that says more than fits on what is left of one line of the table, and on"
    backends = [
        f"'fast', {FACTORY}, '{summary}', options=('speed',)",
        f"'faster', {FACTORY}, requires=('nonexistent',)",
        f"'numpy', {FACTORY}",
    ]
    install(folder, "mlpkit-fast", {"fast": offering("mlpkit_backends", *backends)}, "3.2")
    install(folder, "mlpkit-lion", {"lion": offering("mlpkit_solvers", f"'lion', {FACTORY}")})
    install(folder, "mlpkit-bear", {"bear": offering("mlpkit_solvers", f"'bear', {FACTORY}")})
    install(folder, "mlpkit-a", {"a": offering("mlpkit_solvers", f"'cub', {FACTORY}")})
    install(folder, "mlpkit-b", {"b": offering("mlpkit_solvers", f"'cub', {FACTORY}")})
    install(folder, "mlpkit-bad", {"bad": "import nonexistent_library"})
    install(folder, "mlpkit-none", {"none": ""})


def listed(folder: Path, capsys: pytest.CaptureFixture[str], off: str = "") -> dict[str, Any]:
    """Return what ``--json`` prints."""
    with only(folder, MLPKIT_DISABLE_PLUGINS=off):
        assert main(["plugins", "--json"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def test_status_of_plugins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The status of a plugin includes that of its components."""
    sample(tmp_path)
    report = listed(tmp_path, capsys, "mlpkit_bear")
    assert {p["plugin"]: p["status"] for p in report["plugins"]} == {
        "core": "ok",
        "a": "ambiguous",
        "b": "ambiguous",
        "bad": "unavailable",
        "bear": "disabled",
        "fast": "missing requirements",
        "lion": "ok",
        "none": "ok",
    }
    fast = next(p for p in report["plugins"] if p["plugin"] == "fast")
    assert (fast["distribution"], fast["version"]) == ("mlpkit-fast", "3.2")
    assert [(o["kind"], o["name"], o["status"]) for o in fast["components"]] == [
        ("backend", "fast", "ok"),
        ("backend", "faster", "missing requirements"),
        ("backend", "numpy", "shadowed"),
    ]
    assert fast["components"][0]["options"] == ["speed"]


def test_notes_say_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The notes have the reason and a remedy."""
    sample(tmp_path)
    plugins = {p["plugin"]: p for p in listed(tmp_path, capsys, "bear")["plugins"]}
    _, faster, numpy = plugins["fast"]["components"]
    assert plugins["bad"]["note"] == (
        "ModuleNotFoundError: No module named 'nonexistent_library'. Try: pip install --upgrade"
        " mlpkit-bad, or disable the plugin: MLPKIT_DISABLE_PLUGINS=bad"
    )
    assert plugins["bear"]["note"] == "Disabled by MLPKIT_DISABLE_PLUGINS."
    assert plugins["none"]["note"] == "Has no components."
    assert faster["note"] == "Requires nonexistent. Try: pip install mlpkit-fast."
    assert numpy["note"] == (
        "backend='numpy' is the backend of plugin 'core' (mlpkit 9.9). To use this one:"
        " backend='mlpkit-fast/numpy'."
    )
    assert "Use solver='mlpkit-a/cub' or" in plugins["a"]["components"][0]["note"]


def test_disabled_names_without_effect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names in MLPKIT_DISABLE_PLUGINS that have no effect are reported."""
    assert listed(tmp_path, capsys, "misspelt, mlpkit")["notes"] == [
        "MLPKIT_DISABLE_PLUGINS contains 'misspelt', which is not installed.",
        "MLPKIT_DISABLE_PLUGINS cannot disable mlpkit itself.",
    ]


def test_plugin_that_imports_a_requirement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plugin that imports its requirements when it is listed is reported."""
    source = offering("mlpkit_backends", f"'slow', {FACTORY}, requires=('heavy',)")
    heavy = {"heavy": ""}
    install(tmp_path, "mlpkit-slow", {"slow": f"import heavy\n{source}"}, modules=heavy)
    install(tmp_path, "mlpkit-neat", {"neat": source.replace("'slow'", "'neat'")})
    neat, slow, _ = listed(tmp_path, capsys)["plugins"]
    assert (neat["status"], neat["note"]) == ("ok", "")
    assert (slow["status"], slow["note"]) == (
        "ok",
        "Imports heavy when it is listed. Only the factories should do this.",
    )


def test_plugins_that_are_slow_or_print(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A plugin that is slow to import or prints is reported, and the output is JSON."""
    neat = offering("mlpkit_backends", f"'neat', {FACTORY}")
    install(tmp_path, "mlpkit-slow", {"slow": f"import time; time.sleep(0.4)\n{neat}"})
    install(tmp_path, "mlpkit-loud", {"loud": f"print('Welcome!' * 30)\n{neat}"})
    loud, slow, _ = listed(tmp_path, capsys)["plugins"]
    assert re.fullmatch(r"Takes 0\.\d s to import when it is listed\. Only .*", slow["note"])
    assert re.fullmatch(r"Prints '.{,62}' when it is listed\. Only .*", loud["note"])


def test_plugin_for_another_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is incompatible, and the other plugins are listed."""
    source = "mlpkit_api = (9, 9)\n" + offering("mlpkit_backends", f"'new', {FACTORY}")
    install(tmp_path, "mlpkit-new", {"new": source})
    new, core = listed(tmp_path, capsys)["plugins"]
    assert (core["status"], new["status"]) == ("ok", "incompatible")
    assert "it supports version 9 of the plugin contract" in new["note"]


def test_devices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each function runs in its own process; an error is shown instead of the device."""
    devices = {
        "fast": "print('noise'); return 'gpu 0 (Tester)'",
        "wrong": "return 7",
        "fails": "import nonexistent_library",
        "crashes": "import os; os._exit(3)",
        "leaves": "raise SystemExit",
    }
    module = "\n".join(f"def {name}():\n    {code}\n" for name, code in devices.items())
    offers = [f"'{name}', {FACTORY}, device='heavy_places:{name}'" for name in devices]
    offers.append(f"'absent', {FACTORY}, device='nowhere:device'")
    source = offering("mlpkit_backends", *offers)
    install(tmp_path, "mlpkit-fast", {"fast": source}, modules={"heavy_places": module})
    fast, core = listed(tmp_path, capsys)["plugins"]
    assert {o["name"]: o["device"] for o in fast["components"]} == {
        "fast": "gpu 0 (Tester)",
        "wrong": "unknown: TypeError: heavy_places:wrong must return a string, got 7",
        "fails": "unknown: ModuleNotFoundError: No module named 'nonexistent_library'",
        "crashes": "unknown: the process ended with code 3",
        "leaves": "unknown: SystemExit:",
        "absent": "unknown: ModuleNotFoundError: No module named 'nowhere'",
    }
    (numpy,) = (o["device"] for o in core["components"] if o["kind"] == "backend")
    assert numpy.split(";")[0] == "cpu"
    done = run(tmp_path, "-m", "mlpkit", "plugins")
    assert done.stderr == "" and "\n  fast     gpu 0 (Tester)\n" in done.stdout


def test_a_function_that_does_not_return() -> None:
    """It is stopped, and the other devices are returned."""
    slow = {"slow": "this_waits:device", "known": "cpu"}
    assert dict(default_devices(slow, 0.0)) == {
        "slow": "unknown: no result in time",
        "known": "cpu",
    }


def test_verbose(tmp_path: Path) -> None:
    """``-v`` prints each lookup to stderr."""
    sample(tmp_path)
    done = run(tmp_path, "-m", "mlpkit", "plugins", "-v")
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    fast = "plugin 'fast' (mlpkit-fast 3.2)"
    assert f"backend='fast': the entry point 'fast': searched {fast}: found in {fast}" in lines, (
        lines
    )
    assert (
        "backend='fast': built-in components: searched plugin 'core' (mlpkit 9.9): not found"
        in lines
    )


def test_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table fits into 100 columns and groups components by plugin and kind."""
    sample(tmp_path)
    with only(tmp_path, MLPKIT_DISABLE_PLUGINS="bear,misspelt"):
        assert main(["plugins"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    assert all(line == line.rstrip() for line in out.splitlines())
    expected = """\
fast    mlpkit-fast   3.2      missing requirements
  backend  fast    a summary that says more than fits on what is left of one line of the table, and
                   on
           faster  [missing requirements]
                   Requires nonexistent. Try: pip install mlpkit-fast.
           numpy   [shadowed]
                   backend='numpy' is the backend of plugin 'core' (mlpkit 9.9). To use this one:
                   backend='mlpkit-fast/numpy'.

lion    mlpkit-lion   1.0      ok
  solver  lion
"""
    assert expected in out
    assert "PLUGIN  DISTRIBUTION  VERSION  STATUS\n\na       mlpkit-a      1.0      amb" in out
    assert out.index("\ncore    mlpkit        9.9      ok\n") > out.index("\nnone ")
    assert "\nDEFAULT DEVICES OF THE BACKENDS\n  numpy  cpu" in out
    assert out.endswith("\nMLPKIT_DISABLE_PLUGINS contains 'misspelt', which is not installed.\n")


def test_no_plugin_can_be_used(tmp_path: Path) -> None:
    """The list is complete and the exit code is 0 if no plugin can be used."""
    faults = ["1 / 0", "raise SystemExit(3)", "def", "import mlpkit.nothing", "mlpkit_backends = 3"]
    for i, fault in enumerate(faults):
        install(tmp_path, f"mlpkit-bad{i}", {f"bad{i}": fault})
    done = run(tmp_path, "-m", "mlpkit", "plugins")
    assert (done.returncode, done.stderr) == (0, "")
    for i in range(len(faults)):
        assert re.search(rf"^bad{i} +mlpkit-bad{i} ", done.stdout, re.MULTILINE)
    assert len(re.findall(" (unavailable|invalid)\n", done.stdout)) == len(faults)


def test_imports_no_framework(tmp_path: Path) -> None:
    """The command imports neither frameworks nor the modules that factories need."""
    component = "'fast', 'heavy_factory:backend', requires=('heavy',)"
    modules = {"heavy": "", "heavy_factory": "import heavy"}
    source = offering("mlpkit_backends", component)
    install(tmp_path, "mlpkit-fast", {"fast": source}, modules=modules)
    denied = {*FRAMEWORKS, *modules}
    program = (
        "import sys; from mlpkit.__main__ import main; main(['plugins']);"
        f" print('imported:', sorted({denied} & set(sys.modules)))"
    )
    done = run(tmp_path, "-c", program)
    assert done.stderr == ""
    assert "mlpkit-fast" in done.stdout
    assert done.stdout.endswith("imported: []\n")


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """``--help`` lists the commands; a command is required."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    for name, summary in COMMANDS.items():
        assert re.search(rf"^ +{name}\s+{summary}$", out, re.MULTILINE)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "required: COMMAND" in capsys.readouterr().err


def test_closed_pipe(tmp_path: Path) -> None:
    """A pipe that is closed early, as by head, ends the command without a traceback."""
    program = (
        "import os; from mlpkit.__main__ import main; r, w = os.pipe(); os.close(r);"
        " os.dup2(w, 1); raise SystemExit(main(['plugins']))"
    )
    done = run(tmp_path, "-c", program)
    assert (done.returncode, done.stderr) == (0, "")
