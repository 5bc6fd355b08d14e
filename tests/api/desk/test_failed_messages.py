"""Failed messages and templates through the API: why in words, the provider's page, and sent again."""

from uuid import UUID

import pytest

from conversations import services
from conversations.channel_accounts import templates
from conversations.channel_accounts.templates import FoundTemplate
from conversations.messages import delivery
from conversations.models import DeliveryAttempt, Message, MessageTemplate
from conversations.services import Draft, Sender
from conversations.types import SenderIdentity, SendResult
from core.actors import system
from core.tenancy.scope import tenant_scope
from tests.api.office import PHONE, Office
from tests.conversations.conftest import (
    ScriptedTransport,
    transport,  # noqa: F401  (a fixture)
)
from tests.world import OPERATOR

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PAGE = "https://www.twilio.com/docs/api/errors/21211"
REFUSED = SendResult(ok=False, error="21211", permanent=True, http_status=400)


@pytest.fixture
def failed(office: Office, transport: type[ScriptedTransport], monkeypatch: pytest.MonkeyPatch) -> UUID:  # noqa: F811
    """An answer that Twilio refused."""
    from channels_app.twilio_whatsapp.channel import WhatsAppTransport

    monkeypatch.setattr(transport, "explain", WhatsAppTransport.explain)
    transport.answers = [REFUSED]
    with tenant_scope(office.world.acme.pk):
        conversation_id = office.ids["conversation"]
        assert isinstance(conversation_id, UUID)
        draft = Draft(text="Hello", sender=Sender(type="system"))
        message = services.reply(actor=OPERATOR, conversation_id=conversation_id, draft=draft)
        assert delivery.deliver(message_id=message.pk) == "failed"
    return message.pk


def test_failed_message_shows_why_and_its_page_and_is_sent_again(office: Office, failed: UUID) -> None:
    caller, conversation = office.caller("support"), office.ids["conversation"]
    rows = caller.get(f"conversations/{conversation}/messages/").json()["results"]
    [failure] = [row["failure"] for row in rows if row["id"] == str(failed)]
    assert (failure["code"], failure["url"]) == ("21211", PAGE)
    assert failure["reason"] == "The recipient's number is missing or invalid."
    page = office.browser("support").get(f"/admin/conversations/conversation/{conversation}/").content.decode()
    assert f'href="{PAGE}"' in page
    assert "page about 21211" in page
    again = caller.post(f"messages/{failed}/send-again/")
    assert (again.status_code, again.json()["id"], again.json()["status"]) == (200, str(failed), "queued")
    with tenant_scope(office.world.acme.pk):
        assert delivery.deliver(message_id=failed) == "sent"
        attempts = DeliveryAttempt.objects.filter(message=failed).order_by("number")
        assert list(attempts.values_list("number", "outcome")) == [(1, "failed"), (2, "succeeded")]
    repeated = caller.post(f"messages/{failed}/send-again/")
    assert (repeated.status_code, repeated.json()["code"]) == (409, "not_failed")


def test_gate_refuses_to_send_again_to_who_said_stop(office: Office, failed: UUID) -> None:
    with tenant_scope(office.world.acme.pk):
        sender = SenderIdentity(kind="phone", value=PHONE, verified=True)
        services.block_point(actor=system("test-door"), sender=sender, channel="whatsapp", reason="opted_out")
    refused = office.caller("support").post(f"messages/{failed}/send-again/")
    assert (refused.status_code, refused.json()["code"]) == (409, "opted_out")
    with tenant_scope(office.world.acme.pk):
        assert (Message.objects.get(pk=failed).status, DeliveryAttempt.objects.count()) == ("failed", 1)


def test_templates_are_listed_with_their_text_state_and_uses(office: Office) -> None:
    account_id = office.ids["account"]
    with tenant_scope(office.world.acme.pk):
        found = [
            FoundTemplate("news", "de", "HX2", "approved", "utility", "Neues zu {{1}}: {{2}}"),
            FoundTemplate("sale", "en", "HX3", "paused", "marketing", "Sale!"),
        ]
        templates.store_templates(account_id=account_id, found=found)
        chosen = MessageTemplate.objects.get(name="news")
        templates.use_template(actor=OPERATOR, template_id=chosen.pk, use="outcome")
    caller = office.caller("support")
    rows = {row["name"]: row for row in caller.get("templates/", account=str(account_id)).json()["results"]}
    told = {name: (row["language"], row["category"], row["state"], row["uses"]) for name, row in rows.items()}
    assert told == {
        "update": ("en", "", "gone", []),
        "news": ("de", "utility", "approved", ["outcome"]),
        "sale": ("en", "marketing", "paused", []),
    }
    assert rows["news"]["body"] == "Neues zu {{1}}: {{2}}"
    assert (rows["news"]["preview"], rows["news"]["variables"]) == ("Neues zu •••: •••", ["1", "2"])
    assert caller.get(f"templates/{chosen.pk}/").json() == rows["news"]
    assert [row["name"] for row in caller.get("templates/", state="paused").json()["results"]] == ["sale"]
