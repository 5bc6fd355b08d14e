"""`./walker check --changed`: what a change can touch, and everything when that is unsure."""

import subprocess
from pathlib import Path

import pytest

from config.launcher.checks.change import changed_files, select
from config.launcher.faults import StartError

FILES = {
    "shop/__init__.py": "",
    "shop/price.py": "TAX = 1\n",
    "shop/bill.py": "from shop.price import TAX\n",
    "shop/letter.py": 'TEMPLATE = "shop/letter.html"\n',
    "shop/wiring.py": 'TASK = "store.work"\n',
    "store/__init__.py": "",
    "store/work.py": "",
    "templates/shop/letter.html": '{% include "shop/foot.html" %}',
    "templates/shop/foot.html": "",
    "templates/shop/alone.html": "",
    "docs/page.md": "",
    "tests/conftest.py": "from tests import people\n",
    "tests/people.py": "import shop.price\n",
    "tests/api/test_doors.py": "",
    "tests/docs/test_pages.py": "",
    "tests/structure/test_shape.py": "",
    "tests/shop/test_bill.py": "import shop.bill\n",
    "tests/other/conftest.py": "import shop.letter\n",
    "tests/other/test_letters.py": "",
    "tests/other/row.json": "",
    "tests/far/test_wiring.py": "import shop.wiring\n",
    "tests/far/test_far.py": "import tests.people\n",
}
READERS = {"tests/docs", "tests/structure"}
DOOR = "tests/api"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small product with a branch main that has all of it."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _git(tmp_path, "init", "-q", "-b", "main")
    _commit(tmp_path)
    return tmp_path


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@b.example", *words], cwd=folder, check=True)


def _commit(folder: Path) -> None:
    _git(folder, "add", "-A")
    _git(folder, "commit", "-q", "-m", "Change", "--no-gpg-sign")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("shop/price.py", {DOOR, "tests/shop"}),  # all share the people, who pass nothing on
        ("shop/letter.py", {DOOR, "tests/shop", "tests/other/test_letters.py"}),
        ("store/work.py", {DOOR, "tests/far/test_wiring.py"}),
        ("templates/shop/foot.html", {DOOR, "tests/other/test_letters.py"}),
        ("tests/other/row.json", {"tests/other/test_letters.py"}),
        ("tests/shop/test_bill.py", {"tests/shop/test_bill.py"}),
        ("docs/page.md", set()),
        ("README.md", set()),
    ],
)
def test_change_runs_what_it_can_touch(checkout: Path, changed: str, expected: set[str]) -> None:
    assert set(select(checkout, [changed]).paths) == expected | READERS


@pytest.mark.parametrize(
    "changed",
    [
        *("pyproject.toml", "requirements.txt", "shop/migrations/0001_first.py", "config/settings/base.py", "walker"),
        *("config/launcher/cli.py", "tests/conftest.py", "tests/people.py", "templates/shop/alone.html", "a.bin"),
    ],
)
def test_what_all_rest_on_or_nobody_is_known_to_use_runs_everything(checkout: Path, changed: str) -> None:
    assert select(checkout, ["docs/page.md", changed]).paths == ()


def test_committed_uncommitted_new_and_removed_files_have_changed(checkout: Path) -> None:
    _git(checkout, "switch", "-q", "-c", "branch")
    (checkout / "shop/price.py").write_text("TAX = 2\n")
    _git(checkout, "mv", "shop/bill.py", "shop/invoice.py")
    _commit(checkout)
    (checkout / "shop/letter.py").write_text("")
    (checkout / "docs/new page.md").write_text("")
    moved = ["shop/bill.py", "shop/invoice.py"]
    assert changed_files(checkout) == ["docs/new page.md", *moved, "shop/letter.py", "shop/price.py"]


def test_nothing_changed_runs_what_reads_the_source(checkout: Path) -> None:
    assert set(select(checkout, changed_files(checkout)).paths) == READERS


def test_without_a_main_to_compare_with_it_says_so(checkout: Path) -> None:
    _git(checkout, "branch", "-m", "other")
    with pytest.raises(StartError, match="no branch main"):
        changed_files(checkout)
