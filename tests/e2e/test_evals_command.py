"""`./walker evals run` as a pipeline calls it: from any folder, with an exit code."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.installation import Installation

pytestmark = pytest.mark.long
PERSON = {"name": "Person", "says": ["I want to talk to a person"], "expects": {"brings_person": True}, "must": True}


def test_exit_code_says_whether_all_musts_pass(installation: Installation, tmp_path: Path) -> None:
    def run(cases: list[dict[str, Any]], *more: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "cases.json").write_text(json.dumps({"format": "walker.cases/1", "cases": cases}))
        return installation.run("evals", "run", "--agent", "SEO", "--cases", "cases.json", *more, cwd=tmp_path)

    should = {**PERSON, "name": "No", "expects": {"cites": True}, "must": False}
    passed = run([PERSON, should], "--tenant", "acme", "--json")
    assert passed.returncode == 0, passed.stderr
    found = json.loads(passed.stdout)
    assert (found["passed"], found["failed"], found["failed_musts"]) == (1, 1, 0)
    failed = run([{**PERSON, "expects": {"cites": True}}], "--tenant", "acme")
    assert (failed.returncode, "FAIL  Person: cited_nothing" in failed.stdout) == (1, True)
    refused = run([PERSON])
    assert (refused.returncode, "--tenant" in refused.stderr) == (2, True)
    assert [run([], "--tenant", "acme").returncode, run([PERSON], "--nonsense").returncode] == [2, 2]
