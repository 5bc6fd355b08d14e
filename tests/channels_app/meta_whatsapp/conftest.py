"""Acme's number at Meta, signed posts to its address, and the stand-in."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from django.http import HttpResponse
from django.test import Client

from channels_app.meta_whatsapp.channel import found_in_meta
from channels_app.models import InboundDelivery
from channels_app.webhooks import deliveries, wake_worker
from conversations.channel_accounts import templates
from conversations.channel_accounts.accounts import connect_channel
from conversations.models import ChannelAccount, MessageTemplate
from core.tenancy.scope import tenant_scope
from standins.meta import seed
from tests.edge.standin_process import Process, end, launch
from tests.world import OPERATOR, World

SHARED = "a secret of the tests"
NUMBER_ID = seed.phone_number_id("acme")
ACCOUNT_ID = seed.business_account_id("acme")
SECRET = seed.app_secret("acme", SHARED)
OURS = seed.CAST["acme"][1]
CUSTOMER = next(iter(seed.CAST["acme"][2]))
ANA = "34600123456"
# When the first message was written: lately, so that the reply window is open.
WROTE = int(time.time()) - 600


def connect(world: World, slug: str = "acme", **credentials: Any) -> ChannelAccount:
    """Connect a number; credentials given replace the usual ones."""
    tenant = getattr(world, slug)
    has_templates = credentials.pop("has_templates", False)
    kept = {
        "phone_number_id": NUMBER_ID,
        "business_account_id": ACCOUNT_ID,
        "access_token": seed.access_token("acme", SHARED),
        "app_secret": SECRET,
        "verify_token": "the verify token",
        **credentials,
    }
    with tenant_scope(tenant.pk):
        account = connect_channel(
            actor=OPERATOR,
            kind="whatsapp",
            provider="cloud",
            name="Meta",
            address=OURS,
            provider_account=kept["phone_number_id"],
            credentials=kept,
        )
        ChannelAccount.objects.filter(pk=account.pk).update(public_key=seed.door_key(slug))
        if has_templates:
            templates.store_templates(account_id=account.pk, found=map(found_in_meta, seed.demo_templates()))
            for template in MessageTemplate.objects.filter(name="update", state="approved"):
                templates.use_template(actor=OPERATOR, template_id=template.pk, use="outcome")
        account.refresh_from_db()
    return account


def change(name: str = "messages", *, number: str = NUMBER_ID, **value: Any) -> dict[str, Any]:
    """Return one change of a number."""
    metadata = {"display_phone_number": OURS.lstrip("+"), "phone_number_id": number}
    return {"field": name, "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}


def message(number: int = 1, *, sender: str = ANA, **facts: Any) -> dict[str, Any]:
    """Return a text message, or one of another kind."""
    usual = {"type": "text", "text": {"body": "Hello"}}
    stamp = str(WROTE + number)
    return {"from": sender, "id": f"wamid.{number:04d}", "timestamp": stamp, **(facts or usual)}


def status(word: str, message_id: str = "wamid.out", **facts: Any) -> dict[str, Any]:
    """Return a status of one of our messages."""
    return {"id": message_id, "status": word, "timestamp": str(WROTE + 30), "recipient_id": ANA, **facts}


def person(sender: str = ANA, name: str = "Ana Souza", **facts: Any) -> dict[str, Any]:
    """Return what Meta says about a sender."""
    return {"profile": {"name": name}, "wa_id": sender, **facts}


def wrap(*changes: Any) -> dict[str, Any]:
    """Return a post with these changes."""
    return {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT_ID, "changes": list(changes)}]}


def sign(body: bytes, secret: str = SECRET) -> str:
    """Sign as Meta does."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(
    document: Any, *, key: str = seed.door_key("acme"), secret: str = SECRET, signature: str | None = None
) -> HttpResponse:
    """Post a document (or raw bytes), signed unless a signature is given."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    given = sign(body, secret) if signature is None else signature
    headers = {"X-Hub-Signature-256": given} if given != "-" else {}
    path = f"/channels/whatsapp-cloud/{key}/webhook/"
    answer: Any = Client().post(path, body, content_type="application/json", headers=headers)
    return answer


@dataclass
class Door:
    """Acme's number and what was stored for it."""

    world: World
    account: ChannelAccount

    def rows(self) -> list[InboundDelivery]:
        """Return what was stored."""
        with self.inside():
            return list(InboundDelivery.objects.order_by("id"))

    def inside(self) -> Any:
        """Enter Acme's scope."""
        return tenant_scope(self.world.acme.pk)

    def take(self, *changes: Any) -> None:
        """Let a post come in and be processed."""
        assert post(wrap(*changes)).status_code == 200
        deliveries.dispatch_due_deliveries()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish nothing to a broker."""
    monkeypatch.setattr(wake_worker.stored, "give", lambda: None)


@pytest.fixture
def door(world: World) -> Door:
    """The number in a test of one connection."""
    return Door(world, connect(world))


@pytest.fixture
def open_door(committed_world: World) -> Door:
    """The number in a test of several connections."""
    return Door(committed_world, connect(committed_world, has_templates=True))


@dataclass(frozen=True)
class Meta:
    """The running stand-in."""

    url: str
    process: Process

    def call(self, path: str, body: Any = None) -> Any:
        """Make one control request."""
        how = "POST" if body is not None else "GET"
        answer = httpx2.request(how, self.url + path, json=body, trust_env=False, verify=False, timeout=60)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def write(self, body: str, **more: Any) -> dict[str, Any]:
        """Let the customer write to Acme."""
        found: dict[str, Any] = self.call("/__write", {"account": NUMBER_ID, "from": CUSTOMER, "body": body, **more})
        return found

    def replies(self, to: str = CUSTOMER) -> list[dict[str, Any]]:
        """Return what the product sent, oldest first."""
        return [one for one in self.messages() if one["recipient"] == to]

    def messages(self) -> list[dict[str, Any]]:
        """Return all messages of the number, oldest first."""
        accounts = self.call("/__view")["accounts"]
        found: list[dict[str, Any]] = next(one for one in accounts if one["sid"] == NUMBER_ID)["messages"]
        return found


@pytest.fixture
def meta(live_server: Any, settings: Any, tmp_path: Path) -> Iterator[Meta]:
    """The stand-in, whose webhooks go to the live server."""
    settings.PUBLIC_URL = live_server.url
    running = Meta(*launch("meta", tmp_path / "meta", f"--public={live_server.url}", SANDBOX_META_TOKEN=SHARED))
    settings.META_API_BASE = running.url
    yield running
    end(running.process)
