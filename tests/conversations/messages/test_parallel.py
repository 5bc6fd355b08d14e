"""Many connections at once: one conversation, one contact, one winner."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from conversations import services
from conversations.inbox import states
from conversations.messages import delivery
from conversations.models import Contact, Conversation, Message
from conversations.services import Draft
from conversations.types import SenderIdentity, SendResult
from core.errors import Conflict
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import AGENT, ScriptedTransport, Shop, make_shop
from tests.world import World

pytestmark = pytest.mark.slow

THREADS = 20


@pytest.fixture
def busy_shop(committed_world: World) -> Shop:
    """A shop whose rows every connection sees."""
    with tenant_scope(committed_world.acme.pk):
        return make_shop(committed_world)


def at_once(shop: Shop, work: Callable[[int], Any]) -> list[Any]:
    """Run the work in many threads, each with its own connection; errors are results."""

    def run(number: int) -> Any:
        try:
            with tenant_scope(shop.world.acme.pk):
                return work(number)
        except Conflict as lost:
            return lost
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(run, range(THREADS)))


def test_twenty_first_messages_at_once_make_one_conversation(busy_shop: Shop) -> None:
    at_once(busy_shop, lambda n: busy_shop.write(str(n), external_id=f"SM{n}"))
    with tenant_scope(busy_shop.world.acme.pk):
        assert (Contact.objects.count(), Conversation.objects.count()) == (1, 1)
        assert sorted(Message.objects.values_list("seq", flat=True)) == list(range(1, 21))


def test_one_message_handed_in_twenty_times_at_once_is_stored_once(busy_shop: Shop) -> None:
    found = at_once(busy_shop, lambda _: busy_shop.write(external_id="SM1"))
    assert len({message.pk for message in found}) == 1


def test_twenty_messages_after_closing_reopen_once(busy_shop: Shop) -> None:
    with tenant_scope(busy_shop.world.acme.pk):
        first = busy_shop.conversation()
        services.close(actor=busy_shop.world.actor("support"), conversation_id=first.pk, resolved=False)
    found = at_once(busy_shop, lambda n: busy_shop.write(str(n)))
    assert {message.conversation_id for message in found} == {first.pk}


def test_two_people_take_over_at_once_and_one_has_it(busy_shop: Shop) -> None:
    with tenant_scope(busy_shop.world.acme.pk):
        first = busy_shop.conversation()
        actors = [busy_shop.world.actor(role) for role in ("support", "admin")]
    found = at_once(
        busy_shop,
        lambda n: states.take_over(actor=actors[n % 2], conversation_id=first.pk),
    )
    kinds = Counter(type(result).__name__ for result in found)
    assert kinds == {"Conversation": THREADS // 2, "Conflict": THREADS // 2}


def test_one_message_delivered_by_twenty_workers_leaves_once(
    busy_shop: Shop, transport: type[ScriptedTransport]
) -> None:
    transport.answers = [SendResult(ok=True, provider_id="SM1")]
    with tenant_scope(busy_shop.world.acme.pk):
        asked = busy_shop.call()
        answer = services.reply(actor=AGENT, conversation_id=asked.conversation_id, draft=Draft(text="Hello"))
    at_once(busy_shop, lambda _: delivery.deliver(message_id=answer.pk))
    assert len(transport.sent) == 1


def test_message_that_meets_a_closing_reopens_the_conversation(busy_shop: Shop) -> None:
    def write() -> None:
        with tenant_scope(busy_shop.world.acme.pk):
            busy_shop.write("One more thing")
        connection.close()

    with tenant_scope(busy_shop.world.acme.pk), ThreadPoolExecutor(1) as pool:
        chat = busy_shop.conversation()
        support = busy_shop.world.actor("support")
        with transaction.atomic():
            services.close(actor=support, conversation_id=chat.pk, resolved=True)
            writing = pool.submit(write)
            time.sleep(0.3)
        writing.result()
        chat.refresh_from_db()
        assert chat.state == "agent"


def test_link_taken_away_while_a_message_waits_counts_for_the_message(busy_shop: Shop) -> None:
    user = busy_shop.world.people["support"]
    sender = SenderIdentity("member", str(user.pk), verified=True, user_id=user.pk)
    tenant_id = busy_shop.world.acme.pk
    with tenant_scope(tenant_id):
        first = busy_shop.write("one", sender=sender)

    def write() -> Message:
        try:
            with tenant_scope(tenant_id):
                return busy_shop.write("two", sender=SenderIdentity("member", str(user.pk), verified=True))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, tenant_scope(tenant_id):
        with transaction.atomic():
            Contact.objects.filter(pk=first.sender_id).update(user_id=None)
            waiting = pool.submit(write)
            time.sleep(0.3)
            assert not waiting.done()
        assert (first.sender_user_id, waiting.result(timeout=10).sender_user_id) == (user.pk, None)
