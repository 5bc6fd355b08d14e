"""Zendesk's webhook: signed hints that a ticket has changed, after which nothing old of it is shown."""

import base64
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client
from redis.exceptions import RedisError

from core.clock import now
from core.tenancy.scope import tenant_scope
from integrations.calls.operations import Line
from integrations.connections import services as connections
from integrations.connections.selectors import webhook_of
from integrations.models import ProviderAccount
from integrations.ticketing import kept, selectors
from tests.edge.phone_fixture import eventually
from tests.edge.tickets_fixture import TicketServer
from tests.integrations.ticketing.conftest import Desk, connect, customer, make_contact
from tests.world import World


@pytest.fixture
def there(zendesk: TicketServer, world: World) -> Iterator[Desk]:
    """The first tenant's scope, with Zendesk."""
    connect(zendesk, world)
    with tenant_scope(world.acme.pk):
        yield Desk(zendesk, customer(make_contact().pk), world)


def event(number: str, kind: str = "zen:event-type:ticket.status_changed", **more: Any) -> bytes:
    """Return what Zendesk posts of a change."""
    told = {"id": "e-1", "type": kind, "subject": f"zen:ticket:{number}", "detail": {"id": number}, "event": {}}
    return json.dumps({**told, **more}).encode()


def signed(there: Desk, body: bytes, *, age: float = 0, secret: str = "") -> dict[str, str]:
    """Return the headers of a post that Zendesk signs."""
    moment = (now() - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    key = secret or there.server.credentials()["signing_secret"]
    proof = base64.b64encode(hmac.digest(key.encode(), moment.encode() + body, "sha256")).decode()
    return {"X-Zendesk-Webhook-Signature": proof, "X-Zendesk-Webhook-Signature-Timestamp": moment}


def status_of(number: str) -> str:
    """Return a ticket's status, as an agent reads it, who also takes what is kept."""
    linked = selectors.connection()
    return selectors.get_ticket(number, None, line=Line(linked.account, takes_last=True)).status


@pytest.mark.slow
def test_signed_hint_drops_what_is_kept_and_nothing_else_does(
    there: Desk, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, contact_id = ProviderAccount.objects.get(), there.customer.id
    address, number = webhook_of(account), next(
        row.number for row in selectors.search_tickets(there.customer) if not row.is_done
    )  # fmt: skip

    def post(headers: dict[str, str], body: bytes, url: str = address) -> tuple[int, str]:
        with tenant_scope(there.world.globex.pk):
            answer = client.post(urlsplit(url).path, body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json()["code"] if answer.content else ""

    def is_fresh() -> bool:
        found = kept.find("zendesk", contact_id)
        return bool(found and found.is_fresh)

    told = event(number)
    assert (status_of(number), is_fresh()) == ("open", True)
    there.server.change(ticket=int(number), status="solved")
    forged = {
        "unsigned": post({}, told),
        "another secret": post(signed(there, told, secret="signing-secret-globex"), told),
        "another body": post(signed(there, told), event("999")),
        "another moment": post({**signed(there, told, age=60), **_moment(signed(there, told))}, told),
        "no moment": post({**signed(there, told), "X-Zendesk-Webhook-Signature-Timestamp": "soon"}, told),
        "impossible moment": post(_impossible(there, told), told),
        "another connection": post(signed(there, told), told, address.replace(str(account.pk), str(uuid4()))),
        "another organisation": post(
            signed(there, told), told, address.replace(str(there.world.acme.pk), str(there.world.globex.pk))
        ),
    }
    assert {name: found for name, found in forged.items() if found != (401, "bad_signature")} == {}
    for seconds in (310, -310):
        assert post(signed(there, told, age=seconds), told) == (401, "stale")
    for wrong in (b"", b"[]", b"\xff", b'{"type": 1}', event("../1")):
        assert post(signed(there, wrong), wrong) == (422, "invalid")
    large = b"x" * 300_000
    assert post(signed(there, large), large) == (413, "too_large")
    other = event(number, "zen:event-type:user.created")
    assert post(signed(there, other), other) == (204, "")
    assert (status_of(number), is_fresh()) == ("open", True)  # kept for five minutes

    headers = signed(there, told)
    with monkeypatch.context() as patch:
        patch.setattr(cache, "set", _broken)
        assert post(headers, told) == (503, "try_again")
    assert (post(headers, told), is_fresh(), status_of(number)) == ((204, ""), False, "solved")
    selectors.search_tickets(there.customer)
    there.server.change(ticket=int(number), status="open")
    # The same post again changes nothing, and no post says what the status is: that is read.
    assert (post(headers, told), is_fresh(), status_of(number)) == ((204, ""), True, "solved")
    lie = event(number, event={"current": "closed", "previous": "open"})
    assert (post(signed(there, lie, age=2), lie), status_of(number)) == ((204, ""), "open")

    given = {name: text for name, text in there.server.credentials().items() if name != "signing_secret"}
    ProviderAccount.objects.update(credentials=given)
    assert post(signed(there, told), told) == (401, "bad_signature")
    connections.disconnect(actor=there.world.actor("owner"), connection_id=account.pk)
    assert post(signed(there, told), told) == (401, "bad_signature")
    assert client.get(urlsplit(address).path).status_code == 405


@pytest.mark.slow
def test_sandbox_posts_what_changes_and_it_is_read_then(there: Desk, live_server: Any, settings: Any) -> None:
    settings.PUBLIC_URL = live_server.url
    number = next(row.number for row in selectors.search_tickets(there.customer) if not row.is_done)
    assert status_of(number) == "open"
    there.server.call("POST", "/__hook", json={"account": "acme", "url": webhook_of(ProviderAccount.objects.get())})
    there.server.change(ticket=int(number), status="solved")
    eventually(lambda: [row["status"] for row in there.server.call("GET", "/__deliveries").json()["items"]] == [204])
    assert status_of(number) == "solved"


def _moment(headers: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name.endswith("Timestamp")}


def _impossible(there: Desk, body: bytes) -> dict[str, str]:
    moment, key = "2026-13-45T99:99:99Z", there.server.credentials()["signing_secret"]
    proof = base64.b64encode(hmac.digest(key.encode(), moment.encode() + body, "sha256")).decode()
    return {"X-Zendesk-Webhook-Signature": proof, "X-Zendesk-Webhook-Signature-Timestamp": moment}


def _broken(*_: Any, **__: Any) -> None:
    raise RedisError
