"""Replies that an agent wrote and did not send: sent once, changed, dropped, or left behind."""

from typing import Any

import pytest
from django.utils.html import escape

from accounts.privacy.reveals import reveal
from conversations import selectors, services
from conversations.contacts import blocks
from conversations.inbox import states
from conversations.models import Conversation, Message, SuggestedReply
from conversations.replies import suggestions
from conversations.services import Draft, Sender
from core.errors import Conflict, Invalid, NotFound, Refused
from core.models import AuditEntry
from core.reach.gate import NotReachable
from core.tenancy.scope import tenant_scope
from tests.console.conftest import Browser, browser  # noqa: F401
from tests.conversations.conftest import AGENT, Shop
from tests.conversations.messages.test_parallel import at_once, busy_shop  # noqa: F401

pytestmark = pytest.mark.django_db
TEXT = "Within 60 days. Call +34 600 123 456. [1]"
SOURCES = [{"n": 1, "title": "Returns", "url": "", "document": "00000000-0000-7000-8000-000000000000"}]
State = SuggestedReply.State


def kept(conversation: Conversation, text: str = TEXT, **fields: Any) -> SuggestedReply:
    """Hand a conversation off with a draft, as an agent does."""
    wanted = {"reason": "low_confidence", "confidence": 20, "sources": SOURCES, **fields}
    made = services.suggest_reply(actor=AGENT, conversation_id=conversation.pk, text=text, **wanted)
    services.hand_off(actor=AGENT, conversation_id=conversation.pk, reason="low_confidence")
    return made


@pytest.fixture
def draft(shop: Shop) -> SuggestedReply:
    """A draft in a web chat."""
    return kept(shop.conversation())


def fresh(draft: SuggestedReply) -> tuple[str, Any, Any]:
    """What became of a draft, by whom, and the message that it became."""
    found = SuggestedReply.objects.get(pk=draft.pk)
    return found.state, found.reviewed_by_id, found.reply_id


def test_draft_is_sent_as_it_was_written_with_its_sources(shop: Shop, draft: SuggestedReply) -> None:
    support = shop.world.actor("support")
    message = suggestions.send_suggestion(actor=support, suggestion_id=draft.pk, text=draft.masked_body)
    assert (message.body, message.sender_type, message.sender_id) == (TEXT, "person", support.user_id)
    assert message.metadata["sources"] == SOURCES
    assert fresh(draft) == (State.SENT, support.user_id, message.pk)
    assert Conversation.objects.get().assigned_to_id == support.user_id
    entry = AuditEntry.objects.get(action="SUGGESTED_REPLY_SENT")
    assert entry.facts["outcome"] == "sent"
    assert "600" not in str(entry.facts)
    for review in (suggestions.send_suggestion, suggestions.drop_suggestion):
        with pytest.raises(Conflict, match="has been reviewed"):
            review(actor=shop.world.actor("admin"), suggestion_id=draft.pk)
    assert Message.objects.filter(direction="out", sender_type="person").count() == 1


def test_changed_draft_is_the_persons_own_text(shop: Shop, draft: SuggestedReply) -> None:
    support = shop.world.actor("support")
    with pytest.raises(Invalid, match="masked parts"):
        suggestions.send_suggestion(actor=support, suggestion_id=draft.pk, text=f"{draft.masked_body} Bye!")
    assert fresh(draft)[0] == State.OPEN
    own = "Within 30 days:\n• unworn\n• in their box"
    message = suggestions.send_suggestion(actor=support, suggestion_id=draft.pk, text=own)
    assert (message.body, message.metadata) == (own, {})
    assert fresh(draft)[0] == State.EDITED


def test_dropped_draft_sends_nothing(shop: Shop, draft: SuggestedReply) -> None:
    suggestions.drop_suggestion(actor=shop.world.actor("support"), suggestion_id=draft.pk)
    assert fresh(draft)[0] == State.DROPPED
    assert not Message.objects.filter(direction="out").exists()
    assert AuditEntry.objects.filter(action="SUGGESTED_REPLY_DROPPED").exists()
    assert Conversation.objects.get().needs_person


@pytest.mark.parametrize("way", ["reply", "give_back", "close", "newer"])
def test_draft_is_left_behind_when_the_conversation_goes_on(shop: Shop, draft: SuggestedReply, way: str) -> None:
    support, conversation = shop.world.actor("support"), draft.conversation
    if way == "reply":
        services.reply(
            actor=support, conversation_id=conversation.pk, draft=Draft(text="Hi", sender=Sender(type="person"))
        )
    elif way == "give_back":
        states.give_back(actor=support, conversation_id=conversation.pk)
    elif way == "close":
        services.close(actor=support, conversation_id=conversation.pk, resolved=True)
    else:
        kept(conversation, "Better.")
    assert fresh(draft)[0] == State.REPLACED
    with pytest.raises(Conflict, match="went on without it"):
        suggestions.send_suggestion(actor=support, suggestion_id=draft.pk)
    left = selectors.open_suggestion(viewer=support, conversation_id=conversation.pk)
    assert (left[1] if left else None) == ("Better." if way == "newer" else None)


def test_draft_to_somebody_who_said_stop_stays(shop: Shop) -> None:
    conversation = Conversation.objects.get(pk=shop.call().conversation_id)
    draft = kept(conversation)
    blocks.block_contact(actor=shop.world.actor("support"), contact_id=conversation.contact_id)
    with pytest.raises(NotReachable):
        suggestions.send_suggestion(actor=shop.world.actor("support"), suggestion_id=draft.pk)
    assert fresh(draft) == (State.OPEN, None, None)


def test_who_may_not(shop: Shop, draft: SuggestedReply) -> None:
    viewer, owner = shop.world.actor("viewer"), shop.world.actor("owner")
    for review in (suggestions.send_suggestion, suggestions.drop_suggestion):
        with pytest.raises(Refused):
            review(actor=viewer, suggestion_id=draft.pk)
        with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
            review(actor=shop.world.outsider(), suggestion_id=draft.pk)
    with pytest.raises(Refused):
        services.suggest_reply(actor=owner, conversation_id=draft.conversation_id, text="x", reason="mine")
    with pytest.raises(Refused):
        selectors.open_suggestion(viewer=owner, conversation_id=draft.conversation_id, clear=True)
    services.close(actor=owner, conversation_id=draft.conversation_id, resolved=True)
    with pytest.raises(Conflict, match="closed"):
        kept(draft.conversation)
    assert fresh(draft)[0] == State.REPLACED


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_twenty_people_at_once_send_one_reply(busy_shop: Shop) -> None:  # noqa: F811
    with tenant_scope(busy_shop.world.acme.pk):
        draft, support = kept(busy_shop.conversation()), busy_shop.world.actor("support")

    def review(number: int) -> Any:
        if number % 3 == 0:
            return suggestions.drop_suggestion(actor=support, suggestion_id=draft.pk)
        return suggestions.send_suggestion(actor=support, suggestion_id=draft.pk, text=f"Number {number}.")

    results = at_once(busy_shop, review)
    assert sum(not isinstance(each, Conflict) for each in results) == 1
    with tenant_scope(busy_shop.world.acme.pk):
        sent = Message.objects.filter(direction="out", sender_type="person").count()
        assert sent == (fresh(draft)[0] == State.EDITED)


@pytest.mark.slow
def test_pages_show_it_masked_and_send_it(browser: Browser, shop: Shop, draft: SuggestedReply) -> None:  # noqa: F811
    pages = "/admin/conversations/suggestedreply/"
    page = f"/admin/conversations/conversation/{draft.conversation_id}/"
    for path in (pages, page, f"{pages}{draft.pk}/", f"{pages}?state=all"):
        html = browser("support").get(path).content.decode()
        assert "Within 60 days" in html, path
        assert "600 123" not in html, path
    assert "wasn&#x27;t sure enough" in browser("support").get(pages).content.decode()
    assert f"{pages}{draft.pk}/send/" in browser("support").get(page).content.decode()
    assert f"{pages}{draft.pk}/send/" not in browser("viewer").get(page).content.decode()
    admin = shop.world.actor("owner")
    wish = {"object_type": "conversations.conversation", "object_id": draft.conversation_id, "fields": ["messages"]}
    reveal(actor=admin, **wish, reason="To check the number")
    assert escape("600 123 456") in browser("owner").get(page).content.decode()
    assert browser("viewer").post(f"{pages}{draft.pk}/send/", {"text": "x"}).status_code == 403
    assert browser("support").post(f"{pages}{draft.pk}/send/", {"text": ""}).status_code == 400
    answer = browser("support").post(f"{pages}{draft.pk}/send/", {"text": draft.masked_body.replace("\n", "\r\n")})
    assert (answer.status_code, answer.url) == (302, page)  # type: ignore[attr-defined]
    assert Message.objects.get(direction="out", sender_type="person").body == TEXT
    assert browser("support").post(f"{pages}{draft.pk}/drop/").status_code == 409
    assert "Within 60 days" not in browser("support").get(pages).content.decode()
    assert "Within 60 days" in browser("support").get(f"{pages}?state=sent").content.decode()
