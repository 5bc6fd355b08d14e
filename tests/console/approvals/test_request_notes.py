"""Notes of colleagues on a request: who reads them how, who is told, and that they decide nothing."""

from dataclasses import replace
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from playwright.sync_api import expect

from accounts.models import Notice
from core.errors import Conflict, Invalid, NotFound, Refused, TooMany
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from core.text.mentions import mentioned_in
from hitl import services
from hitl.approvals.decide import notes
from hitl.approvals.decide.notes import add_note
from hitl.management.commands.verify_approvals import problems
from hitl.models import Approval, ApprovalNote
from tests.console.conftest import Browser
from tests.console.scene import Scene, add_workflow, ask
from tests.console.test_browser import Opener, opened, scene
from tests.world import World

__all__ = ["opened", "scene"]  # fixtures
QUEUE = "/admin/hitl/approval/"
SAID = "Call +34 600 123 456, says @approver acme; or @Viewer Acmeson."


@pytest.fixture
def asked(acme: World) -> Approval:
    """A request that waits."""
    add_workflow(acme)
    return ask(acme)


@pytest.mark.slow
@pytest.mark.django_db
def test_note_is_shown_to_colleagues_and_tells_those_it_mentions_once(
    browser: Browser, acme: World, asked: Approval
) -> None:
    people = {role: person.pk for role, person in acme.people.items()}
    sent = {"text": SAID, "mentions": str(people["owner"])}
    viewer = browser("viewer")
    answer = viewer.post(f"{QUEUE}{asked.pk}/note/", sent, follow=True)
    assert "Note saved. 2 colleagues were told." in answer.content.decode()
    told = Notice.objects.filter(kind="mention")
    assert {row.person_id for row in told} == {people["owner"], people["approver"]}
    assert {(row.title, row.link) for row in told} == {
        (f"You were mentioned in a note on {asked.reference}", f"{QUEUE}{asked.pk}/#h-notes")
    }
    shown = {role: browser(role).get(f"{QUEUE}{asked.pk}/").content.decode() for role in ("viewer", "approver")}
    assert ["600 123 456" in page for page in shown.values()] == [False, True]
    assert all("says @approver acme" in page and "Viewer Acme, " in page for page in shown.values())


@pytest.mark.slow
@pytest.mark.django_db
def test_nobody_is_told_of_their_own_note_or_by_a_name_that_two_share(
    browser: Browser, acme: World, asked: Approval
) -> None:
    sent = {"text": "@Viewer Acme @Nobody Else", "mentions": ""}
    answer = browser("viewer").post(f"{QUEUE}{asked.pk}/note/", sent, follow=True).content.decode()
    assert ("Note saved." in answer, "told." in answer) == (True, False)
    assert ApprovalNote.objects.get().mentions == [acme.people["viewer"].pk]
    assert not Notice.objects.filter(kind="mention").exists()
    one, two, three = (uuid4() for _ in range(3))
    names = {one: "Ana García", two: "Ana  garcía", three: "Ana"}
    assert mentioned_in("@Ana García and @ana, not b@anabel.example", names) == {three}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "field"),
    [("", "text"), (" \n", "text"), ("x" * 2001, "text"), ("a\x00b", "text"), ("\ud800", "text"), ("Hi", "mentions")],
)
def test_bad_note_is_refused_at_its_field_and_leaves_nothing(
    acme: World, asked: Approval, text: str, field: str
) -> None:
    stranger = [] if field == "text" else [acme.outsiders["viewer"].pk]
    with pytest.raises(Invalid) as problem:
        add_note(actor=acme.actor("viewer"), approval_id=asked.pk, text=text, mentions=stranger)
    assert list(problem.value.facts["fields"]) == [field]
    assert not ApprovalNote.objects.exists()


@pytest.mark.django_db
def test_only_people_of_the_organisation_write_and_read(acme: World, asked: Approval) -> None:
    viewer = acme.actor("viewer")
    for actor in (replace(viewer, permissions=frozenset()), replace(viewer, kind="agent", user_id=None)):
        with pytest.raises(Refused):
            add_note(actor=actor, approval_id=asked.pk, text="Hi")
    add_note(actor=viewer, approval_id=asked.pk, text="Hi")
    with tenant_scope(acme.globex.pk):
        assert not ApprovalNote.objects.exists()
        with pytest.raises(NotFound):
            add_note(actor=acme.outsider("viewer"), approval_id=asked.pk, text="Hi")


@pytest.mark.django_db
def test_a_request_has_so_many_notes_and_an_erased_one_gets_none(
    acme: World, asked: Approval, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "NOTES_MAX", 2)
    for _ in range(2):
        add_note(actor=acme.actor("viewer"), approval_id=asked.pk, text="Hi")
    with pytest.raises(Conflict) as problem:
        add_note(actor=acme.actor("viewer"), approval_id=asked.pk, text="Hi")
    assert problem.value.code == "too_many_notes"


@pytest.mark.django_db
def test_person_writes_only_some_notes_an_hour(acme: World, asked: Approval, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "NOTES_PER_HOUR", 2)
    for _ in range(2):
        add_note(actor=acme.actor("viewer"), approval_id=asked.pk, text="Hi")
    with pytest.raises(TooMany):
        add_note(actor=acme.actor("viewer"), approval_id=asked.pk, text="Hi")
    add_note(actor=acme.actor("approver"), approval_id=asked.pk, text="Hi")
    assert ApprovalNote.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        "update hitl_approvalnote set masked_body = 'other'",
        "update hitl_approvalnote set person_id = person_id, mentions = array[id]",
        "update hitl_approvalnote set created_at = now()",
        "delete from hitl_approvalnote",
    ],
)
def test_note_is_never_changed_or_removed(acme: World, asked: Approval, change: str) -> None:
    add_note(actor=acme.actor("viewer"), approval_id=asked.pk, text="Hi")
    # Keys are rotated: the same text is encrypted again.
    ApprovalNote.objects.update(body="Hi")
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


@pytest.mark.django_db
def test_note_changes_no_seal_and_its_audit_entry_has_no_text(acme: World, asked: Approval) -> None:
    add_note(actor=acme.actor("viewer"), approval_id=asked.pk, text="Purple")
    entry = AuditEntry.objects.get(action="NOTE_ADDED")
    assert "Purple" not in str(vars(entry))
    assert list(problems()) == []
    services.decide(actor=acme.actor("approver"), approval_id=asked.pk, verdict="approve", digest=asked.digest)
    assert Approval.objects.get(pk=asked.pk).state == "approved"
    assert list(problems()) == []


@pytest.mark.slow
@pytest.mark.browser
def test_colleague_is_suggested_and_chosen_by_the_keyboard(opened: Opener, scene: Scene) -> None:
    page = opened(scene.path("approval"), "viewer")
    page.get_by_text("Add note", exact=True).first.click()
    field = page.locator("#id_note_text")
    field.press_sequentially("Please look, @acm")
    assert page.locator(".wk-mentions button").count() == 6
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    page.keyboard.type("ppro")
    expect(page.locator(".wk-mentions button")).to_have_text(["Approver Acme"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value("Please look, @Approver Acme ")
    page.get_by_role("button", name="Save note").click()
    page.get_by_text("Note saved. 1 colleague was told.").wait_for()
