"""Acme's number at Twilio, and signed requests to its door."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.http import HttpResponse
from django.test import Client
from twilio.request_validator import RequestValidator

from channels_app.models import InboundDelivery
from channels_app.webhooks import deliveries, wake_worker
from conversations.channel_accounts import accounts, templates
from conversations.channel_accounts.templates import FoundTemplate
from conversations.models import ChannelAccount, MessageTemplate
from core.tenancy.scope import tenant_scope
from standins.phone import seed
from tests.edge.phone_fixture import SHARED
from tests.world import OPERATOR, World

SID = seed.account_sid("acme")
TOKEN = seed.auth_token("acme", SHARED)
TEMPLATE = seed.template_sid("acme")
OURS = "+447700900001"
WEBHOOK = "/channels/whatsapp/webhook/"


def connect(world: World, **credentials: Any) -> ChannelAccount:
    """Connect Acme's number; credentials given replace the usual ones."""
    template = credentials.pop("template_sid", "")
    with tenant_scope(world.acme.pk):
        account = accounts.connect_channel(
            actor=OPERATOR,
            kind="whatsapp",
            provider="twilio",
            name="Acme WhatsApp",
            address=OURS,
            provider_account=SID,
            credentials={"account_sid": SID, "auth_token": TOKEN, **credentials},
        )
        if template:
            use_as_template(account, FoundTemplate("update", "en", template, "approved", body="News: {{1}}"))
    return account


def use_as_template(account: ChannelAccount, *found: FoundTemplate, use: str = "outcome") -> None:
    """Keep these templates and send the approved ones for a use."""
    templates.store_templates(account_id=account.pk, found=found)
    for template in MessageTemplate.objects.filter(channel_account=account, state="approved"):
        templates.use_template(actor=OPERATOR, template_id=template.pk, use=use)
    account.refresh_from_db()


def fields(text: str = "Hello", number: int = 1, **more: str) -> dict[str, str]:
    """Return the parameters of a text message."""
    return {
        "MessageSid": f"SM{number:032x}",
        "AccountSid": SID,
        "From": "whatsapp:+34600123456",
        "To": f"whatsapp:{OURS}",
        "Body": text,
        "NumMedia": "0",
        "SmsStatus": "received",
        "MessageType": "text",
        "ProfileName": "Ana Souza",
        "WaId": "34600123456",
        "ApiVersion": "2010-04-01",
        **more,
    }


def sign(path: str, form: dict[str, str], token: str = TOKEN) -> str:
    """Sign as Twilio does."""
    return str(RequestValidator(token).compute_signature(django_settings.PUBLIC_URL + path, form))


def post(
    form: dict[str, str], *, path: str = WEBHOOK, signature: str | None = None, token: str = TOKEN, **headers: str
) -> HttpResponse:
    """Post a form, signed unless a signature is given."""
    given = sign(path, form, token) if signature is None else signature
    named = {"X-Twilio-Signature": given, **headers} if given != "-" else headers
    answer: Any = Client().post(path, urlencode(form), content_type="application/x-www-form-urlencoded", headers=named)
    return answer


@dataclass
class Door:
    """Acme's door."""

    world: World
    account: ChannelAccount

    def rows(self) -> list[InboundDelivery]:
        """Return what was stored."""
        with tenant_scope(self.world.acme.pk):
            return list(InboundDelivery.objects.order_by("id"))

    def inside(self) -> Any:
        """Enter Acme's scope."""
        return tenant_scope(self.world.acme.pk)

    def take(self, text: str = "Hello", number: int = 1, **more: str) -> None:
        """Let a message come in and be worked."""
        assert post(fields(text, number, **more)).status_code == 200
        deliveries.dispatch_due_deliveries()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish nothing to a broker."""
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)


@pytest.fixture
def door(world: World) -> Door:
    """The door in a test of one connection."""
    return Door(world, connect(world))


@pytest.fixture
def open_door(committed_world: World) -> Door:
    """The door in a test of several connections."""
    return Door(committed_world, connect(committed_world, template_sid=TEMPLATE))
