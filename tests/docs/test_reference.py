"""Pages that list things are compared with the code."""

import pkgutil
import re
from pathlib import Path
from typing import get_args

from django.apps import apps

from accounts.permissions.roles import ALL_PERMISSIONS
from channels_app.sockets import console_topics
from core.installation.registry import all_checks
from core.models import Consent
from core.reach import gate, verdict
from hitl.approvals.decide.rights import WATCHED

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")), *sorted(DOCS.rglob("*.md"))]
ADR_PARTS = ("**Decision.**", "**Why.**", "**Rejected.**")
OURS = "accounts|agents|analytics|channels_app|config|console|conversations|core|demo|hitl|hub|integrations|standins"
DOTTED = re.compile(rf"(?<![\w./@:{{-])((?:{OURS}|tests)(?:\.\w+)+)(?![\w/])")
FILES = re.compile(rf"(?<![\w./@:{{-])((?:{OURS}|bench|docs|static|templates|tests)/[\w./-]*\w)(?![\w/])")


GUIDES = [ROOT / "README.md", *sorted(DOCS.glob("how-to/*.md")), *sorted(DOCS.glob("tutorial/*.md"))]
# Our own labels stand in italics; a vendor's, and what people write, in quotation marks.
IN_ITALICS = re.compile(r"(?<!\*)\*([A-Z][^*]+?)\.?\*(?!\*)")


def _listed(page: str) -> set[str]:
    text = (DOCS / "reference" / page).read_text()
    return set(re.findall(r"^\| `([^`]+)`", text, flags=re.MULTILINE))


def test_every_setting_of_the_code_is_on_the_settings_page() -> None:
    code = "".join(path.read_text() for path in (ROOT / "config").glob("*.py"))
    read = set(re.findall(r'env(?:\.\w+)?\(\s*"([A-Z_]+)"', code))
    assert read == _listed("settings.md")


def test_checks_of_an_installation_are_on_their_page_in_order_with_their_seconds() -> None:
    page = (DOCS / "reference" / "installation-checks.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| (\d+) \|", page, flags=re.MULTILINE)
    assert listed == [(check.key, f"{check.seconds:.0f}") for check in all_checks()]


def test_every_event_of_the_console_is_on_the_page_of_frames() -> None:
    page = (DOCS / "reference" / "websocket.md").read_text()
    assert {name for name in console_topics.NAMES.values() if f"`{name}`" not in page} == set()


def test_purposes_states_and_reasons_of_the_gate_are_on_their_page() -> None:
    listed = _listed("reach.md")
    words = {*Consent.Purpose.values, *Consent.State.values, *Consent.Source.values}
    assert listed == words | set(get_args(verdict.Kind)) | set(gate.REFUSALS)


def test_codes_of_refused_attempts_at_requests_are_on_a_page() -> None:
    pages = "".join((DOCS / "reference" / f"{name}.md").read_text() for name in ("api", "approvals"))
    assert {code for code in WATCHED.codes if f"`{code}`" not in pages} == set()


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in PAGES
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


def _linked(index: Path) -> list[Path]:
    return sorted((index.parent / link).resolve() for link in re.findall(r"\]\(([^)#:]+)\)", index.read_text()))


def test_every_page_stands_in_the_index_and_every_decision_in_its_own() -> None:
    index, decisions = DOCS / "README.md", DOCS / "adr" / "README.md"
    pages = [page for page in DOCS.rglob("*.md") if page != index and (page.parent.name != "adr" or page == decisions)]
    assert set(pages) - set(_linked(index)) == set()
    assert [page for page in sorted(DOCS.glob("adr/*.md")) if page != decisions] == _linked(decisions)


def test_every_decision_says_why_and_what_was_rejected() -> None:
    pages = [page for page in DOCS.glob("adr/*.md") if page.name != "README.md"]
    assert [page.name for page in pages for part in ADR_PARTS if part not in page.read_text()] == []


def _named(pattern: re.Pattern[str]) -> list[tuple[str, str]]:
    return sorted({(page.name, name) for page in PAGES for name in pattern.findall(page.read_text())})


def test_modules_and_permissions_named_on_a_page_exist() -> None:
    assert [pair for pair in _named(DOTTED) if not _is_there(pair[1])] == []


def test_files_and_folders_named_on_a_page_exist() -> None:
    assert [pair for pair in _named(FILES) if not (ROOT / pair[1]).exists()] == []


def test_texts_of_the_interface_are_quoted_as_they_are() -> None:
    sources = [
        path.read_text()
        for folder in (*OURS.split("|"), "templates", "static")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".html", ".js")
    ]
    shown = " ".join(" ".join(sources).split())
    quoted = [
        (page.name, " ".join(text.split()))
        for page in GUIDES
        for text in IN_ITALICS.findall(re.sub(r"```.*?```", "", page.read_text(), flags=re.S))
    ]
    assert quoted
    assert [pair for pair in quoted if pair[1] not in shown] == []


def _is_there(name: str) -> bool:
    """Tell whether it is a permission, a model, a module, or something that stands in one."""
    app, _, rest = name.partition(".")
    if name in ALL_PERMISSIONS or rest.split(".")[0].lower() in apps.all_models[app]:
        return True
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_every_picture_is_shown_on_a_page() -> None:
    shown = "".join(page.read_text() for page in PAGES)
    assert [picture.name for picture in (DOCS / "images").iterdir() if picture.name not in shown] == []
