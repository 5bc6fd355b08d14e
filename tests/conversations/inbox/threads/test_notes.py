"""Notes of colleagues: for staff only, masked, recorded."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts.models import Notice
from conversations.inbox.threads import notes
from conversations.inbox.threads.selectors import list_notes
from conversations.models import Conversation, Note, NoteVersion
from core.actors import Actor
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import Shop
from tests.world import World

pytestmark = pytest.mark.django_db
TEXT = "Call ana@customer.example tomorrow"


@pytest.fixture
def chat(shop: Shop) -> Conversation:
    """A conversation that an agent answers."""
    return shop.conversation()


def test_note_is_kept_encrypted_and_shown_masked(world: World, chat: Conversation) -> None:
    notes.add_note(actor=world.actor("support"), conversation_id=chat.pk, text=TEXT)
    assert Note.objects.get().body == TEXT
    (row,) = list_notes(viewer=world.actor("viewer"), conversation_id=chat.pk)
    assert "ana@customer.example" not in row.text


def test_note_is_audited_without_its_text(world: World, chat: Conversation) -> None:
    notes.add_note(actor=world.actor("support"), conversation_id=chat.pk, text=TEXT)
    entry = AuditEntry.objects.get(action="CONVERSATION_NOTED")
    assert "tomorrow" not in str(entry.facts)


def test_viewer_cannot_write_a_note(world: World, chat: Conversation) -> None:
    with pytest.raises(Refused):
        notes.add_note(actor=world.actor("viewer"), conversation_id=chat.pk, text=TEXT)


def test_empty_note_is_invalid(world: World, chat: Conversation) -> None:
    with pytest.raises(Invalid):
        notes.add_note(actor=world.actor("support"), conversation_id=chat.pk, text=" ")


def test_note_on_another_tenants_conversation_is_not_found(world: World, chat: Conversation) -> None:
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        notes.add_note(actor=world.outsider(), conversation_id=chat.pk, text=TEXT)


def test_notes_in_clear_need_a_grant(world: World, chat: Conversation) -> None:
    with pytest.raises(Refused):
        list_notes(viewer=world.actor("owner"), conversation_id=chat.pk, clear=True)


def test_mentioned_colleagues_are_told_once_and_mailed(world: World, chat: Conversation) -> None:
    support, viewer, admin = (world.people[role] for role in ("support", "viewer", "admin"))
    text = f"@{viewer.get_full_name()} and @{support.get_full_name()}, what do you think?"
    note = notes.add_note(
        actor=world.actor("support"), conversation_id=chat.pk, text=text, mentions=[admin.pk, viewer.pk]
    )
    assert set(note.mentions) == {viewer.pk, admin.pk, support.pk}
    told = Notice.objects.filter(kind="mention")
    assert set(told.values_list("person", "level")) == {(viewer.pk, "alert"), (admin.pk, "alert")}
    assert told.first().link.startswith(f"/admin/conversations/conversation/{chat.pk}/")  # type: ignore[union-attr]
    outsider = world.outsiders["owner"].pk
    for mentions in ([outsider], [UUID(int=number) for number in range(11)]):
        with pytest.raises(Invalid):
            notes.add_note(actor=world.actor("support"), conversation_id=chat.pk, text="x", mentions=mentions)
    assert Note.objects.count() == 1


def test_note_is_changed_by_its_author_within_minutes_and_keeps_what_it_said(world: World, chat: Conversation) -> None:
    support, viewer, start = world.actor("support"), world.people["viewer"], now()
    note = notes.add_note(actor=support, conversation_id=chat.pk, text=TEXT)

    def change(text: str, actor: Actor = support, **more: Any) -> Note:
        return notes.revise_note(actor=actor, conversation_id=chat.pk, note_id=note.pk, text=text, **more)

    assert notes.changeable_notes(actor=support, conversation_id=chat.pk) == {note.pk: TEXT}
    assert notes.changeable_notes(actor=world.actor("admin"), conversation_id=chat.pk) == {}
    with pytest.raises(Refused):
        change("Mine", world.actor("admin"))
    with pytest.raises(Invalid):
        change(" ")
    for _ in range(2):
        change(f"Done, @{viewer.get_full_name()}")
    change("Done")
    (row,) = list_notes(viewer=world.actor("viewer"), conversation_id=chat.pk)
    assert (row.text, row.edited_at is not None) == ("Done", True)
    assert [former.text for former in row.former][-1].startswith("Call")
    assert "ana@customer.example" not in str([former.text for former in row.former])
    assert (NoteVersion.objects.count(), Notice.objects.filter(kind="mention").count()) == (2, 1)
    with pytest.raises(Conflict) as late:
        change("Later", now=start + timedelta(minutes=16))
    assert late.value.code == "too_late"
    assert notes.changeable_notes(actor=support, conversation_id=chat.pk, now=start + timedelta(minutes=16)) == {}
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        change("x", world.outsider())
    other = Conversation.objects.create(contact=chat.contact, channel_account=chat.channel_account, thread="other")
    with pytest.raises(NotFound):
        notes.revise_note(actor=support, conversation_id=other.pk, note_id=note.pk, text="x")


@pytest.mark.slow
def test_page_offers_the_change_to_its_author_alone(world: World, chat: Conversation) -> None:
    note = notes.add_note(actor=world.actor("support"), conversation_id=chat.pk, text=TEXT)
    page = f"/admin/conversations/conversation/{chat.pk}/"
    clients = {role: Client() for role in ("support", "admin")}
    for role, client in clients.items():
        client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    assert TEXT in clients["support"].get(page).content.decode()
    assert TEXT not in clients["admin"].get(page).content.decode()
    sent = {"note_id": str(note.pk), "text": "Done"}
    assert clients["admin"].post(f"{page}edit-note/", sent).status_code in (400, 403)
    assert clients["support"].post(f"{page}edit-note/", sent).status_code == 302
    shown = clients["admin"].get(page).content.decode()
    assert "What it said before" in shown
    assert "Done" in shown
    written = {"note": "Look at this", "mentions": str(world.people["viewer"].pk)}
    assert clients["support"].post(f"{page}note/", written).status_code == 302
    assert Notice.objects.filter(person=world.people["viewer"]).count() == 1
