"""Who answers a conversation: take over, give back, assign, hand off, escalate, close."""

from collections.abc import Callable
from typing import Any

import pytest

from conversations import services
from conversations.contacts.contacts import ContactErased
from conversations.inbox import states
from conversations.models import Contact, Conversation
from conversations.services import Draft, Sender
from core.actors import Actor
from core.audit import chain
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.events import streams
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import AGENT, Shop
from tests.world import World

Step = Callable[[Actor, Conversation], Any]


@pytest.fixture
def chat(shop: Shop) -> Conversation:
    """A conversation that an agent answers."""
    return shop.conversation()


STAFF_STEPS: dict[str, Step] = {
    "take_over": lambda who, chat: states.take_over(actor=who, conversation_id=chat.pk),
    "give_back": lambda who, chat: states.give_back(actor=who, conversation_id=chat.pk),
    "close": lambda who, chat: services.close(actor=who, conversation_id=chat.pk, resolved=True),
    "escalate": lambda who, chat: states.escalate(actor=who, conversation_id=chat.pk, reason="legal"),
}
STEPS = pytest.mark.parametrize("step", STAFF_STEPS.values(), ids=STAFF_STEPS.keys())


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("-seq").values_list("action", flat=True))


@STEPS
def test_viewer_may_not_change_the_state(step: Step, chat: Conversation, viewer: Actor) -> None:
    with pytest.raises(Refused):
        step(viewer, chat)


@STEPS
def test_outsider_finds_nothing(step: Step, chat: Conversation, world: World) -> None:
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        step(world.outsider(), chat)


@pytest.mark.parametrize("name", ["take_over", "give_back", "close", "escalate"])
def test_closed_conversation_stays_closed(name: str, chat: Conversation, support: Actor) -> None:
    STAFF_STEPS["close"](support, chat)
    with pytest.raises(Conflict):
        STAFF_STEPS[name](support, chat)


def test_taking_over_assigns_and_is_audited(chat: Conversation, support: Actor) -> None:
    taken = states.take_over(actor=support, conversation_id=chat.pk)
    assert (taken.state, taken.assigned_to_id) == ("person", support.user_id)
    assert actions()[0] == "CONVERSATION_TAKEN_OVER"


def test_taking_what_a_colleague_has_is_told_who_has_it(chat: Conversation, support: Actor, world: World) -> None:
    states.take_over(actor=support, conversation_id=chat.pk)
    with pytest.raises(Conflict) as lost:
        states.take_over(actor=world.actor("admin"), conversation_id=chat.pk)
    assert lost.value.facts["assigned_to"] == str(support.user_id)
    assert (lost.value.facts["changed_by"], bool(lost.value.facts["changed_at"])) == ("Support Acme", True)


def test_late_word_in_a_closed_conversation_is_told_who_closed_it(
    chat: Conversation, support: Actor, world: World
) -> None:
    services.close(actor=support, conversation_id=chat.pk, resolved=True)
    with pytest.raises(Conflict) as late:
        services.reply(
            actor=world.actor("admin"), conversation_id=chat.pk, draft=Draft(text="Hello", sender=Sender(type="person"))
        )
    assert (late.value.code, late.value.facts["changed_by"]) == ("closed", "Support Acme")


def test_given_back_conversation_is_the_agents(chat: Conversation, support: Actor) -> None:
    states.take_over(actor=support, conversation_id=chat.pk)
    back = states.give_back(actor=support, conversation_id=chat.pk)
    assert (back.state, back.assigned_to_id) == ("agent", None)


def test_hand_off_waits_for_a_person_and_says_why(chat: Conversation) -> None:
    waiting = services.hand_off(actor=AGENT, conversation_id=chat.pk, reason="agent_failed")
    assert waiting.needs_person
    assert (waiting.escalation_reason, waiting.escalated_by) == ("agent_failed", "agent")


def test_hand_off_raises_a_badge_once(chat: Conversation) -> None:
    for _ in range(2):
        services.hand_off(actor=AGENT, conversation_id=chat.pk, reason="agent_failed")
    types = [event.type for event in streams.read("inbox", 0)]
    assert types.count("conversation_needs_person") == 1


def test_hand_off_leaves_the_person_who_has_it(chat: Conversation, support: Actor) -> None:
    states.take_over(actor=support, conversation_id=chat.pk)
    kept = services.hand_off(actor=AGENT, conversation_id=chat.pk, reason="agent_failed")
    assert kept.assigned_to_id == support.user_id


def test_person_does_not_hand_off(chat: Conversation, support: Actor) -> None:
    with pytest.raises(Refused):
        services.hand_off(actor=support, conversation_id=chat.pk, reason="agent_failed")


def test_reason_that_is_no_code_is_invalid(chat: Conversation) -> None:
    with pytest.raises(Invalid):
        services.hand_off(actor=AGENT, conversation_id=chat.pk, reason="Ana said no!")


def test_escalated_conversation_waits_for_another_person(chat: Conversation, support: Actor) -> None:
    states.take_over(actor=support, conversation_id=chat.pk)
    waiting = states.escalate(actor=support, conversation_id=chat.pk, reason="legal")
    assert waiting.needs_person


def test_assigned_colleague_has_it(chat: Conversation, support: Actor, world: World) -> None:
    admin = world.people["admin"]
    given = states.assign(actor=support, conversation_id=chat.pk, user_id=admin.pk)
    assert (given.state, given.assigned_to_id) == ("person", admin.pk)


@pytest.mark.parametrize("role", ["viewer", "outsider"])
def test_nobody_is_assigned_who_may_not_reply(chat: Conversation, support: Actor, world: World, role: str) -> None:
    person = world.outsiders["owner"] if role == "outsider" else world.people[role]
    with pytest.raises(Invalid):
        states.assign(actor=support, conversation_id=chat.pk, user_id=person.pk)


@pytest.mark.parametrize("resolved", [True, False])
def test_closing_keeps_whether_it_is_resolved(chat: Conversation, support: Actor, resolved: bool) -> None:
    closed = services.close(actor=support, conversation_id=chat.pk, resolved=resolved)
    assert (closed.state, closed.resolved) == ("closed", resolved)


def test_customers_stream_tells_the_state_and_nothing_more(chat: Conversation, support: Actor) -> None:
    states.take_over(actor=support, conversation_id=chat.pk)
    event = streams.read(chat.stream, 0)[-1]
    assert (event.type, event.payload) == ("conversation_state", {"state": "person"})


def test_every_view_is_an_audit_entry(chat: Conversation, viewer: Actor) -> None:
    for _ in range(2):
        services.record_view(actor=viewer, conversation_id=chat.pk)
    assert actions()[:2] == ["CONVERSATION_VIEWED"] * 2
    assert chain.verify().ok


def test_view_by_someone_who_replies_clears_the_unread_hint(chat: Conversation, support: Actor, viewer: Actor) -> None:
    services.record_view(actor=viewer, conversation_id=chat.pk)
    chat.refresh_from_db()
    assert chat.is_unread
    services.record_view(actor=support, conversation_id=chat.pk)
    chat.refresh_from_db()
    assert not chat.is_unread


def test_view_of_another_tenants_conversation_is_not_found(chat: Conversation, world: World) -> None:
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        services.record_view(actor=world.outsider(), conversation_id=chat.pk)


def test_close_of_an_erased_persons_conversation_is_not_undone(chat: Conversation, support: Actor) -> None:
    STAFF_STEPS["close"](support, chat)
    Contact.objects.filter(pk=chat.contact_id).update(erased_at=now())
    with pytest.raises(ContactErased):
        states.reopen(actor=support, conversation_id=chat.pk)
    chat.refresh_from_db()
    assert chat.state == "closed"
