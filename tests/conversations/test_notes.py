"""Notes of colleagues: for staff only, masked, recorded."""

import pytest

from conversations import selectors, services
from conversations.models import Conversation, Note
from core.errors import Invalid, NotFound, Refused
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
    services.add_note(actor=world.actor("support"), conversation_id=chat.pk, text=TEXT)
    assert Note.objects.get().body == TEXT
    (row,) = selectors.list_notes(viewer=world.actor("viewer"), conversation_id=chat.pk)
    assert "ana@customer.example" not in row.text


def test_note_is_audited_without_its_text(world: World, chat: Conversation) -> None:
    services.add_note(actor=world.actor("support"), conversation_id=chat.pk, text=TEXT)
    entry = AuditEntry.objects.get(action="CONVERSATION_NOTED")
    assert "tomorrow" not in str(entry.facts)


def test_viewer_cannot_write_a_note(world: World, chat: Conversation) -> None:
    with pytest.raises(Refused):
        services.add_note(actor=world.actor("viewer"), conversation_id=chat.pk, text=TEXT)


def test_empty_note_is_invalid(world: World, chat: Conversation) -> None:
    with pytest.raises(Invalid):
        services.add_note(actor=world.actor("support"), conversation_id=chat.pk, text=" ")


def test_note_on_another_tenants_conversation_is_not_found(world: World, chat: Conversation) -> None:
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        services.add_note(actor=world.outsider(), conversation_id=chat.pk, text=TEXT)


def test_notes_in_clear_need_a_grant(world: World, chat: Conversation) -> None:
    with pytest.raises(Refused):
        selectors.list_notes(viewer=world.actor("owner"), conversation_id=chat.pk, clear=True)
