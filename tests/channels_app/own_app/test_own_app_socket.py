"""A company's own app on the chat socket: signed in by its customer's token, one conversation with the door."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from channels_app.kit.found import forget
from channels_app.own_app import manage
from channels_app.sockets.connection import NOT_ALLOWED, NOT_SIGNED_IN
from channels_app.webhooks import deliveries, wake_worker
from conversations import services
from conversations.models import ChannelAccount, Conversation
from conversations.services import Draft, Sender
from core.actors import system
from core.clock import now
from core.tenancy.scope import tenant_scope
from tests.channels_app.conftest import Widgets
from tests.channels_app.own_app.test_own_app import AppDoor, connect
from tests.world import OPERATOR, World

pytestmark = pytest.mark.asyncio


async def auth(dial: Callable[..., Any], token: str, **more: Any) -> Any:
    line = await dial(**more)
    await line.say({"type": "auth", "token": token})
    return line


@pytest.fixture
def door(committed_world: World, live_widgets: Widgets, monkeypatch: pytest.MonkeyPatch) -> AppDoor:
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)
    return connect(committed_world, committed_world.acme.pk)


def answer(door: AppDoor) -> None:
    with door.inside():
        [conversation] = Conversation.objects.filter(channel_account=door.account)
        services.reply(
            actor=system("tests"),
            conversation_id=conversation.pk,
            draft=Draft(text="Hi there", sender=Sender(type="agent")),
        )


@pytest.mark.slow
async def test_a_customer_writes_by_both_ways_into_one_conversation_and_hears_the_answer(
    door: AppDoor, dial: Callable[..., Any]
) -> None:
    line = await auth(dial, door.token(), origin="")
    connected = await line.hear()
    assert (connected["type"], connected["signed_in"]) == ("connected", "customer")
    assert (await line.send("By the socket"))["content"] == "By the socket"
    assert (await sync_to_async(door.post)({"id": "1", "text": "By the door"})).status_code == 202
    await sync_to_async(deliveries.dispatch_due_deliveries)()
    assert (await line.hear_type("message_received"))["content"] == "By the door"
    await sync_to_async(answer)(door)
    heard = await line.hear_type("agent_response")
    assert (heard["content"], heard["sender"]) == ("Hi there", {"type": "agent", "name": "Acme app"})
    again = await auth(dial, door.token("c-2"), origin="")
    assert (await again.hear())["conversation"] is None


async def test_a_token_that_proves_nobody_or_comes_from_another_site_is_hung_up(
    door: AppDoor, live_widgets: Widgets, dial: Callable[..., Any]
) -> None:
    late = now() + timedelta(hours=2)
    for token in (
        door.token()[:-2] + "xx",
        door.token(exp=late),
        door.token(exp=now() - timedelta(seconds=5)),
        door.token(aud=live_widgets.acme.public_key),
        door.token(aud=[door.account.public_key]),
    ):
        assert await (await auth(dial, token, origin="")).close_code() == NOT_SIGNED_IN
    assert await (await auth(dial, door.token(), origin="https://evil.example")).close_code() == NOT_ALLOWED


@pytest.mark.slow
async def test_a_line_ends_when_its_secret_no_longer_counts_or_another_customer_takes_it(
    door: AppDoor, dial: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = await auth(dial, door.token(), origin="")
    await line.hear()
    await line.say({"type": "auth", "token": door.token("c-2")})
    assert await line.close_code() == NOT_ALLOWED

    def lose_secret() -> None:
        with tenant_scope(door.tenant_id):
            manage.rotate_token_secret(actor=OPERATOR, account_id=door.account.pk)
            account = ChannelAccount.objects.get(pk=door.account.pk)
            kept = {**account.credentials, "older_until": now().isoformat()}
            ChannelAccount.objects.filter(pk=account.pk).update(credentials=kept)
        forget()

    await sync_to_async(lose_secret)()
    assert await (await auth(dial, door.token(), origin="")).close_code() == NOT_SIGNED_IN
