"""The pages of knowledge in a real browser: found, added to, answered; both themes, three widths, without scripts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from agents.knowledge import services
from agents.knowledge.models import Citation, Collection, Document, DocumentVersion, OpenQuestion
from conversations.models import Message
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.agents.knowledge.test_knowledge import article
from tests.console.desk.test_attach_browser import GIVE
from tests.console.scene import Scene
from tests.console.test_browser import Opener, faults_of, opened, scene
from tests.edge.browser import SHOTS, keep_picture
from tests.world import OPERATOR

__all__ = ["opened", "scene"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow]
LIST, QUESTIONS, ADD = "/admin/agents/document/", "/admin/agents/openquestion/", "/admin/agents/document/new/"
RETURNS = """## How long you have
You can return shoes within **30 days** of delivery. They must be unworn.

## How to return
1. Print the label from your account.
2. Hand the parcel in at a post office.

| Country | Costs |
|---|---|
| Spain | free |
| Norway | 12 euros |
"""
ASKED = (
    ("Can I return worn shoes in a shop in Oslo?", ("return", "worn", "shoes", "oslo"), 14),
    ("How much do you charge for express delivery to the Canary Islands?", ("express", "delivery", "canary"), 6),
    ("Do you sell bicycles?", ("bicycles",), 2),
)


def fill(scene: Scene) -> dict[str, Document]:
    """Leave collections with documents in several states, answers that cited them, and open questions."""
    with tenant_scope(scene.world.acme.pk):
        shelves = [
            services.create_collection(actor=OPERATOR, name=name, audience=audience, description=about)
            for name, audience, about in (
                ("Help centre", "public", "What everyone may know: orders, deliveries, returns, care."),
                ("Orders", "verified", "For customers who have proven who they are."),
                ("Team", "members", ""),
            )
        ]
        rows = [
            article(shelves[0], "Returns and refunds", RETURNS, address="https://shop.example/returns"),
            article(shelves[0], "What delivery costs", "Delivery costs 4.90 euros; express costs 12 euros."),
            article(
                shelves[0], "Opening hours in summer", "We are open from 10:00.", valid_from=now().date() + timedelta(9)
            ),
            article(shelves[1], "Damaged pairs", "A damaged pair is collected at your door."),
            article(shelves[2], "Goodwill", "Offer a voucher of up to 50 euros without asking."),
        ]
        file = {"collection": shelves[0], "kind": "file"}
        Document.objects.create(**file, title="Price list 2026", state="failed", trouble="scanned")
        Document.objects.create(**file, title="Care guide", state="reading", language="")
        outdated = {"says": "4.90 euros", "instead": "5.90 euros", "title": rows[0].title, "newer": str(rows[0].pk)}
        Document.objects.filter(pk=rows[1].pk).update(outdated={**outdated, "version": 1})
        message = Message.objects.first()
        for number, row in enumerate((rows[0], rows[0], rows[1]), 1):
            version = DocumentVersion.objects.get(document=row)
            Citation.objects.create(message=message, number=number, document=row, version=version, passage_number=1,
                                    digest="0" * 64)  # fmt: skip
        for text, words, times in ASKED:
            OpenQuestion.objects.create(text=text, words=sorted(words), asked=times)
        return {row.title: row for row in rows}


def shots(page: Page, name: str) -> None:
    """Keep pictures of the open page at the widths that count, light and dark, when a folder for them is named."""
    if not SHOTS:
        return
    for width, height in ((1440, 900), (1280, 800), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            keep_picture(page, f"{name}-{width}-{theme}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1360, "height": 900})


def test_pages_of_knowledge_are_accessible_in_both_themes_and_fit_a_phone(opened: Opener, scene: Scene) -> None:
    page = opened(LIST, "owner")
    home, faults = page.url.removesuffix(LIST), faults_of(page, "nothing known yet")
    shots(page, "knowledge-empty")
    rows = fill(scene)
    with tenant_scope(scene.world.acme.pk):
        asked, shelf = OpenQuestion.objects.earliest("-asked"), Collection.objects.get(name="Help centre")
    returns = rows["Returns and refunds"].pk
    paths = {
        "knowledge": LIST,
        "knowledge-shelf": f"{LIST}?collection={shelf.pk}&q=costs",
        "knowledge-none": f"{LIST}?state=gone&q=elephants",
        "knowledge-document": f"{LIST}{returns}/",
        "knowledge-outdated": f"{LIST}{rows['What delivery costs'].pk}/",
        "knowledge-edit": f"{LIST}{returns}/edit/",
        "knowledge-add": ADD,
        "knowledge-files": f"{ADD}?kind=files",
        "questions": QUESTIONS,
        "questions-none": f"{QUESTIONS}?state=dismissed",
        "question": f"{QUESTIONS}{asked.pk}/",
        "question-add": f"{QUESTIONS}{asked.pk}/add/?document={returns}",
        "collections": "/admin/agents/collection/",
        "sites": "/admin/agents/site/",
    }
    for name, path in paths.items():
        page.goto(home + path)
        faults += faults_of(page, name)
        shots(page, name)
    assert faults == []


def test_documents_are_found_added_and_questions_answered_by_keyboard(opened: Opener, scene: Scene) -> None:
    fill(scene)
    page = opened(LIST, "owner")
    page.keyboard.press("/")
    page.keyboard.type("unworn")
    page.keyboard.press("Enter")
    expect(page.locator(".wk-documents tbody tr")).to_have_count(1)
    expect(page.locator(".wk-quote")).to_contain_text("They must be unworn.")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Returns and refunds")

    page.goto(page.url.partition("/admin/")[0] + ADD)
    page.get_by_label("Text", exact=True).fill("Kept while files are chosen.")
    page.locator("textarea[name=text]").evaluate(GIVE, ["drop", "rules.txt", "text/plain", "Tm8gZGl2aW5nLg=="])
    expect(page.get_by_label("Upload files")).to_be_checked()
    page.locator("textarea[name=text]").evaluate(GIVE, ["drop", "tool.exe", "application/x-msdownload", "TVo="])
    expect(page.locator(".wk-attached-file")).to_have_count(2)
    expect(page.get_by_role("status").filter(has_text="tool.exe")).to_contain_text("can’t be read")
    page.get_by_role("button", name="Remove tool.exe").click()
    page.get_by_label("Write an article").check(force=True)
    expect(page.get_by_label("Text", exact=True)).to_have_value("Kept while files are chosen.")
    page.get_by_label("Upload files").check(force=True)
    page.get_by_label("Collection").select_option(label="Team (colleagues only)")
    page.get_by_role("button", name="Add to knowledge").click()
    expect(page.locator(".wk-toast")).to_contain_text("“rules” is being read.")
    expect(page.locator(".wk-shelf h2")).to_have_text("Team")

    page.goto(page.url.partition("/admin/")[0] + QUESTIONS)
    page.get_by_role("link", name="Add to this article “Returns and refunds”").click()
    text = page.get_by_label("Text of “Returns and refunds”")
    text.press("Control+End")
    page.keyboard.type("Our shop in Oslo takes worn shoes back.")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.locator(".wk-near")).to_contain_text("Answered by Returns and refunds")


def test_documents_are_narrowed_and_added_without_scripts(opened: Opener, scene: Scene) -> None:
    fill(scene)
    page = opened(LIST, "owner", scripts=False, phone=True)
    page.get_by_role("navigation", name="Collections").get_by_role("link", name="Help centre").click()
    page.get_by_role("navigation", name="Filters").get_by_role("link", name="Files", exact=True).click()
    expect(page.locator(".wk-documents tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Add to knowledge").click()
    page.get_by_label("Title").fill("Gift cards")
    page.get_by_label("Text", exact=True).fill("Gift cards are valid for three years.")
    page.get_by_role("button", name="Add to knowledge").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gift cards")
