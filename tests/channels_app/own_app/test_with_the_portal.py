"""The whole way with the sandbox portal: a customer's message through the real door, its answer to the portal."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from channels_app.own_app import manage
from channels_app.webhooks import deliveries
from conversations import services
from conversations.messages.delivery import deliver
from conversations.models import ChannelAccount, Conversation
from conversations.services import Draft, Sender
from core.actors import system
from core.clock import now
from core.models import WebhookDelivery, WebhookEndpoint
from core.tenancy.scope import tenant_scope
from core.webhooks import attempts
from standins.portal import seed
from tests.edge.phone_fixture import SHARED
from tests.edge.standin_process import end, launch
from tests.world import OPERATOR, World

pytestmark = pytest.mark.slow


@pytest.fixture
def portal(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[str]:
    """A portal whose customers write to the live server."""
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]
    url, process = launch("portal", tmp_path / "portal", f"--public={live_server.url}", SANDBOX_PORTAL_TOKEN=SHARED)
    yield url
    end(process)


def call(url: str, path: str, body: Any = None) -> Any:
    return httpx2.request("POST" if body else "GET", url + path, json=body, trust_env=False, timeout=30).json()


def test_a_customer_of_the_portal_is_answered_through_a_lost_answer_and_a_wrong_secret_counts(
    transactional_db: None, committed_world: World, portal: str
) -> None:
    with tenant_scope(committed_world.acme.pk):
        account = manage.connect_app(actor=OPERATOR, name="Portal", url=f"{portal}/walker/acme").account
        kept = {"token_secret": seed.token_secret("acme", SHARED)}
        ChannelAccount.objects.filter(pk=account.pk).update(public_key=seed.app_key("acme"), credentials=kept)
        answer = call(portal, "/__write", {"company": "acme", "customer": "c-1001", "text": "Hello"})
        assert answer["status"] == 202
        deliveries.dispatch_due_deliveries()
        conversation = Conversation.objects.get()
        message = services.reply(
            actor=system("tests"), conversation_id=conversation.pk, draft=Draft(text="Hi", sender=Sender(type="agent"))
        )
        deliver(message_id=message.pk)
        delivery = WebhookDelivery.objects.get()
        assert attempts.deliver(delivery.pk) == "waiting"  # signed with a secret that the portal does not have
        WebhookEndpoint.objects.update(secrets={"current": seed.signing_secret("acme", SHARED)})
        call(portal, "/__script", {"match": "POST /walker/acme", "do": "drop_after"})
        states = [attempts.deliver(delivery.pk, now=now() + timedelta(seconds=100 * number)) for number in (1, 2)]
        assert states == ["waiting", "delivered"]
    [acme] = [one for one in call(portal, "/__view")["companies"] if one["slug"] == "acme"]
    assert acme["refused"] == 1
    assert [(line["sender"], line["body"]) for line in acme["lines"]] == [("customer", "Hello"), ("agent", "Hi")]
