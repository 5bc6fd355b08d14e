"""Events: the right final row in any order, strangers ignored, receivers told once."""

import random
from typing import Any, ClassVar

import pytest

from channels_app.email.sendgrid.channel import EVENTS
from channels_app.email.sendgrid.normalise import parse_event
from channels_app.email.transport import EmailTransport
from conversations.services import record_consent
from core.clock import now
from core.errors import Conflict, Refused
from core.models import AuditEntry, Consent
from core.reach import ledger, windows
from core.tenancy.scope import tenant_scope
from integrations.mail import events
from integrations.mail.services import queue_mail
from integrations.mail.types import MailEvent, MailReceiver, NewMail
from integrations.models import MailDelivery
from tests.channels_app.email.conftest import Door, event


class Listener(MailReceiver):
    """Keeps what it hears."""

    heard: ClassVar[list[MailEvent]] = []

    def on_event(self, event: MailEvent) -> None:
        Listener.heard.append(event)


@pytest.fixture(autouse=True)
def _listening() -> None:
    Listener.heard.clear()
    events.register("listened", Listener)


@pytest.mark.parametrize(
    ("kind", "status", "more"),
    [
        ("processed", "sent", {}),
        ("delivered", "delivered", {}),
        ("open", "opened", {}),
        ("open", "delivered", {"sg_machine_open": True}),
        ("click", "clicked", {"url": "https://acme.example"}),
        ("bounce", "bounced", {"type": "bounce"}),
        ("dropped", "dropped", {"reason": "Bounced Address"}),
        ("deferred", "sent", {}),
        ("something_new", "sent", {}),
    ],
)
def test_event_moves_the_row(door: Door, kind: str, status: str, more: dict[str, Any]) -> None:
    mail = door.mail()
    door.take(event(kind, mail, **more))
    assert door.again(mail).status == status


@pytest.mark.parametrize("seed", range(4))
def test_doubled_and_reordered_events_leave_the_same_row(door: Door, seed: int) -> None:
    mail = door.mail()
    found = [event(kind, mail, number) for number, kind in enumerate(["processed", "delivered", "open", "click"])]
    mixed = [*found, *found, *found]
    random.Random(seed).shuffle(mixed)
    for part in (mixed[:5], mixed[5:]):
        door.take(*part)
    row = door.again(mail)
    assert row.status == "clicked"
    assert row.delivered_at < row.opened_at < row.clicked_at


def test_mail_is_found_by_the_provider_s_id_alone(door: Door) -> None:
    mail = door.mail()
    door.take({**event("open", mail), "walker_mail": None})
    assert door.again(mail).status == "opened"


def test_event_settles_a_mail_whose_answer_was_lost(door: Door) -> None:
    mail = door.mail()
    with tenant_scope(door.world.acme.pk):
        MailDelivery.objects.filter(pk=mail.pk).update(status="unknown", provider_message_id="", error="timed_out")
    door.take(event("delivered", mail))
    row = door.again(mail)
    assert (row.status, row.error, row.provider_message_id, row.due_at) == ("delivered", "", "pm-k", None)


def test_event_of_an_unknown_mail_is_counted_and_ignored(door: Door) -> None:
    before = EVENTS.labels("unknown_mail")._value.get()
    door.take({**event("open"), "sg_message_id": "who.knows"}, {**event("open"), "walker_mail": "nonsense"})
    assert EVENTS.labels("unknown_mail")._value.get() == before + 2
    assert [row.state for row in door.rows()] == ["done"]


def test_event_reaches_no_mail_of_another_tenant(door: Door) -> None:
    with tenant_scope(door.world.globex.pk):
        foreign = queue_mail(NewMail(type="t", recipient="a@b.example", subject="S", text="T", key="k"))
    door.take(event("open", foreign))
    with tenant_scope(door.world.globex.pk):
        assert MailDelivery.objects.get(pk=foreign.pk).status == "queued"


@pytest.mark.parametrize("odd", ["\ud800", "a\0b"])
@pytest.mark.parametrize("place", ["sg_message_id", "walker_mail", "url", "event", "sg_event_id"])
def test_string_that_cannot_be_stored_costs_no_other_event(door: Door, place: str, odd: str) -> None:
    mail, other = door.mail(), door.mail("b")
    strange = {**event("click", mail, url="https://acme.example"), place: odd}
    # Found by the provider's id alone.
    door.take({**strange, "walker_mail": None}, strange, event("bounce", other))
    assert (door.rows()[0].state, door.again(other).status) == ("done", "bounced")


def test_event_that_breaks_its_receiver_is_refused_alone(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    mail, other, before = door.mail(type="listened"), door.mail("b"), EVENTS.labels("refused")._value.get()
    monkeypatch.setattr(Listener, "on_event", lambda *_: "\ud800".encode())
    door.take(event("open", mail), event("bounce", other))
    assert (door.rows()[0].state, door.again(other).status) == ("done", "bounced")
    assert EVENTS.labels("refused")._value.get() == before + 1


def test_failures_are_explained_with_advice_about_an_address_and_sendgrid_s_page() -> None:
    for code in ("bounce", "mail_blocked", "smtp_550", "dropped"):
        told = EmailTransport.explain(code)
        assert (told.advice, told.url) == ("Check the address, or contact them another way.", "")
    assert EmailTransport.explain("401").url.startswith("https://www.twilio.com/docs/sendgrid/")


def test_bounce_says_why(door: Door) -> None:
    mail = door.mail()
    door.take(event("bounce", mail, type="blocked", reason="550 no"))
    assert door.again(mail).error == "blocked"


@pytest.mark.parametrize(
    ("kind", "facts", "lost"),
    [
        ("bounce", {"type": "bounce", "status": "5.1.1"}, True),
        ("bounce", {"type": "blocked"}, False),
        ("dropped", {"reason": "Invalid"}, True),
        ("dropped", {"reason": "Bounced Address"}, True),
        ("dropped", {"reason": "Unsubscribed Address"}, False),
    ],
)
def test_hard_bounce_closes_the_address_until_a_colleague_opens_it(
    door: Door, kind: str, facts: dict[str, str], lost: bool
) -> None:
    mail = door.mail()
    for seconds in (0, 5):
        door.take(event(kind, mail, seconds, **facts))
    with tenant_scope(door.world.acme.pk):
        queued = {"recipient": "Ana@customers.example", "subject": "Hi", "text": "Hello"}
        row = queue_mail(NewMail(type="notice", key="next", **queued))
        assert (row.status, row.error) == (("failed", "gate_unreachable") if lost else ("queued", ""))
        lines = Consent.objects.filter(state="unreachable", channel="email", source="provider")
        entries = AuditEntry.objects.filter(action="CONSENT_RECORDED")
        assert (lines.count(), entries.count()) == (int(lost), int(lost))
        # Sign-in and invitations still leave.
        assert queue_mail(NewMail(type="invitation", key="account", **queued)).status == "queued"
        told: dict[str, Any] = {"address": "ana@customers.example", "state": "reachable"}
        with pytest.raises(Refused):
            record_consent(actor=door.world.actor("viewer"), **told)
        actor = door.world.actor("support")
        if not lost:
            with pytest.raises(Conflict, match="No provider"):
                record_consent(actor=actor, **told)
            return
        assert record_consent(actor=actor, **told).source == "staff"
        assert queue_mail(NewMail(type="notice", key="later", **queued)).status == "queued"
        assert entries.count() == 2


def test_address_that_writes_after_its_bounce_works_again(door: Door) -> None:
    door.take(event("bounce", door.mail(), type="bounce"))
    with tenant_scope(door.world.acme.pk):
        windows.note_inbound(
            address_index=ledger.index_of_mail("ana@customers.example"), line=door.account.pk, at=now()
        )
        assert queue_mail(
            NewMail(type="notice", key="n", recipient="ana@customers.example", subject="Hi", text="Hello")
        ).due_at


def test_receiver_is_told_each_thing_once(door: Door) -> None:
    mail = door.mail(type="listened")
    for _ in range(2):
        door.take(event("open", mail), event("open", mail, 5), event("click", mail, 6, url="https://x.example/a"))
    assert [(one.what, one.url) for one in Listener.heard] == [("opened", ""), ("clicked", "https://x.example/a")]


def test_unsubscribing_and_complaining_are_told(door: Door) -> None:
    mail = door.mail(type="listened")
    door.take(event("unsubscribe", mail), event("spamreport", mail))
    assert [one.what for one in Listener.heard] == ["unsubscribed", "spam"]


def test_class_that_cannot_hear_is_refused() -> None:
    with pytest.raises(TypeError):
        events.register("x", dict)  # type: ignore[arg-type]


@pytest.mark.parametrize("noise", [None, 1, "open", [], {}, {"event": 5}, {"event": "open", "timestamp": "x"}])
def test_noise_breaks_nothing(noise: Any) -> None:
    heard = parse_event(noise, now())
    assert heard is None or heard.delivery_id is None


@pytest.mark.parametrize("given", [True, -1, 0, 1e30, float("nan"), None, "1795220000"])
def test_timestamp_that_is_none_becomes_the_arrival(given: Any) -> None:
    moment = now()
    heard = parse_event({"event": "open", "timestamp": given}, moment)
    assert heard is not None
    assert heard.at == moment
