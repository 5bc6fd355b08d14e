"""A test that fails is run once more, alone, after the others; one that passes then is a flake and named."""

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.launcher.checks import record
from config.launcher.checks.suite import Outcome, run_pytest
from config.launcher.place import ROOT
from config.launcher.supervisor import say

PAGE = Path("docs/flaky.md")
MOST = 3
"""More flakes in one run are no accident."""
NEVER = re.compile(
    r"(?:^|/)security/"
    r"|(?:^|/)hitl/(?:.*/)?test_\w*(?:race|crash|kill|once|tamper|seal|_mac|claim|stateful|trial|bites)\w*\.py"
    r"|(?:^|/)test_\w*(?:race|wall|lease|idempot|crash|kills|tamper|claim)\w*\.py"
)
"""Where a flake is a fault of the product until shown otherwise: the walls, and the races of approvals."""
_IN_PAGE = re.compile(r"^\|\s*`([^`]+)`", re.MULTILINE)
_TESTS_FAILED = 1  # pytest's exit code; others say that it was interrupted or broke
_COUNT = re.compile(r"(\d+) (\w+)")


@dataclass(frozen=True)
class Again:
    """What a test that failed did when it ran alone."""

    name: str
    first: str
    second: str
    has_passed: bool


def names_in(page: str) -> set[str]:
    """Return the tests that the table of a page names."""
    return {family(name) for name in _IN_PAGE.findall(page)}


def family(name: str) -> str:
    """Return a test's name without its parameters and folders, which moves change."""
    return name.split("[", 1)[0].rpartition("/")[2]


def run_with_second_try(
    environment: Mapping[str, str], options: Sequence[str], *, folder: Path = ROOT
) -> tuple[Outcome, list[str]]:
    """Run pytest, then each test that failed alone, and return the outcome with lines about flakes.

    The outcome is green when every test that failed passes alone, unless they are more than `MOST`, one lies under
    `NEVER`, or one is named in `PAGE`. Modules that cannot be collected and workers that crash stay red.
    """
    with tempfile.TemporaryDirectory(prefix="walker-failures-") as kept:
        path = Path(kept) / "failures"
        outcome = run_pytest(
            environment,
            ["-p", "config.launcher.checks.record", f"{record.FAILURES}={path}", *options],
            folder=folder,
            hold_closing_line=True,
        )
        failures = record.read(path)
    if outcome.code:
        refused = _refusal(outcome.code, failures)
        tries = [] if refused else [_run_again(environment, each, failures, folder) for each in _tests(failures)]
        page = (folder / PAGE).read_text(encoding="utf-8") if (folder / PAGE).exists() else ""
        lines = [f"Not run again: {refused}."] if refused else _judge(outcome, failures, tries, names_in(page))
    else:
        lines = []
    say(f"===== {outcome.summary or 'no summary'} =====")
    return outcome, lines


def _tests(failures: Sequence[record.Failure]) -> list[str]:
    return list(dict.fromkeys(failure["name"] for failure in failures))


def _refusal(code: int, failures: Sequence[record.Failure]) -> str:
    """Return why a second try could change nothing, or ""."""
    if code != _TESTS_FAILED or not failures:
        return f"pytest ended with code {code}"
    if others := sorted({f["name"] for f in failures if f["when"] not in ("setup", "call", "teardown")}):
        return f"no test, but a module that cannot be collected or a worker that crashed: {', '.join(others)}"
    if (number := len(_tests(failures))) > MOST:
        return f"{number} tests failed, and more than {MOST} are red even if they pass alone"
    return ""


def _run_again(environment: Mapping[str, str], name: str, failures: Sequence[record.Failure], folder: Path) -> Again:
    say(f"\n--- once more, alone: {name}")
    said: list[str] = []
    outcome = run_pytest(environment, ["-rP", "-m", "long or not long", name], folder=folder, listen=said.append)
    return Again(
        name,
        "\n".join(failure["output"] for failure in failures if failure["name"] == name),
        "".join(said),
        # A test that is skipped this time, or no longer found, has not passed.
        outcome.code == 0 and re.fullmatch(r"1 passed in .*", outcome.summary) is not None,
    )


def _judge(
    outcome: Outcome, failures: Sequence[record.Failure], tries: Sequence[Again], on_page: set[str]
) -> list[str]:
    """Return what is to be said, and make the outcome green if nothing but new flakes failed."""
    lines = []
    red = False
    for each in tries:
        why = _why_red(each, on_page)
        red = red or bool(why)
        lines.append(f"{'FLAKY' if each.has_passed else 'FAILED TWICE'} {each.name}{f': red, {why}' if why else ''}")
        if each.has_passed:
            lines += [_indented("first", each.first), _indented("alone", each.second)]
    if not red:
        _make_green(outcome, failures)
        lines.append(f"Put each name into {PAGE}: the next change begins by mending it.")
    return lines


def _why_red(each: Again, on_page: set[str]) -> str:
    if not each.has_passed:
        return "it failed alone as well"
    if NEVER.search(each.name):
        return "a test of the wall or of a race may not fail once"
    if family(each.name) in on_page:
        return f"{PAGE} names it already"
    return ""


def _make_green(outcome: Outcome, failures: Sequence[record.Failure]) -> None:
    """Count the flakes among those passed, so that the closing line agrees with the exit code."""
    counts = {word: int(number) for number, word in _COUNT.findall(outcome.summary.split(" in ")[0])}
    # One that only failed in its teardown is counted as passed already.
    not_passed = {failure["name"] for failure in failures if failure["when"] != "teardown"}
    counts = {word: number for word, number in counts.items() if word not in ("failed", "error", "errors")}
    counts["passed"] = counts.get("passed", 0) + len(not_passed)
    counts["flaky"] = len(_tests(failures))
    words = ", ".join(f"{number} {word}" for word, number in counts.items())
    outcome.summary = f"{words} in {outcome.summary.split(' in ', 1)[1]}"
    outcome.code = 0


def _indented(title: str, text: str) -> str:
    return "\n".join(f"    {line}" for line in [f"--- {title}", *text.strip().splitlines()])
