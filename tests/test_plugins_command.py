"""``mlpkit plugins``: all that is installed, whatever state it is in."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from distributions import install, offering, only, run

from mlpkit.__main__ import COMMANDS, main
from mlpkit.commands.default_devices import answers

pytestmark = pytest.mark.once

STAND_IN = "'json:loads'"  # any importable function serves as a factory
FRAMEWORKS = ("jax", "tensorflow", "torch", "keras")


def sample(folder: Path) -> None:
    """Install one plugin of every sort."""
    install(folder, "mlpkit", {}, "9.9")
    summary = "a summary that says more than fits on what is left of one line of the table, and on"
    backends = [
        f"'fast', {STAND_IN}, '{summary}', options=('speed',)",
        f"'faster', {STAND_IN}, requires=('nonexistent',)",
        f"'numpy', {STAND_IN}",
    ]
    install(folder, "mlpkit-fast", {"fast": offering("mlpkit_backends", *backends)}, "3.2")
    install(folder, "mlpkit-lion", {"lion": offering("mlpkit_solvers", f"'lion', {STAND_IN}")})
    install(folder, "mlpkit-bear", {"bear": offering("mlpkit_solvers", f"'bear', {STAND_IN}")})
    install(folder, "mlpkit-a", {"a": offering("mlpkit_solvers", f"'cub', {STAND_IN}")})
    install(folder, "mlpkit-b", {"b": offering("mlpkit_solvers", f"'cub', {STAND_IN}")})
    install(folder, "mlpkit-bad", {"bad": "import nonexistent_library"})
    install(folder, "mlpkit-none", {"none": ""})


def listed(folder: Path, capsys: pytest.CaptureFixture[str], off: str = "") -> dict[str, Any]:
    """What ``--json`` prints."""
    with only(folder, MLPKIT_DISABLE_PLUGINS=off):
        assert main(["plugins", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_status_of_plugins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every entry point has a row with its state, of which trouble with an offer is part."""
    sample(tmp_path)
    found = listed(tmp_path, capsys, "mlpkit_bear")
    assert {p["plugin"]: p["status"] for p in found["plugins"]} == {
        "core": "ok",
        "a": "ambiguous",
        "b": "ambiguous",
        "bad": "broken",
        "bear": "disabled",
        "fast": "missing requirements",
        "lion": "ok",
        "none": "ok",
    }
    fast = next(p for p in found["plugins"] if p["plugin"] == "fast")
    assert (fast["distribution"], fast["version"]) == ("mlpkit-fast", "3.2")
    assert [(o["kind"], o["name"], o["status"]) for o in fast["offers"]] == [
        ("backend", "fast", "ok"),
        ("backend", "faster", "missing requirements"),
        ("backend", "numpy", "shadowed"),
    ]
    assert fast["offers"][0]["options"] == ["speed"]


def test_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong is said with what to type next."""
    sample(tmp_path)
    plugins = {p["plugin"]: p for p in listed(tmp_path, capsys, "bear")["plugins"]}
    _, faster, numpy = plugins["fast"]["offers"]
    assert plugins["bad"]["note"] == (
        "ModuleNotFoundError: No module named 'nonexistent_library'. Try: pip install --upgrade"
        " mlpkit-bad, or leave it out: MLPKIT_DISABLE_PLUGINS=bad"
    )
    assert plugins["bear"]["note"] == "Left out by MLPKIT_DISABLE_PLUGINS."
    assert plugins["none"]["note"] == "Offers nothing."
    assert faster["note"] == "Needs nonexistent: pip install mlpkit-fast."
    assert numpy["note"] == (
        "backend='numpy' is that of plugin 'core' (mlpkit 9.9). This one is"
        " backend='mlpkit-fast/numpy'."
    )
    assert "Choose solver='mlpkit-a/cub' or" in plugins["a"]["offers"][0]["note"]


def test_disabled_in_vain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A name in MLPKIT_DISABLE_PLUGINS that does nothing is pointed out."""
    assert listed(tmp_path, capsys, "misspelt, mlpkit")["notes"] == [
        "MLPKIT_DISABLE_PLUGINS names 'misspelt', which is not installed.",
        "MLPKIT_DISABLE_PLUGINS can't leave out the core.",
    ]


def test_heavy_plugin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A plugin that imports what only its factory should is pointed out."""
    source = offering("mlpkit_backends", f"'slow', {STAND_IN}, requires=('heavy',)")
    heavy = {"heavy": ""}
    install(tmp_path, "mlpkit-slow", {"slow": f"import heavy\n{source}"}, modules=heavy)
    install(tmp_path, "mlpkit-neat", {"neat": source.replace("'slow'", "'neat'")})
    neat, slow, _ = listed(tmp_path, capsys)["plugins"]
    assert (neat["status"], neat["note"]) == ("ok", "")
    assert (slow["status"], slow["note"]) == (
        "ok",
        "Imports heavy when it is only listed, which its factories should.",
    )


def test_slow_and_talkative_plugins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A plugin that is slow to import, or prints, is pointed out, and the JSON stays JSON."""
    neat = offering("mlpkit_backends", f"'neat', {STAND_IN}")
    install(tmp_path, "mlpkit-slow", {"slow": f"import time; time.sleep(0.4)\n{neat}"})
    install(tmp_path, "mlpkit-loud", {"loud": f"print('Welcome!' * 30)\n{neat}"})
    loud, slow, _ = listed(tmp_path, capsys)["plugins"]
    assert re.fullmatch(r"Takes 0\.\d s when it is only listed, which .*", slow["note"])
    assert re.fullmatch(r"Prints '.{,62}' when it is only listed, which .*", loud["note"])


def test_plugin_for_another_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is broken, with the reason, and the others are listed."""
    source = "mlpkit_api = (9, 9)\n" + offering("mlpkit_backends", f"'new', {STAND_IN}")
    install(tmp_path, "mlpkit-new", {"new": source})
    new, core = listed(tmp_path, capsys)["plugins"]
    assert (core["status"], new["status"]) == ("ok", "broken")
    assert "it was made for version 9 of the contract" in new["note"]


def test_devices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each backend is asked in a process of its own; what goes wrong is the answer."""
    devices = {
        "fast": "print('noise'); return 'gpu 0 (Tester)'",
        "wrong": "return 7",
        "fails": "import nonexistent_library",
        "crashes": "import os; os._exit(3)",
        "leaves": "raise SystemExit",
    }
    module = "\n".join(f"def {name}():\n    {code}\n" for name, code in devices.items())
    offers = [f"'{name}', {STAND_IN}, device='heavy_places:{name}'" for name in devices]
    offers.append(f"'absent', {STAND_IN}, device='nowhere:device'")
    source = offering("mlpkit_backends", *offers)
    install(tmp_path, "mlpkit-fast", {"fast": source}, modules={"heavy_places": module})
    fast, core = listed(tmp_path, capsys)["plugins"]
    assert {o["name"]: o["device"] for o in fast["offers"]} == {
        "fast": "gpu 0 (Tester)",
        "wrong": "unknown: TypeError: heavy_places:wrong must return a string, not 7",
        "fails": "unknown: ModuleNotFoundError: No module named 'nonexistent_library'",
        "crashes": "unknown: the process ended with code 3",
        "leaves": "unknown: SystemExit:",
        "absent": "unknown: ModuleNotFoundError: No module named 'nowhere'",
    }
    assert [o["device"] for o in core["offers"] if o["kind"] == "backend"] == ["cpu"]
    done = run(tmp_path, "-m", "mlpkit", "plugins")
    assert done.stderr == "" and "\n  fast     gpu 0 (Tester)\n" in done.stdout


def test_a_device_that_does_not_answer() -> None:
    """It is given up; the others have their answers."""
    slow = {"slow": "this_waits:device", "known": "cpu"}
    assert dict(answers(slow, 0.0)) == {"slow": "unknown: no answer in time", "known": "cpu"}


def test_verbose(tmp_path: Path) -> None:
    """-v tells each lookup on stderr: the name, who was asked, who has it."""
    sample(tmp_path)
    done = run(tmp_path, "-m", "mlpkit", "plugins", "-v")
    assert done.returncode == 0
    told = done.stderr.splitlines()
    fast = "plugin 'fast' (mlpkit-fast 3.2)"
    assert f"backend='fast': the entry point of the name: asked {fast}: found in {fast}" in told, (
        told
    )
    assert "backend='fast': the built-ins: asked plugin 'core' (mlpkit 9.9): not there" in told


def test_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table fits 100 columns, and groups offers by kind under their plugin."""
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
                   Needs nonexistent: pip install mlpkit-fast.
           numpy   [shadowed]
                   backend='numpy' is that of plugin 'core' (mlpkit 9.9). This one is
                   backend='mlpkit-fast/numpy'.

lion    mlpkit-lion   1.0      ok
  solver  lion
"""
    assert expected in out
    assert "PLUGIN  DISTRIBUTION  VERSION  STATUS\n\na       mlpkit-a      1.0      amb" in out
    assert out.index("\ncore    mlpkit        9.9      ok\n") > out.index("\nnone ")
    assert "\nDEVICE THAT A BACKEND USES BY DEFAULT\n  numpy  cpu\n" in out
    assert out.endswith("\nMLPKIT_DISABLE_PLUGINS names 'misspelt', which is not installed.\n")


def test_every_plugin_broken(tmp_path: Path) -> None:
    """With every plugin broken the listing is complete, and the exit code is 0."""
    faults = ["1 / 0", "raise SystemExit(3)", "def", "import mlpkit.nothing", "mlpkit_backends = 3"]
    for i, fault in enumerate(faults):
        install(tmp_path, f"mlpkit-bad{i}", {f"bad{i}": fault})
    done = run(tmp_path, "-m", "mlpkit", "plugins")
    assert (done.returncode, done.stderr) == (0, "")
    for i in range(len(faults)):
        assert re.search(rf"^bad{i} +mlpkit-bad{i} ", done.stdout, re.MULTILINE)
    assert done.stdout.count(" broken\n") == len(faults)


def test_imports_no_framework(tmp_path: Path) -> None:
    """The listing imports neither a framework nor what a plugin's factory needs."""
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
    """The command line explains itself, and asks for a command."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    out = capsys.readouterr().out
    assert ended.value.code == 0
    for name, command in COMMANDS.items():
        assert re.search(rf"^ +{name}\s+{command.SUMMARY}$", out, re.MULTILINE)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "required: COMMAND" in capsys.readouterr().err


def test_reader_that_leaves(tmp_path: Path) -> None:
    """A pipe that is closed early, as by head, ends the command without a traceback."""
    program = (
        "import os; from mlpkit.__main__ import main; r, w = os.pipe(); os.close(r);"
        " os.dup2(w, 1); raise SystemExit(main(['plugins']))"
    )
    done = run(tmp_path, "-c", program)
    assert (done.returncode, done.stderr) == (0, "")
