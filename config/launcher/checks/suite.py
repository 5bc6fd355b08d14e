"""One run of pytest as a child process: its output passes through, its skips and closing line are read."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.launcher.place import ROOT

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_SKIP = re.compile(r"^SKIPPED \[(\d+)\] ([^:]+(?::\d+)?): (.*)$")
_SUMMARY = re.compile(r"^=*\s*((?:\d+ \w+(?:, )?)+ in [\d.]+s.*?)\s*=*$")


@dataclass
class Outcome:
    """What one step of a check came to."""

    name: str
    seconds: float
    code: int
    skips: list[tuple[int, str]] = field(default_factory=list)
    summary: str = ""


def run_pytest(
    environment: Mapping[str, str],
    options: Sequence[str],
    *,
    folder: Path = ROOT,
    hold_closing_line: bool = False,
    listen: Callable[[str], object] = str,
) -> Outcome:
    """Run pytest with these options and return its outcome; `listen` is called with each line it prints.

    With `hold_closing_line` the closing line is only in the outcome's summary: it is not final before the tests that
    failed have run again.
    """
    outcome = Outcome("tests", 0.0, 0)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", "-rs", *options]
    held = ""
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, errors="replace"
    ) as child:
        for line in child.stdout or ():
            listen(line)
            sys.stdout.write(held)  # something follows: it was no closing line, but part of a test's output
            is_summary = _take_in(outcome, _COLOUR.sub("", line.rstrip("\n")))
            held = line if is_summary and hold_closing_line else ""
            sys.stdout.write("" if held else line)
            sys.stdout.flush()
    outcome.code, outcome.seconds = child.returncode, time.monotonic() - began
    return outcome


def _take_in(outcome: Outcome, line: str) -> bool:
    """Read one line; returns True for a summary, the last of which is the closing line."""
    skip, summary = _SKIP.match(line), _SUMMARY.match(line)
    if skip:
        outcome.skips.append((int(skip[1]), skip[3]))
    if summary:
        outcome.summary = summary[1]
    return bool(summary)
