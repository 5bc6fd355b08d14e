"""A pytest plugin that writes failures as they happen, one JSON object a line, and then how long each test took."""

import json
from collections import Counter
from pathlib import Path
from typing import TypedDict

import pytest

FAILURES = "--failures-to"
DURATIONS = "--durations-to"


class Failure(TypedDict):
    """One failure: the test's name, when it failed (setup, call, teardown; another word: no test) and its output."""

    name: str
    when: str
    output: str


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take names of files, which must stand behind a `=`: alone they would count as paths of tests."""
    parser.addoption(FAILURES, default="", metavar="FILE", help="write failures to this file")
    parser.addoption(DURATIONS, default="", metavar="FILE", help="write the seconds of each test to this file")


def pytest_configure(config: pytest.Config) -> None:
    """Write in the main process alone: it is told of what happens in the others."""
    failures, durations = config.getoption(FAILURES), config.getoption(DURATIONS)
    if failures and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Recorder(Path(failures), Path(durations) if durations else None))


class _Recorder:
    def __init__(self, failures: Path, durations: Path | None) -> None:
        self.failures, self.durations = failures, durations
        self.seconds: Counter[str] = Counter()
        failures.touch()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write a failed test; a worker that crashed has a `when` of its own, "???"."""
        self.seconds[report.nodeid] += getattr(report, "duration", 0)
        if report.failed:
            self._write(report.nodeid, str(report.when), report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write a module that could not be collected."""
        if report.failed:
            self._write(report.nodeid, "collect", report)

    def pytest_sessionfinish(self) -> None:
        """Write the seconds of each test with its setup and teardown, the slowest first."""
        if self.durations:
            self.durations.parent.mkdir(parents=True, exist_ok=True)
            lines = [f"{seconds:9.3f} {name}\n" for name, seconds in self.seconds.most_common()]
            self.durations.write_text("".join(lines), encoding="utf-8")

    def _write(self, name: str, when: str, report: pytest.TestReport | pytest.CollectReport) -> None:
        said = [report.longreprtext, *(f"--- {title}\n{text}" for title, text in report.sections)]
        failure = Failure(name=name, when=when, output="\n".join(said))
        with self.failures.open("a", encoding="utf-8") as file:
            file.write(json.dumps(failure) + "\n")


def read(path: Path) -> list[Failure]:
    """Return what was written; empty without a file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
