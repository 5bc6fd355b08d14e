"""The locks are whole, and every dependency has its reason on the page."""

import re

import pytest

from tests.structure.source import ROOT

PAGE = (ROOT / "docs" / "dependencies.md").read_text()


def _named(file: str) -> list[str]:
    lines = (ROOT / file).read_text().splitlines()
    return [found[0] for line in lines if (found := re.match(r"[a-z0-9._-]+(?=\[|==)", line))]


KINDS = ["requirements-uv", "requirements", "requirements-dev", "requirements-warehouse", "requirements-bench"]
ASKED = sorted({name for kind in KINDS for name in _named(f"{kind}.in")})


@pytest.mark.parametrize("name", ASKED)
def test_each_dependency_has_one_reason(name: str) -> None:
    assert len(re.findall(rf"^\| {re.escape(name)} \| .+ \|$", PAGE, re.MULTILINE)) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_lock_holds_each_dependency_as_it_was_asked_for(kind: str) -> None:
    asked = re.findall(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)$", (ROOT / f"{kind}.in").read_text(), re.MULTILINE)
    lock = (ROOT / f"{kind}.txt").read_text()
    assert [pair for pair in asked if not re.search(rf"^{pair[0]}(\[.*\])?=={pair[1]}[ ;\\]", lock, re.M)] == []


@pytest.mark.parametrize("kind", KINDS)
def test_lock_has_a_hash_for_every_line_and_no_address(kind: str) -> None:
    lock = (ROOT / f"{kind}.txt").read_text()
    blocks = re.findall(r"^\S.*==(?:.*\\\n)+.*$", lock, re.MULTILINE)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in lock


def test_locks_agree_on_versions() -> None:
    dev = _versions("requirements-dev.txt")
    others = {**_versions("requirements.txt"), **_versions("requirements-uv.txt")}
    assert {name: version for name, version in others.items() if dev.get(name) != version} == {}


def _versions(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==([^ ]+)", (ROOT / lock).read_text(), re.MULTILINE))
