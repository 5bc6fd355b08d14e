"""A test that fails once: run again alone, named, and green only as far as the rules go."""

import os
import re
from pathlib import Path

import pytest

from config.launcher.checks import flakes
from config.launcher.checks.flakes import names_in, run_with_second_try
from config.launcher.checks.suite import Outcome
from config.launcher.place import ROOT

pytestmark = pytest.mark.slow

ONCE = """\
    print("seen in", {name!r})
    mark = Path(__file__).with_name("{name}.seen")
    first = not mark.exists()
    mark.touch()
    assert not first, "only the first time"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a suite of its own: one test that always passes."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/flaky.md").write_text("| test | date | cause |\n|---|---|---|\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_good.py").write_text("def test_good():\n    pass\n")
    return tmp_path


def _write(folder: Path, file: str, *bodies: str) -> None:
    """Write a module with one test for each body; `ONCE` fails until it has run."""
    path = folder / "tests" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "from pathlib import Path\nimport pytest\n"
    for number, body in enumerate(bodies):
        text += (
            f"\n\ndef test_{number}():\n{body.replace('{name!r}', repr(str(number))).replace('{name}', str(number))}"
        )
    path.write_text(text)


def _run(folder: Path, *options: str) -> tuple[Outcome, str]:
    """Run the folder's suite; no plugin but ours takes part, unless it is named."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DJANGO", "COV_"))},
        "PYTHONPATH": str(ROOT),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }
    outcome, lines = run_with_second_try(environment, options, folder=folder)
    return outcome, "\n".join(lines)


def test_suite_without_a_failure_is_green_and_says_nothing(folder: Path) -> None:
    outcome, said = _run(folder)
    assert (outcome.code, said) == (0, "")


def test_failing_once_is_green_and_named_with_both_outputs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(folder, "test_a.py", ONCE)
    outcome, said = _run(folder)
    assert outcome.code == 0
    assert said.startswith("FLAKY tests/test_a.py::test_0\n")
    assert "only the first time" in said
    assert said.count("seen in 0") == 2
    assert "docs/flaky.md" in said
    assert re.fullmatch(r"2 passed, 1 flaky in [\d.]+s", outcome.summary)
    # What a reader of the output takes for pytest's closing line agrees with the exit code.
    assert capsys.readouterr().out.splitlines()[-1] == f"===== {outcome.summary} ====="


def test_long_test_is_run_again_although_a_plain_run_leaves_it_out(folder: Path) -> None:
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -m 'not long'\nmarkers = long\n")
    _write(folder, "test_a.py", ONCE)
    module = folder / "tests/test_a.py"
    module.write_text(
        module.read_text().replace("import pytest\n", "import pytest\n\npytestmark = pytest.mark.long\n", 1)
    )
    outcome, said = _run(folder, "-m", "long")
    assert (outcome.code, said.partition("\n")[0]) == (0, "FLAKY tests/test_a.py::test_0")


def test_no_closing_line_with_a_failure_is_printed_for_a_flake(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _write(folder, "test_a.py", ONCE)
    _run(folder)
    assert not re.search(r"^=.*\d failed", capsys.readouterr().out, re.M)


def test_failing_twice_is_red(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(folder, "test_a.py", "    assert 1 == 2\n")
    outcome, said = _run(folder)
    assert outcome.code == 1
    assert said.startswith("FAILED TWICE tests/test_a.py::test_0: red")
    assert capsys.readouterr().out.splitlines()[-1].startswith("===== 1 failed, 1 passed in ")


def test_one_flake_beside_a_failure_is_red(folder: Path) -> None:
    _write(folder, "test_a.py", ONCE, "    assert 1 == 2\n")
    outcome, said = _run(folder)
    assert (outcome.code, "FLAKY tests/test_a.py::test_0" in said) == (1, True)
    assert "2 failed, 1 passed" in outcome.summary


@pytest.mark.parametrize(("number", "code"), [(3, 0), (4, 1)])
def test_more_than_three_are_red(folder: Path, number: int, code: int) -> None:
    _write(folder, "test_a.py", *[ONCE] * number)
    assert _run(folder)[0].code == code


@pytest.mark.parametrize("file", ["security/test_doors.py", "hitl/machine/test_races.py", "hitl/test_once.py"])
def test_flake_of_a_wall_or_a_race_is_red(folder: Path, file: str) -> None:
    _write(folder, file, ONCE)
    outcome, said = _run(folder)
    assert (outcome.code, "may not fail once" in said) == (1, True)


def test_second_flake_of_a_name_is_red_wherever_its_file_lies(folder: Path) -> None:
    _write(folder, "moved/test_a.py", ONCE)
    with (folder / "docs/flaky.md").open("a") as page:
        page.write("| `tests/test_a.py::test_0` | 2026-11-25 | |\n")
    outcome, said = _run(folder)
    assert (outcome.code, "names it already" in said) == (1, True)


def test_setup_that_fails_once_is_a_flake(folder: Path) -> None:
    _write(folder, "test_a.py", "    pass\n")
    text = f"\n\n@pytest.fixture(autouse=True)\ndef _ground():\n{ONCE.replace('{name!r}', '0').replace('{name}', '0')}"
    with (folder / "tests/test_a.py").open("a") as file:
        file.write(text)
    outcome, _ = _run(folder)
    assert outcome.code == 0
    assert outcome.summary.startswith("2 passed, 1 flaky in ")


def test_skipped_at_the_second_try_is_red(folder: Path) -> None:
    _write(folder, "test_a.py", ONCE.replace("mark.touch()", "mark.touch()\n    if not first:\n        pytest.skip()"))
    outcome, said = _run(folder)
    assert (outcome.code, "FAILED TWICE" in said) == (1, True)


def test_module_that_cannot_be_collected_is_red(folder: Path) -> None:
    (folder / "tests/test_a.py").write_text("import nothing_of_this_name\n")
    outcome, said = _run(folder)
    assert (outcome.code != 0, said.startswith("Not run again")) == (True, True)


def test_crash_of_a_worker_is_red(folder: Path) -> None:
    _write(folder, "test_a.py", ONCE.replace("assert not first", "import os; first and os._exit(1); assert not first"))
    outcome, said = _run(folder, "-p", "xdist.plugin", "-n", "2")
    assert (outcome.code, "a worker that crashed: tests/test_a.py::test_0" in said) == (1, True)


def test_flake_of_a_worker_is_run_alone(folder: Path) -> None:
    _write(folder, "test_a.py", ONCE)
    outcome, said = _run(folder, "-p", "xdist.plugin", "-n", "2")
    assert (outcome.code, "FLAKY tests/test_a.py::test_0" in said) == (0, True)


def test_seconds_of_each_test_are_kept_slowest_first(folder: Path) -> None:
    _write(folder, "test_a.py", "    import time; time.sleep(0.3)\n")
    kept = folder / "made/durations.txt"
    _run(folder, f"--durations-to={kept}")
    lines = kept.read_text().splitlines()
    assert [line.split()[1] for line in lines] == ["tests/test_a.py::test_0", "tests/test_good.py::test_good"]
    assert float(lines[0].split()[0]) >= 0.3


def test_there_are_tests_of_walls_and_races_to_be_strict_with() -> None:
    """A word that matches no file is a rule that nobody is held to: files may be moved, but not away from it."""
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    held = [file for file in files if flakes.NEVER.search(file)]
    for word in ("security/", "races", "crash", "kill", "once", "seal", "_mac", "claim", "stateful", "trial", "bites"):
        assert [file for file in held if word in file and re.search(r"/(hitl|security)/", file)], word


def test_names_of_the_page_are_tests() -> None:
    for name in names_in((ROOT / flakes.PAGE).read_text()):
        file, _, function = name.partition("::")
        assert [
            path for path in (ROOT / "tests").rglob(file) if f"def {function.rpartition('::')[2]}(" in path.read_text()
        ], name
