"""However little an erasure looks at in one batch, it comes past every row once."""

from datetime import timedelta

import pytest

from channels_app.kit.erasure import _arrived
from channels_app.models import InboundDelivery
from conversations.contacts import erasure
from conversations.models import Message
from core.clock import now
from core.privacy.erasure.person import person_of
from core.privacy.erasure.registry import among
from core.tenancy.scope import tenant_scope
from hitl.models import Approval, Decision
from tests.channels_app.twilio.conftest import fields, post
from tests.erasure.scene import MAIL, OTHER, PHONE, Traces, ask, finish, sign

pytestmark = pytest.mark.slow


def test_reasons_of_many_requests_go_window_by_window(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        for number in range(12):
            sign(traces.world, ask(traces.world, None, OTHER, f"{number}.00"), f"{MAIL} said no", "reject")
        asked = erasure.erase_contact(actor=traces.officer(), contact_id=traces.contact_id, reason="asked_for")
        finish(asked.pk, limit=1)
        asked.refresh_from_db()
        assert (asked.state, asked.counts["reasons_addressed"]) == ("done", 12)
        assert not Decision.objects.filter(reason__contains=MAIL).exists()
        assert Approval.objects.filter(payload__campaign=f"Sale for {OTHER}").count() == 12


def test_webhooks_of_one_moment_are_each_come_past_once(traces: Traces) -> None:
    for number in range(200, 205):
        post(fields("hello", number, From=f"whatsapp:{PHONE}", WaId=PHONE[1:]))
    with tenant_scope(traces.world.acme.pk):
        moment = now() - timedelta(seconds=5)
        InboundDelivery.objects.update(received_at=moment)
        person = person_of(
            erasure.erase_contact(actor=traces.officer(), contact_id=traces.contact_id, reason="asked_for")
        )
        seen, after, more = [], "", True
        while more:
            keys, after = _arrived(person, after, 2)
            seen, more = seen + keys, bool(after)
        assert sorted(seen) == sorted(InboundDelivery.objects.values_list("pk", flat=True))
        assert len(seen) >= 5


def test_rare_rows_are_found_in_every_window(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        rare, seen, after, more = Message.objects.filter(sender_type="person"), [], "", True
        while more:
            rows, after = among(rare, after, 1)
            seen, more = seen + rows, bool(after)
        assert {row.pk for row in seen} == set(rare.values_list("pk", flat=True)) != set()
