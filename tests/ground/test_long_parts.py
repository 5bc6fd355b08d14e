"""`./walker test --long`: all parts, some of them, or what pytest is asked for."""

from pathlib import Path

import pytest

from config.launcher.checks.commands import parts, wanted_parts
from config.launcher.place import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, mark in {
        "a/test_one.py": "",
        "b/deep/test_two.py": "@pytest.mark.long\ndef test_b(): ...\n",
        "c/test_three.py": "pytestmark = pytest.mark.long",
        "d/test_quoted.py": "TEXT = 'pytestmark = pytest.mark.long'",
    }.items():
        path = tmp_path / "tests" / name
        path.parent.mkdir(parents=True)
        path.write_text(mark)
    return tmp_path


def test_parts_are_folders_with_a_long_test(checkout: Path) -> None:
    assert parts(checkout) == ["b", "c"]


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ([], ["b", "c"]),
        (["c"], ["c"]),
        (["b/deep", "c"], ["b/deep", "c"]),
        (["tests/b"], []),
        (["b", "-x"], []),
        (["nothing"], []),
    ],
)
def test_parts_are_named_by_their_folder(checkout: Path, rest: list[str], expected: list[str]) -> None:
    assert wanted_parts(checkout, rest) == expected


@pytest.mark.slow
def test_every_long_test_belongs_to_a_part() -> None:
    loose = [path.name for path in (ROOT / "tests").glob("test_*.py") if "mark.long" in path.read_text()]
    assert loose == []
    assert {"hitl", "agents", "e2e", "conformance"} <= set(parts(ROOT))
