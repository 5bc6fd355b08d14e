"""Acme's mail account, its mails, and signed batches of events to its door."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.http import HttpResponse
from django.test import Client

from channels_app.email.connect import connect_mail
from channels_app.models import InboundDelivery
from channels_app.webhooks import deliveries, wake_worker
from conversations.models import ChannelAccount
from core.clock import now
from core.tenancy.scope import tenant_scope
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from integrations.models import MailDelivery
from tests.world import OPERATOR, World

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def sign(body: bytes, timestamp: str) -> str:
    """Sign as SendGrid does."""
    return base64.b64encode(KEY.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()


@dataclass
class Door:
    """Acme's door."""

    world: World
    account: ChannelAccount

    @property
    def path(self) -> str:
        """Where SendGrid posts."""
        return f"/channels/email/{self.account.public_key}/events/"

    def post(
        self, events: Any, *, raw: bytes = b"", signature: str | None = None, at: str = "", path: str = ""
    ) -> HttpResponse:
        """Post a batch, signed unless a signature is given ("-" for none)."""
        body, timestamp = raw or json.dumps(events).encode() + b"\r\n", at or str(int(now().timestamp()))
        given = sign(body, timestamp) if signature is None else signature
        headers = {"X-Twilio-Email-Event-Webhook-Timestamp": timestamp}
        if given != "-":
            headers["X-Twilio-Email-Event-Webhook-Signature"] = given
        answer: Any = Client().post(path or self.path, body, content_type="application/json", headers=headers)
        return answer

    def take(self, *events: dict[str, Any]) -> None:
        """Let a batch come in and be worked."""
        assert self.post(list(events)).status_code == 200
        deliveries.dispatch_due_deliveries()

    def rows(self) -> list[InboundDelivery]:
        """Return what was stored."""
        with tenant_scope(self.world.acme.pk):
            return list(InboundDelivery.objects.order_by("id"))

    def mail(self, key: str = "k", type: str = "test") -> MailDelivery:
        """Have a mail that was sent."""
        with tenant_scope(self.world.acme.pk):
            row = queue_mail(NewMail(type=type, recipient="ana@customers.example", subject="Hi", text="Hello", key=key))
            sent = {"status": "sent", "provider_message_id": f"pm-{key}", "sent_at": now(), "due_at": None}
            MailDelivery.objects.filter(pk=row.pk).update(**sent)
            return MailDelivery.objects.get(pk=row.pk)

    def again(self, mail: MailDelivery) -> MailDelivery:
        """Return the row as it is now."""
        with tenant_scope(self.world.acme.pk):
            return MailDelivery.objects.get(pk=mail.pk)


def event(kind: str, mail: MailDelivery | None = None, seconds: int = 0, **more: Any) -> dict[str, Any]:
    """Return one event as SendGrid posts it."""
    found = {"email": "ana@customers.example", "event": kind, "timestamp": int(now().timestamp()) - 60 + seconds}
    if mail is not None:
        found |= {"walker_mail": str(mail.pk), "sg_message_id": f"{mail.provider_message_id}.filter0001.16648"}
    return {**found, "sg_event_id": f"{kind}-{seconds}", "category": ["test"], **more}


def open_door(world: World, **more: str) -> Door:
    """Connect Acme's mail account."""
    facts = {"name": "Mail", "from_address": "desk@acme.example", "api_key": "SG.secret", "event_public_key": PUBLIC}
    with tenant_scope(world.acme.pk):
        return Door(world, connect_mail(actor=OPERATOR, **{**facts, **more}))


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Publish nothing to a broker."""
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)
    return  # type: ignore[return-value]


@pytest.fixture
def door(world: World) -> Door:
    """The door in a test of one connection."""
    return open_door(world)
