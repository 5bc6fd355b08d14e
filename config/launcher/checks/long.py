"""The long tests in parts: a part is a folder of `tests` with tests that are marked as long."""

from collections.abc import Sequence
from pathlib import Path

MARK = "mark.long"


def parts(root: Path) -> list[str]:
    """Return the names of all parts, in order."""
    tests = root / "tests"
    found = {path.relative_to(tests).parts[0] for path in tests.rglob("test_*.py") if MARK in path.read_text("utf-8")}
    return sorted(name for name in found if (tests / name).is_dir())


def wanted_parts(root: Path, rest: Sequence[str]) -> list[str]:
    """Return the parts that a command line names, all of them for none; empty if it names something else.

    A part of a part is named by its folder, such as `hitl/machine`.
    """
    if not rest:
        return parts(root)
    return list(rest) if all(_is_part(root, name) for name in rest) else []


def _is_part(root: Path, name: str) -> bool:
    return not name.startswith(("-", "tests/", "/", ".")) and (root / "tests" / name).is_dir()
