"""Pages that list things are compared with the code."""

import re
from pathlib import Path

from channels_app import console_topics

ROOT = Path(__file__).resolve().parents[2]


def _listed(page: str) -> set[str]:
    text = (ROOT / "docs" / "reference" / page).read_text()
    return set(re.findall(r"^\| `([^`]+)`", text, flags=re.MULTILINE))


def test_every_setting_of_the_code_is_on_the_settings_page() -> None:
    code = (ROOT / "config" / "settings.py").read_text()
    read = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z_]+)"', code))
    assert read == _listed("settings.md")


def test_every_event_of_the_console_is_on_the_page_of_frames() -> None:
    page = (ROOT / "docs" / "reference" / "websocket.md").read_text()
    assert {name for name in console_topics.NAMES.values() if f"`{name}`" not in page} == set()


def test_links_between_pages_lead_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_picture_is_shown_on_a_page() -> None:
    shown = "".join(page.read_text() for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    assert [picture.name for picture in (ROOT / "docs" / "images").iterdir() if picture.name not in shown] == []
