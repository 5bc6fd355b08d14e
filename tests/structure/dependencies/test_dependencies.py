"""The lists with hashes are whole, and every dependency has its reason on the page."""

import re
import tomllib

import pytest

from tests.structure.source import ROOT

PAGE = (ROOT / "docs" / "dependencies.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
ASKED: dict[str, list[str]] = {
    "requirements.txt": PROJECT["dependencies"],
    "locks/embedded.txt": EXTRAS["embedded"],
    "locks/dev.txt": EXTRAS["dev"],
    "locks/telemetry.txt": EXTRAS["telemetry"],
    "locks/backup.txt": EXTRAS["backup"],
    "locks/sbom.txt": EXTRAS["sbom"],
    "locks/warehouse.txt": EXTRAS["warehouse"],
    "locks/uv.txt": EXTRAS["installer"],
}


def _name_and_version(asked: str) -> tuple[str, str]:
    found = re.fullmatch(r"([a-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)", asked)
    assert found, f"{asked}: no exact version"
    return found[1], found[2]


def _versions(lock: str) -> dict[str, set[str]]:
    """Versions by distribution; there are several where a marker chooses."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([a-z0-9._-]+)(?:\[.*\])?==([^ ]+)", (ROOT / lock).read_text(), re.MULTILINE):
        found.setdefault(name, set()).add(version)
    return found


@pytest.mark.parametrize("name", sorted({_name_and_version(one)[0] for asked in ASKED.values() for one in asked}))
def test_each_dependency_has_one_reason(name: str) -> None:
    assert len(re.findall(rf"^\| {re.escape(name)} \| .+ \|$", PAGE, re.MULTILINE)) == 1


def test_each_extra_has_its_list() -> None:
    lists = {str(path.relative_to(ROOT)) for path in [*ROOT.glob("requirements*"), *ROOT.glob("locks/*")]}
    assert (lists, len(ASKED)) == (set(ASKED), 1 + len(EXTRAS))


@pytest.mark.parametrize("lock", ASKED)
def test_lock_holds_each_dependency_as_it_was_asked_for(lock: str) -> None:
    locked = _versions(lock)
    # Of an extra, what the product needs as well stands in its list alone.
    everything = {**_versions("requirements.txt"), **locked}
    asked = [_name_and_version(one) for one in ASKED[lock]]
    assert [(name, version) for name, version in asked if everything.get(name) != {version}] == []


@pytest.mark.parametrize("lock", ASKED)
def test_lock_has_a_hash_for_every_line_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    named = re.findall(r"^[a-z0-9].*", text, re.MULTILINE)
    blocks = re.findall(r"^\S.*==(?:.*\\\n)+.*$", text, re.MULTILINE)
    assert named
    assert len(blocks) == len(named)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text


@pytest.mark.parametrize("lock", [lock for lock in ASKED if lock != "requirements.txt"])
def test_list_of_an_extra_names_nothing_that_the_product_needs_anyway(lock: str) -> None:
    assert _versions(lock).keys() & _versions("requirements.txt").keys() == set()
