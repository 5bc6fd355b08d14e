"""A pytest plugin that writes each failure to a file as it happens, one JSON object a line."""

import json
from pathlib import Path
from typing import TypedDict

import pytest

OPTION = "--failures-to"


class Failure(TypedDict):
    """One failure: the test's name, when it failed (setup, call, teardown; another word: no test) and its output."""

    name: str
    when: str
    output: str


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the file's name, which must stand behind a `=`: alone it would count as a path of tests."""
    parser.addoption(OPTION, default="", metavar="FILE", help="write failures to this file")


def pytest_configure(config: pytest.Config) -> None:
    """Write in the main process alone: it is told of what fails in the others."""
    name = config.getoption(OPTION)
    if name and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Recorder(Path(name)))


class _Recorder:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write a failed test; a worker that crashed has a `when` of its own, "???"."""
        if report.failed:
            self._write(report.nodeid, report.when or "?", report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write a module that could not be collected."""
        if report.failed:
            self._write(report.nodeid, "collect", report)

    def _write(self, name: str, when: str, report: pytest.TestReport | pytest.CollectReport) -> None:
        said = [report.longreprtext, *(f"--- {title}\n{text}" for title, text in report.sections)]
        failure = Failure(name=name, when=when, output="\n".join(said))
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(failure) + "\n")


def read(path: Path) -> list[Failure]:
    """Return what was written; empty without a file."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
