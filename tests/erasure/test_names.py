"""A name is anybody's choice: it destroys nothing of others; addresses count as a whole and in values only."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse

from channels_app.models import InboundDelivery
from conversations import services as talk
from conversations.models import Contact
from core.clock import now
from core.models import Erasure, IdempotencyRecord
from core.privacy.erasure.person import Words, holds, traces_of
from core.tenancy.scope import tenant_scope
from hitl.models import Approval, Decision
from integrations.mail.services import queue_mail
from integrations.mail.types import NewMail
from tests.channels_app.twilio.conftest import fields, post
from tests.erasure.scene import MAIL, NAME, OTHER, PHONE, Traces, ask, sign

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (Words(names=('"headline": "',)), {"headline": "x"}),
        (Words(names=("smsmessagesid code",)), {"smsmessagesid code": "x"}),
        (Words(names=("Anna Schmidt",)), "Hanna Schmidtke"),
        (Words(addresses=("ann@x.es",)), "joann@x.es"),
        (Words(addresses=("ann@x.es",)), ["to ann@x.es.example", "jo.ann@x.es", "jo+ann@x.es", "ann@x.es@y"]),
        (Words(addresses=("ann@x.es",)), {"ann@x.es": "a key"}),
        (Words(addresses=("+34600123456",)), ["134600123456", "+346001234567", "34600123456@c.us", "a34600123456"]),
        (Words(addresses=("34600",)), {"budget": 34600}),
    ],
)
def test_part_of_a_word_or_a_key_is_nobody(words: Words, value: Any) -> None:
    assert not holds(value, **traces_of([words]))


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (Words(names=("Anna  Schmidt",)), {"rows": [{"after": "for ANNA\nSchmidt."}]}),
        (Words(addresses=("ann@x.es",)), "Write to <Ann@x.es>."),
        (Words(addresses=("+34600123456",)), {"to": "whatsapp:+34600123456"}),
        (Words(addresses=("+34600123456",)), {"to": 34600123456}),
        (Words(addresses=("ann@x.es",)), "https://y.example/?to=ann%40x.es&b"),
        (Words(names=("Anna Lopez",)), "https://y.example/?who=anna%20lopez"),
        (Words(names=("İpek Yılmaz",)), "Dear İpek Yılmaz,"),
        (Words(names=("रवि शर्मा",)), "for रवि शर्मा"),
        (Words(addresses=("ES.1349120865530",)), {"id": "whatsapp:ES.1349120865530"}),
    ],
)
def test_whole_word_in_a_value_is_the_person(words: Words, value: Any) -> None:
    assert holds(value, **traces_of([words]))


@pytest.mark.parametrize("name", ['"headline": "', "campaign Sale", f"Sale for {OTHER}", "Twilio smsmessagesid"])
def test_chosen_name_destroys_nothing(traces: Traces, name: str) -> None:
    with tenant_scope(traces.world.acme.pk):
        waits = ask(traces.world, None, f"{OTHER} again", "1.00")
        final = ask(traces.world, None, OTHER, "2.00")
        sign(traces.world, final, f"Sale for {OTHER}", "reject")
        Contact.objects.filter(pk=traces.contact_id).update(display_name=name, masked_name="x")
        traces.erase()
        waits.refresh_from_db()
        assert (waits.state, waits.payload["campaign"]) == ("pending", f"Sale for {OTHER} again")
        assert Approval.objects.get(pk=final.pk).payload["campaign"] == f"Sale for {OTHER}"
        assert Decision.objects.get(approval=final).reason == f"Sale for {OTHER}"


def test_requests_of_others_that_hold_the_name_are_listed(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        named, told = ask(traces.world, None, NAME, "1.00"), ask(traces.world, None, OTHER, "2.00")
        sign(traces.world, told, f"as {NAME} said", "reject")
        done = traces.erase()
        named.refresh_from_db()
    assert (done.state, set(done.still_named), named.state) == ("done", {str(named.pk), str(told.pk)}, "pending")


def test_mails_and_answers_of_others_that_hold_the_name_are_said_and_stay(traces: Traces) -> None:
    """Whoever repeats a request gets its first answer, and a mail was sent: both go after their time."""

    def mail(text: str, key: str) -> None:
        queue_mail(NewMail(type="note", recipient="a@walker.example", subject="Hi", text=text, key=key))

    def answer(text: str) -> IdempotencyRecord:
        row: IdempotencyRecord = IdempotencyRecord.objects.create(
            scope="api:x",
            key_digest=text,
            request_digest="x",
            state="finished",
            answer={"text": text},
            lease_until=now(),
        )
        return row

    with tenant_scope(traces.world.acme.pk):
        for number in range(3):
            mail(f"As {NAME} said", f"named {number}")
        mail(f"As {OTHER} said", "other")
        named, other = answer(f"for {NAME.upper()}"), answer(f"for {OTHER}")
        done = traces.erase()
        kept = {row.pk: row.answer for row in IdempotencyRecord.objects.filter(scope="api:x")}
    assert (done.state, done.counts["mails_still_naming"], done.counts["answers_still_naming"]) == ("done", 3, 1)
    assert kept == {named.pk: named.answer, other.pk: other.answer}
    client = Client()
    client.force_login(traces.world.people["owner"], backend="accounts.backends.RoleBackend")
    page = client.get(reverse("admin:core_erasure_change", args=[done.pk])).content.decode()
    assert "Other mails that hold the name: 3, Other answers of the API that hold the name: 1." in page


def test_address_in_a_link_is_found_in_requests_of_others(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        linked = ask(traces.world, None, f"https://x.example/?to={MAIL.replace('@', '%40')}&b=1", "1.00")
        traces.erase()
        linked.refresh_from_db()
    assert (linked.state, linked.payload) == ("cancelled", {"erased": True})


def test_address_that_nobody_proved_finds_nothing(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        contact = Contact.objects.get(pk=traces.contact_id)
        contact.points.update(is_verified=False)
        traces.erase()
        assert Approval.objects.get(pk=traces.named.pk).payload["campaign"].endswith(MAIL)


def test_webhook_of_another_that_waits_is_never_ended(traces: Traces) -> None:
    words = f"tell {PHONE} and {NAME}"
    post(fields(words, 91, From="whatsapp:+34600555777", ProfileName=NAME, WaId="34600555777"))
    post(fields("mine", 92, From=f"whatsapp:{PHONE}", ProfileName=NAME, WaId=PHONE[1:]))
    traces.erase()
    with tenant_scope(traces.world.acme.pk):
        waiting = InboundDelivery.objects.filter(state="received")
        assert [urlencode({"Body": words}) in row.body for row in waiting] == [True]


def test_line_is_taken_off_older_webhooks_of_the_person_only(traces: Traces) -> None:
    post(fields("more", 93, From=f"whatsapp:{PHONE}", ProfileName=NAME, WaId=PHONE[1:]))
    with tenant_scope(traces.world.acme.pk):
        line = InboundDelivery.objects.latest("pk").queue_key
        others = InboundDelivery.objects.exclude(queue_key=line).values_list("pk", "queue_key")
        before = dict(others)
        InboundDelivery.objects.filter(pk=InboundDelivery.objects.filter(queue_key=line).earliest("pk").pk).update(
            body=None
        )
        done = traces.erase()
        assert (done.state, done.counts["lines"], done.targets) == ("done", 1, {})
        assert not InboundDelivery.objects.filter(queue_key=line).exists()
        assert before.items() <= dict(InboundDelivery.objects.values_list("pk", "queue_key")).items()


def test_round_without_end_is_parked_and_goes_on_when_replayed(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    from core.jobs import dead_letters
    from core.models import DeadLetter
    from core.privacy.erasure import services as erasures
    from core.privacy.erasure.registry import Batch, Step

    real = erasures.steps()  # type: ignore[attr-defined]
    restless = [*real, Step("restless", "Restless", lambda *_: Batch(1))]
    with tenant_scope(traces.world.acme.pk):
        monkeypatch.setattr(erasures, "steps", lambda: restless)
        erasure = traces.erase()
        assert (erasure.state, erasure.rounds, erasures.take_unfinished()) == ("parked", erasures.ROUNDS, [])
        monkeypatch.setattr(erasures, "steps", lambda: real)
        letter = DeadLetter.objects.get(kind=erasures.PARKED_AS, ref=erasure.pk)
        dead_letters.replay(actor=traces.world.actor("admin"), dead_letter_id=letter.pk)
        assert traces.erase().state == "done"


def test_rows_are_read_window_by_window(traces: Traces) -> None:
    from conversations.models import Message
    from core.privacy.erasure.registry import every

    with tenant_scope(traces.world.acme.pk):
        rows = Message.objects.all()
        assert [row.pk for row in every(rows, limit=1)] == list(rows.order_by("pk").values_list("pk", flat=True))


def test_emptied_requests_are_not_counted_again(traces: Traces) -> None:
    with tenant_scope(traces.world.acme.pk):
        talk.add_point(**_point(traces, "erased@erased.example"))
        done = traces.erase()
    assert (done.state, done.counts["requests_addressed"]) == ("done", 1)
    assert json.dumps(done.counts)


def _point(traces: Traces, address: str) -> dict[str, Any]:
    from conversations.types import SenderIdentity
    from tests.erasure.scene import DOOR, PHONE

    return {
        "actor": DOOR,
        "beside": SenderIdentity("phone", PHONE),
        "sender": SenderIdentity("email", address, True),
    }


def test_sweep_is_fair_and_waits_before_it_comes_again(traces: Traces, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import timedelta
    from uuid import uuid4

    from core.clock import now
    from core.privacy.erasure import services as erasures

    made = {}
    for tenant, count in ((traces.world.acme, 3), (traces.world.globex, 1)):
        with tenant_scope(tenant.pk):
            facts = {"subject_type": "contact", "reason": "asked_for"}
            made[tenant.pk] = [Erasure.objects.create(**facts, subject_id=uuid4()).pk for _ in range(count)]
    monkeypatch.setattr(erasures, "AT_ONCE", 2)
    moment = now()
    first = erasures.take_unfinished(now=moment)
    assert {tenant for tenant, _ in first} == set(made)
    assert {tenant for tenant, _ in erasures.take_unfinished(now=moment)} == {traces.world.acme.pk}
    assert erasures.take_unfinished(now=moment) == []
    assert len(erasures.take_unfinished(now=moment + timedelta(minutes=1))) == 2
