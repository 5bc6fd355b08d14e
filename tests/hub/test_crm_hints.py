"""HubSpot's webhooks: signed hints that contacts have changed, which are read soon then, and nothing else."""

import base64
import hmac
import json
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client

from core.clock import now
from core.tenancy.scope import tenant_scope
from integrations import platforms
from integrations.calls.operations import Line
from integrations.connections import services as connections
from integrations.connections.selectors import webhook_of
from integrations.models import ProviderAccount, SyncCursor
from integrations.sync import services as sync
from integrations.sync.services import SOON
from tests.edge.phone_fixture import eventually
from tests.edge.tickets_fixture import CUSTOMER
from tests.hub.crm_scene import Crm, crm, hubspot, hubspot_process
from tests.hub.test_crm_readings import change, name_of, page_of, read, start

__all__ = ["crm", "hubspot", "hubspot_process"]


def event(kind: str = "contact.propertyChange", **more: Any) -> bytes:
    """Return a post with one event."""
    said = {"eventId": 1, "portalId": 7, "objectId": 1001, "propertyName": "firstname", "propertyValue": "Ana"}
    return json.dumps([{**said, "subscriptionType": kind, **more}]).encode()


def signed(crm: Crm, body: bytes, *, age: float = 0, secret: str = "", url: str = "") -> dict[str, str]:
    """Return the headers of a post that HubSpot signs."""
    moment = str(round((now().timestamp() - age) * 1000))
    key = secret or crm.server.credentials()["client_secret"]
    text = b"POST" + (url or webhook_of(crm.account)).encode() + body + moment.encode()
    proof = base64.b64encode(hmac.digest(key.encode(), text, "sha256")).decode()
    return {"X-HubSpot-Signature-v3": proof, "X-HubSpot-Request-Timestamp": moment}


def broken(*_: Any) -> bool:
    """Answer as a database that has gone away."""
    raise OperationalError


def test_signed_hint_has_contacts_read_soon_and_nothing_else_does(
    crm: Crm, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = crm.customer()
    crm.tell()
    start(crm)
    address, due = webhook_of(crm.account), timedelta(minutes=4)
    assert address in page_of(crm)
    assert read() == []

    def post(headers: dict[str, str], body: bytes, url: str = address) -> tuple[int, str]:
        with tenant_scope(crm.world.globex.pk):
            answer = client.post(urlsplit(url).path, body, content_type="application/json", headers=headers)
        return answer.status_code, answer.json()["code"] if answer.content else ""

    def due_in() -> timedelta:
        return SyncCursor.objects.get().lease_until - now()

    told = event()
    foreign = address.replace(str(crm.account.pk), str(uuid4()))
    other = address.replace(str(crm.world.acme.pk), str(crm.world.globex.pk))
    forged = {
        "unsigned": post({}, told),
        "another secret": post(signed(crm, told, secret="client-secret-globex"), told),
        "another body": post(signed(crm, told), event("contact.creation")),
        "another moment": post({**signed(crm, told, age=60), **_moment(signed(crm, told))}, told),
        "no moment": post({**signed(crm, told), "X-HubSpot-Request-Timestamp": "soon"}, told),
        "another address": post(signed(crm, told, url=foreign), told),
        "another connection": post(signed(crm, told, url=foreign), told, foreign),
        "another organisation": post(signed(crm, told, url=other), told, other),
    }
    assert {name: found for name, found in forged.items() if found != (401, "bad_signature")} == {}
    for seconds in (301, -301):
        assert post(signed(crm, told, age=seconds), told) == (401, "stale")
    for wrong in (b"", b"{}", b"\xff", b'[{"objectId": 1}]', b'["contact.creation"]'):
        assert post(signed(crm, wrong), wrong) == (422, "invalid")
    large = b"x" * 300_000
    assert post(signed(crm, large), large) == (413, "too_large")
    unknown = event("company.creation")
    assert post(signed(crm, unknown), unknown) == (204, "")
    assert due_in() > due

    for columns in ({"paused_at": now()}, {"failures": 1}, {"lease_until": now() + timedelta(seconds=90)}):
        before = SyncCursor.objects.values("paused_at", "failures", "lease_until").get()
        SyncCursor.objects.update(**columns)
        kept = SyncCursor.objects.get().lease_until
        assert post(signed(crm, told, age=len(str(columns)) / 100), told) == (204, "")
        assert SyncCursor.objects.get().lease_until == kept, columns
        SyncCursor.objects.update(**before)

    change(crm, ana, properties={"firstname": "Ana Maria"})
    headers = signed(crm, told)
    assert (post(headers, told), due_in() <= SOON) == ((204, ""), True)
    assert (read(), name_of(ana)) == ([], "Ana Souza")  # what is told of may not show yet
    assert (read(0.5), name_of(ana)) == ([], "Ana Maria")
    assert (post(headers, told), due_in() > due) == ((204, ""), True)  # the same post again
    newer = event("object.propertyChange", objectTypeId="0-1")
    headers = signed(crm, newer)
    with monkeypatch.context() as patch:
        patch.setattr(sync, "hurry", broken)
        assert post(headers, newer) == (503, "try_again")
    assert (due_in() > due, post(headers, newer), due_in() <= SOON) == (True, (204, ""), True)

    status = partial(status_of, crm, first_ticket(crm))
    before = status()
    crm.server.change(ticket=int(first_ticket(crm)), status="4")
    assert (before, status()) == ("open", "open")  # kept for five minutes
    ticket = event("ticket.propertyChange", objectId=int(first_ticket(crm)))
    assert (post(signed(crm, ticket), ticket), status()) == ((204, ""), "solved")

    SyncCursor.objects.update(lease_until=now() + timedelta(minutes=5))
    ProviderAccount.objects.update(credentials={"token": crm.server.credentials()["token"]})
    assert post(signed(crm, told), told) == (401, "bad_signature")
    connections.disconnect(actor=crm.world.actor("owner"), connection_id=crm.account.pk)
    assert post(signed(crm, told, url=address), told) == (401, "bad_signature")
    assert (due_in() > due, client.get(urlsplit(address).path).status_code) == (True, 405)


def first_ticket(crm: Crm) -> str:
    """Return the number of an open ticket there."""
    with platforms.connection_of(crm.account).open() as client:
        return str(client.search(CUSTOMER).value[0].number)


def status_of(crm: Crm, number: str) -> str:
    """Return a ticket's status, as somebody reads it who also takes what is kept."""
    with platforms.connection_of(crm.account).open(Line(crm.account, takes_last=True)) as client:
        return str(client.get(number).value.status)


def _moment(headers: dict[str, str]) -> dict[str, str]:
    return {"X-HubSpot-Request-Timestamp": headers["X-HubSpot-Request-Timestamp"]}


@pytest.mark.slow
def test_sandbox_posts_what_changes_and_it_is_read_soon(crm: Crm, live_server: Any, settings: Any) -> None:
    settings.PUBLIC_URL = live_server.url
    ana = crm.customer()
    crm.tell()
    start(crm)
    assert read() == []
    crm.server.call("POST", "/__hook", json={"account": "acme", "url": webhook_of(crm.account)})
    change(crm, ana, properties={"firstname": "Ana Maria"})
    eventually(lambda: [row["status"] for row in crm.server.call("GET", "/__deliveries").json()["items"]] == [204])
    assert SyncCursor.objects.get().lease_until <= now() + SOON
    assert (read(0.5), name_of(ana)) == ([], "Ana Maria")
