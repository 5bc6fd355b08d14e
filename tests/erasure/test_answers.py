"""Kept answers of the API: those about an erased person are emptied, also where they don't name anybody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from accounts.models import Membership
from accounts.privacy.erasure import erase_member
from conversations.contacts import erasure
from conversations.models import Conversation
from core.clock import now
from core.models import Erasure, IdempotencyRecord
from core.privacy.erasure.person import GONE
from core.privacy.erasure.services import work_on
from core.tenancy.scope import tenant_scope
from tests.api.office import Caller, Office
from tests.erasure.scene import PHRASE, Traces, finish, strong
from tests.erasure.searching import found
from tests.world import World

pytestmark = pytest.mark.slow


@pytest.fixture
def caller(traces: Traces) -> Caller:
    return Office(traces.world).caller("support")


def kept(world: World) -> dict[int, Any]:
    with tenant_scope(world.acme.pk):
        rows = (
            IdempotencyRecord.objects.filter(scope__startswith="api:").exclude(scope="api:test").order_by("created_at")
        )
        return {number: row.answer for number, row in enumerate(rows)}


def other_chat(traces: Traces) -> UUID:
    with tenant_scope(traces.world.acme.pk):
        found: UUID = Conversation.objects.exclude(pk=traces.conversation_id).get().pk
        return found


def test_answer_to_what_was_written_to_the_person_is_emptied(traces: Traces, caller: Caller) -> None:
    path, body = f"conversations/{traces.conversation_id}/messages/", {"text": f"About {PHRASE}"}
    assert caller.post(path, body, key="k1").json()["text"] == f"About {PHRASE}"
    caller.post(f"conversations/{other_chat(traces)}/messages/", {"text": "Your kettle"}, key="k2")
    before = kept(traces.world)
    traces.erase()
    assert kept(traces.world) == {0: GONE, 1: before[1]}
    assert found(traces.world.acme.pk, (PHRASE,)) == set()
    again = caller.post(path, body, key="k1")
    assert (again.status_code, again.json(), again.headers["Idempotency-Replayed"]) == (201, GONE, "true")


def test_answers_about_a_member_and_their_own_are_emptied(traces: Traces) -> None:
    world, office = traces.world, Office(traces.world)
    leaver = world.people["support"]
    type(leaver).objects.filter(pk=leaver.pk).update(first_name="Ottoline", last_name="Vandersnoot")
    chat = f"conversations/{traces.conversation_id}"
    given = office.caller("admin").post(f"{chat}/assign/", {"user_id": str(leaver.pk)}, key="k1")
    assert "Vandersnoot" in given.content.decode()
    assert office.caller("support").post(f"{chat}/escalate/", {"reason": "needs_help"}, key="k2").status_code == 200
    others = office.caller("admin").post(f"{chat}/take-over/", key="k3").json()
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=leaver)
        finish(erase_member(actor=strong(world.actor("owner")), membership_id=membership.pk, reason="asked_for").pk)
    assert kept(world) == {0: GONE, 1: GONE, 2: others}


def test_erasure_waits_for_a_request_that_may_still_answer(traces: Traces) -> None:
    acme = traces.world.acme.pk
    with tenant_scope(acme):
        running = IdempotencyRecord.objects.create(
            scope="api:late", key_digest="k", request_digest="d", lease_until=now() + timedelta(seconds=60)
        )
        asked = erasure.erase_contact(actor=traces.officer(), contact_id=traces.contact_id, reason="asked_for")
        finish(asked.pk)
        asked.refresh_from_db()
        assert (asked.state, asked.waits_for) == (Erasure.State.WORKING, ["request_under_way"])
        IdempotencyRecord.objects.filter(pk=running.pk).update(
            state="finished", status=200, answer={"id": str(traces.conversation_id), "text": PHRASE}
        )
        while work_on(erasure_id=asked.pk):
            pass
        asked.refresh_from_db()
    assert asked.state == Erasure.State.DONE
    assert found(acme, (PHRASE,)) == set()
