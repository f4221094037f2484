"""``mlpkit check`` runs the conformance tests of an installed plugin."""

from pathlib import Path

import pytest
from distributions import PREAMBLE, install, offering, run

from mlpkit.__main__ import main

pytestmark = pytest.mark.once

CODE = """
from mlpkit.plugin import Groups, Partitioner, PluginError, Solver
NAMES = tuple(map(str, range(300)))
def down(xp, p, g, optimizer_state, learning_rate, options): return p - learning_rate * g, ()
def up(xp, p, g, optimizer_state, learning_rate, options): return p + learning_rate * g, ()
def downhill(): return Solver(down)
def uphill(): return Solver(up)
def fit(dataset): return 0
def assign(fitted, dataset): return Groups((dataset.X[:, fitted] > 9) * 0, ("all",))
def place(fitted, dataset): return Groups((dataset.X[:, 0] >= 0).cumsum() - 1, NAMES)
def regions(column): return Partitioner("regions", fit, assign)
def picky(network, spec, recipe): raise PluginError("it is for trees")
def counted(): return Partitioner("counted", fit, place)
def listed(fitted, dataset): return dataset.X[:, 0].tolist()
def lists(): return Partitioner("lists", fit, listed)
def forgotten(): Partitioner("forgotten", fit, place)
"""
MODULES = {"zoo_code": CODE}


def check_output(
    folder: Path, name: str, hook: str, *components: str, more: tuple[str, ...] = ()
) -> str:
    """Return the exit code and the output of the check of a plugin with these components."""
    install(folder, "mlpkit-zoo", {"zoo": offering(hook, *components)}, modules=MODULES)
    process = run(folder, "-m", "mlpkit", "check", name, *more, PYTHONWARNINGS="default")
    assert process.stderr == ""
    return f"{process.returncode}\n{process.stdout}"


def test_a_failed_test_is_printed(tmp_path: Path) -> None:
    """The reason is printed, and the exit code is 1."""
    output = check_output(tmp_path, "mlpkit-zoo", "mlpkit_solvers", "'uphill', 'zoo_code:uphill'")
    assert output.startswith("1\nplugin 'zoo' (mlpkit-zoo 1.0)\n")
    assert "\nFAILED       solver 'uphill': " in output
    assert "\n    the update decreases a quadratic loss\n" in output
    assert output.endswith(" failed tests.\n")


@pytest.mark.parametrize("first", ["uphill", "downhill"])
def test_each_component_has_its_own_results(first: str, tmp_path: Path) -> None:
    """The order of the components has no effect."""
    names = (first, "downhill" if first == "uphill" else "uphill")
    components = [f"'{name}', 'zoo_code:{name}'" for name in names]
    output = check_output(tmp_path, "zoo", "mlpkit_solvers", *components)
    assert "\nFAILED       solver 'uphill': " in output
    assert "\npassed       solver 'downhill': " in output


def test_options_go_to_a_component(tmp_path: Path) -> None:
    """The message about required options shows how to pass them."""
    components = ["'regions', 'zoo_code:regions', options=('column',)", "'x', 'zoo_code:counted'"]
    output = check_output(tmp_path, "zoo/regions", "mlpkit_partitioners", *components)
    expected = (
        "not tested   partitioner 'regions': it requires options; try: python -m mlpkit check"
        ' zoo/regions --options \'{"column": "..."}\'\n'
    )
    assert output.startswith("0\n") and expected in output
    options = ("--options", '{"column": 0}')
    process = run(tmp_path, "-m", "mlpkit", "check", "zoo/regions", *options)
    assert (process.returncode, "\npassed       partitioner 'regions': 5 " in process.stdout) == (
        0,
        True,
    )
    for name, code, expected in [
        (
            "zoo",
            2,
            "options are for one component. Try: python -m mlpkit check zoo/regions --options",
        ),
        ("zoo/region", 2, "has no 'region'; it has: regions, x. Did you mean 'regions'?"),
    ]:
        process = run(tmp_path, "-m", "mlpkit", "check", name, *options)
        assert (process.returncode, expected in process.stdout) == (code, True)


def test_exempt_tests_are_printed(tmp_path: Path) -> None:
    """A test that a component is exempt from is printed with the reason."""
    test = "test_groups_do_not_depend_on_other_rows"
    exempt = f"exempt={{'{test}': 'rows are numbered'}}"
    component = f"'counted', 'zoo_code:counted', {exempt}"
    output = check_output(tmp_path, "zoo", "mlpkit_partitioners", component)
    assert output.startswith("0\n") and "\npassed       partitioner 'counted': 4 " in output
    assert "    exempt: groups do not depend on other rows: rows are numbered\n" in output


def test_a_backend_for_other_networks_is_not_checked(tmp_path: Path) -> None:
    """Its capabilities are printed."""
    component = "'picky', 'zoo_code:picky', supports=('custom_networks',)"
    output = check_output(tmp_path, "zoo", "mlpkit_backends", component)
    expected = (
        "not tested   backend 'picky': its conformance tests need 'dense_networks', which it does"
        " not declare\n    declares: custom_networks\n"
        "    does not declare, and must reject: dense_networks, portable_networks, losses_"
    )
    assert output.startswith("0\n") and expected in output


def test_declared_capabilities_must_work(tmp_path: Path) -> None:
    """A backend that declares the dense network and raises an error fails."""
    component = "'picky', 'zoo_code:picky', supports=('dense_networks',)"
    output = check_output(tmp_path, "zoo", "mlpkit_backends", component)
    assert output.startswith("1\n") and "\nFAILED       backend 'picky': " in output
    assert "mlpkit.plugin.PluginError: it is for trees" in output


def test_numpy_passes(tmp_path: Path) -> None:
    """The backend must reject the capabilities that it does not declare."""
    process = run(tmp_path, "-m", "mlpkit", "check", "core/numpy")
    assert process.returncode == 0
    assert "\npassed       backend 'numpy': " in process.stdout
    rejected = "custom_networks, portable_networks, losses_without_delta\n"
    assert f"    does not declare, and must reject: {rejected}" in process.stdout
    assert "skipped" not in process.stdout
    assert process.stdout.endswith("\nAll tests that apply passed.\n")


def test_a_reason_of_many_tests_is_printed_once(tmp_path: Path) -> None:
    """It names what was returned and what must be returned."""
    output = check_output(
        tmp_path, "zoo", "mlpkit_partitioners", "'forgotten', 'zoo_code:forgotten'"
    )
    assert output.startswith("1\n")
    expected = "the factory returned None; it must return an mlpkit.plugin.Partitioner"
    assert " ".join(output.split()).count(expected) == 1
    assert output.endswith("\n6 failed tests.\n")


def test_the_failing_case_is_printed(tmp_path: Path) -> None:
    """The failing case is printed without the other text of hypothesis and pytest."""
    components = ["'lists', 'zoo_code:lists'", "'place', 'zoo_code:counted'"]
    output = check_output(tmp_path, "zoo", "mlpkit_partitioners", *components)
    assert "must return mlpkit.plugin.Groups(codes, names) " in " ".join(output.split())
    assert "    groups do not depend on other rows (for rows=[5])\n" in output
    assert "object at 0x" not in output
    assert "    skipped: fitted groups merge: the partitioner has no merge\n" in output


def test_settings_for_the_users_own_tests_do_not_count(tmp_path: Path) -> None:
    """PYTEST_ADDOPTS is ignored."""
    source = offering("mlpkit_solvers", "'downhill', 'zoo_code:downhill'")
    install(tmp_path, "mlpkit-zoo", {"zoo": source}, modules=MODULES)
    for options in ("-k nothing", "--no-such-option"):
        process = run(tmp_path, "-m", "mlpkit", "check", "zoo", PYTEST_ADDOPTS=options)
        assert (process.returncode, "passed       solver 'downhill': " in process.stdout) == (
            0,
            True,
        )


@pytest.mark.parametrize("options", ["column=0", "[1]"])
def test_invalid_options(options: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The options must be a JSON object."""
    with pytest.raises(SystemExit):
        main(["check", "core", "--options", options])
    assert repr(options) in capsys.readouterr().err


def test_plugins_that_cannot_be_checked(tmp_path: Path) -> None:
    """An unavailable plugin, one without components, and an unknown one are reported."""
    install(tmp_path, "mlpkit-bad", {"bad": "import nonexistent_library"})
    install(tmp_path, "mlpkit-none", {"none": PREAMBLE})
    for name, code, expected in [
        ("bad", 1, "plugin 'bad' (mlpkit-bad 1.0) is unavailable: ModuleNotFoundError"),
        ("none", 1, "plugin 'none' (mlpkit-none 1.0) has no components"),
        ("nome", 2, "No plugin 'nome'; installed: core, bad,"),
    ]:
        process = run(tmp_path, "-m", "mlpkit", "check", name)
        assert (process.returncode, process.stderr) == (code, "")
        assert process.stdout.startswith(expected)
