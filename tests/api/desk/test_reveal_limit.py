"""Reveals of personal data: so many an hour, counted also when they come at once, and others hear of a run."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client

from accounts.models import Notice, RevealGrant
from accounts.privacy.reveals import reveal
from core.clock import now
from core.errors import TooMany
from core.ids import uuid7
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.api.office import Office
from tests.world import World

pytestmark = pytest.mark.slow

CONTACT = {"object_type": "conversations.contact", "fields": ["contact"], "reason": "I have to call back."}
ACTIONS = ("PII_ACCESS_FREQUENT", "PII_ACCESS_LIMITED")


def look(world: World, *, times: int) -> int:
    """Show a contact so many times; return how often it was refused."""
    refused = 0
    for _ in range(times):
        try:
            reveal(actor=world.actor("compliance"), object_id=uuid7(), **CONTACT)  # type: ignore[arg-type]
        except TooMany:
            refused += 1
    return refused


def test_eighty_reveals_at_once_stop_at_thirty_and_alert_others_once(committed_world: World) -> None:
    refused: list[int] = []

    def run() -> None:
        with tenant_scope(committed_world.acme.pk):
            refused.append(look(committed_world, times=10))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tenant_scope(committed_world.acme.pk):
        assert (sum(refused), RevealGrant.objects.count()) == (50, 30)
        told = set(Notice.objects.values_list("person_id", flat=True))
        assert told == {committed_world.people[role].pk for role in ("owner", "admin")}
        entries = AuditEntry.objects.filter(action__in=ACTIONS).order_by("seq")
        assert [(entry.action, entry.facts["count"]) for entry in entries] == [(ACTIONS[0], 10), (ACTIONS[1], 30)]
        assert Notice.objects.count() == 4


def test_limit_moves_on_with_the_hour_and_alerts_once_an_hour(committed_world: World, settings: Any) -> None:
    settings.REVEALS_PER_HOUR = 2
    begun, refused = now(), []
    for minute, times in ((0, 1), (20, 1), (30, 1), (61, 1), (62, 3), (130, 3)):
        scope = tenant_scope(committed_world.acme.pk)
        with time_machine.travel(begun + timedelta(minutes=minute), tick=False), scope:
            refused.append(look(committed_world, times=times))
    assert refused == [0, 0, 1, 0, 3, 1]
    # The run at 62 minutes alerted nobody again; the later one did.
    with tenant_scope(committed_world.acme.pk):
        assert AuditEntry.objects.filter(action=ACTIONS[1]).count() == 2


def test_reveal_over_the_limit_is_429_over_the_api_and_a_sentence_in_the_console(
    live_office: Office, client: Client, settings: Any
) -> None:
    settings.REVEALS_PER_HOUR = 0
    body = {"object": f"contact:{live_office.ids['contact']}", "fields": ["contact"], "reason": "I have to call back."}
    answer = live_office.caller("compliance").post("reveals/", body, key="again")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3600")
    assert answer.json()["code"] == "too_many_reveals"
    with tenant_scope(live_office.world.acme.pk):
        assert AuditEntry.objects.filter(action=ACTIONS[1]).count() == 1
    client.force_login(live_office.world.people["compliance"], backend="accounts.backends.RoleBackend")
    page = f"/admin/conversations/conversation/{live_office.ids['conversation']}/reveal/"
    shown = client.post(page, {"fields_wanted": ["contact"], "reason": "I have to call back."}, follow=True)
    assert "You can show personal data 0 times an hour" in shown.content.decode()
