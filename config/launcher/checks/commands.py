"""`./walker test`, `check` and `bench`: on throw-away services that end with the command."""

import argparse
import ast
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.launcher import ports
from config.launcher.checks import record
from config.launcher.checks.change import changed_files, select
from config.launcher.checks.flakes import run_with_second_try
from config.launcher.checks.suite import Outcome, run_pytest
from config.launcher.faults import StartError
from config.launcher.installation import Installation
from config.launcher.place import ROOT, Place
from config.launcher.servers.services import is_parallel_worthwhile
from config.launcher.supervisor import Supervisor, say, stop_on_signals
from core.clock import now

ALONE = frozenset({"console", "core", "e2e", "ground"})
"""The parts whose tests measure time or kill processes of a whole installation: one by one. The others run at once."""
DURATIONS = ROOT / ".pytest_cache" / "durations.txt"
_BIN = Path(sys.executable).parent
QUICK, SLOW = "not long and not slow", "slow and not long"
"""The tests of a check, and those that run with it where the change can touch them, and with `--all`."""
_COVERAGE = ["--cov", "--cov-report=", "--cov-fail-under=0"]
"""Counts the lines and branches that tests reach, for half as long again; `coverage report` judges them at the end."""


def test(arguments: argparse.Namespace) -> int:
    """Run pytest with the given options.

    With `--long` all that a check has no time for: the slow tests, then the long ones, at once where they only count
    effects. Names of parts run the long tests of these alone. As in a check, a test that fails then runs once more,
    alone, after the others.
    """
    rest = arguments.rest
    if not arguments.long:
        with throw_away() as installation:
            say("\n--- pytest")
            outcome = run_pytest(installation.environment, rest)
        _tell_skips([outcome])
        return _verdict([outcome])
    chosen = wanted_parts(ROOT, rest)
    alone = [part for part in chosen if part.split("/")[0] in ALONE]
    spread = [part for part in chosen if part not in alone]
    # Each test is told when it ends: some take minutes.
    runs = {f"long {part}": ["-v", "-m", "long", f"tests/{part}"] for part in alone}
    if spread:
        runs["long, at once"] = ["-v", "-m", "long", *(f"tests/{part}" for part in spread), *_parallel(2)]
    if not chosen:
        runs = {"tests": ["-m", "long or not long", *rest]}
    elif not rest:
        runs = {"slow": ["-m", SLOW, *_parallel()], **runs}
    outcomes, flakes = [], []
    with throw_away() as installation:
        for name, options in runs.items():
            say(f"\n--- pytest: {name}")
            outcome, lines = run_with_second_try(installation.environment, options)
            outcomes.append(replace(outcome, name=name, summary=outcome.summary or "no summary"))
            flakes += lines
    _tell_skips(outcomes)
    for line in flakes:
        say(line)
    for outcome in outcomes:
        say(f"{'ok  ' if outcome.code == 0 else 'FAIL'} {outcome.name:<22} {outcome.seconds:7.1f} s  {outcome.summary}")
    say(f"{sum(outcome.seconds for outcome in outcomes):.0f} s in all, {now():%Y-%m-%d}")
    return _verdict(outcomes)


def check(arguments: argparse.Namespace) -> int:
    """Run what CI runs: lint, types, import contracts, migrations, and the tests that are not slow.

    With `--changed` only the tests that a difference from main can touch, with `--all` every one, and the lines and
    branches that they reach are counted; slow ones run with both. Every step runs, even after a failure. A test that
    fails runs once more, alone, after the others. The seconds of each test are kept in `DURATIONS`.
    """
    chosen = select(ROOT, changed_files(ROOT)) if arguments.changed else None
    quick = [] if arguments.changed or arguments.all else ["-m", QUICK]
    with throw_away() as installation, ThreadPoolExecutor(1) as beside:
        environment = installation.environment
        # Tests wait for sockets and browsers now and then: the type check fills these pauses.
        types = beside.submit(_step, "mypy", [sys.executable, "-m", "mypy"], environment, quiet=True)
        outcomes = [
            _step(name, command, environment)[0]
            for name, command in [
                ("ruff check", [str(_BIN / "ruff"), "check", "."]),
                ("ruff format", [str(_BIN / "ruff"), "format", "--check", "."]),
                ("import order", [str(_BIN / "lint-imports"), "--no-logo"]),
                ("migrations complete", [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]),
            ]
        ]
        say(f"\n--- pytest: {chosen.why}" if chosen else "\n--- pytest")
        kept = ["--durations=30", f"{record.DURATIONS}={DURATIONS}"]
        counted = _COVERAGE if arguments.all else []
        tests, flakes = run_with_second_try(
            environment, [*(chosen.paths if chosen else ()), *quick, *_parallel(), *counted, *kept]
        )
        outcomes.append(tests)
        if counted:
            floor = [sys.executable, "-m", "coverage", "report", "--format=total"]
            outcomes.insert(0, _step("coverage", floor, environment)[0])
        checked, said = types.result()
        say(f"\n--- mypy\n{said}")
        outcomes.insert(0, checked)
    say("")
    for outcome in outcomes:
        say(f"{'ok  ' if outcome.code == 0 else 'FAIL'} {outcome.name:<22} {outcome.seconds:6.1f} s")
    _tell_skips(outcomes)
    for line in flakes:
        say(line)
    say(f"seconds of each test: {DURATIONS.relative_to(ROOT)}")
    if quick:
        say("left out: tests that are slow (./walker check --all) or long (./walker test --long)")
    say(f"tests: {outcomes[-1].summary or 'no summary'}")
    return _verdict(outcomes)


def bench(arguments: argparse.Namespace) -> int:
    """Run one benchmark against a whole fresh Walker with durable services; without a name, list them."""
    from bench import registry  # noqa: PLC0415  (a package of the checkout, not of the product)

    wanted = [part for part in arguments.rest if not part.startswith("-")][:1]
    if not wanted:
        for name, about in registry.benches().items():
            say(f"{name:<16} {about}")
        return 0
    if wanted[0] not in registry.benches():
        known = ", ".join(registry.benches()) or "none yet"
        raise StartError(f"there is no benchmark {wanted[0]}; there are: {known}.")
    options = [part for part in arguments.rest if part != wanted[0]]
    databases = registry.makes_databases(wanted[0])
    with throw_away(durable=True, port=ports.pick(), demo=True, databases=databases) as installation:
        installation.asgi = registry.asgi_for(wanted[0])
        installation.migrate()
        if not registry.runs_alone(wanted[0]):
            installation.seed()
            installation.start_processes()
            if awaited := installation.wait_until_ready():
                raise StartError(f"Walker did not get ready; waiting for {awaited}.")
        command = [sys.executable, "-m", f"bench.{wanted[0]}", *options]
        return subprocess.run(command, env=installation.environment, cwd=ROOT, check=False).returncode


@contextlib.contextmanager
def throw_away(
    *, durable: bool = False, port: int = 8000, demo: bool = False, databases: bool = False
) -> Iterator[Installation]:
    """Start services in a folder of their own, and remove both at the end.

    With `databases`, as always where nothing is durable, the owner may make databases.
    """
    stop_on_signals()
    with tempfile.TemporaryDirectory(prefix="walker-", ignore_cleanup_errors=True) as folder:
        place = Place(Path(folder))
        place.make()
        supervisor = Supervisor(place)
        installation = Installation(supervisor, "127.0.0.1", port, demo, durable)
        try:
            installation.start_services(for_tests=databases or not durable)
            if not durable:
                installation.environment["WALKER_TESTING"] = "1"
            yield installation
        finally:
            supervisor.stop_all()


def _step(
    name: str, command: Sequence[str], environment: Mapping[str, str], *, quiet: bool = False
) -> tuple[Outcome, str]:
    """Run a step; what a quiet one says beside another is returned, to be shown when that one has ended."""
    if not quiet:
        say(f"\n--- {name}")
    began = time.monotonic()
    to: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if quiet else {}
    child = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, text=True, check=False, **to)
    return Outcome(name, time.monotonic() - began, child.returncode), (child.stdout or "").rstrip()


def _parallel(processes: int = 3) -> list[str]:
    """Return the options for tests at once: three processes on two cores, where each waits a third of the time."""
    return ["-n", str(processes), "--dist", "worksteal"] if is_parallel_worthwhile() else []


def _tell_skips(outcomes: Sequence[Outcome]) -> None:
    skips = [skip for outcome in outcomes for skip in outcome.skips]
    say(f"skipped: {sum(count for count, _ in skips)}")
    for reason in sorted({reason for _, reason in skips}):
        say(f"  {sum(count for count, why in skips if why == reason)} because {reason}")


def _verdict(outcomes: Sequence[Outcome]) -> int:
    failed = any(outcome.code for outcome in outcomes)
    skipped = any(outcome.skips for outcome in outcomes)
    if skipped and os.environ.get("WALKER_REQUIRE_ALL") == "1":
        say("WALKER_REQUIRE_ALL=1: a skipped test counts as a failure.")
        return 1
    return 1 if failed else 0


def parts(root: Path) -> list[str]:
    """Return the names of all parts, in order: the folders of `tests` with tests that are marked as long."""
    tests = root / "tests"
    found = {path.relative_to(tests).parts[0] for path in tests.rglob("test_*.py") if has_long_tests(path)}
    return sorted(name for name in found if (tests / name).is_dir())


def has_long_tests(path: Path) -> bool:
    """Return True if a module marks a test as long; text that only quotes such a mark does not."""
    text = path.read_text("utf-8")
    if "mark.long" not in text:
        return False
    return any(
        isinstance(node, ast.Attribute) and ast.unparse(node).endswith("mark.long")
        for node in ast.walk(ast.parse(text))
    )


def wanted_parts(root: Path, rest: Sequence[str]) -> list[str]:
    """Return the parts that a command line names, all of them for none; empty if it names something else.

    A part of a part is named by its folder, such as `hitl/machine`.
    """
    if not rest:
        return parts(root)
    are_parts = all(
        not name.startswith(("-", "tests/", "/", ".")) and (root / "tests" / name).is_dir() for name in rest
    )
    return list(rest) if are_parts else []
