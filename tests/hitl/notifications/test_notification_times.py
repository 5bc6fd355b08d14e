"""Quiet hours, digests, the limit per hour: what waits, until when, and that nothing is lost or sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any, ClassVar, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, Notice
from accounts.selectors import wants_mail
from core import clock, notices
from core.errors import Invalid
from core.models import AuditEntry, DeadLetter
from core.reliability import lease
from hitl.domain.delivery_times import Hold, Message, Wish, after_quiet_hours, hold, next_digest
from hitl.models import Approval, Notification
from hitl.notification_channels import Delivery, Notifier, notifiers
from hitl.notifications.hold import list_waiting, release
from hitl.notifications.preferences import Wanted, set_notification_preference
from hitl.notifications.send import _keep, list_unsent, send_notification
from hitl.services import cancel, create_workflow
from integrations.mail.delivery import deliver_mail
from integrations.mail.notices import on_alert
from integrations.models import MailDelivery
from tests.console.scene import ask
from tests.integrations.mail.conftest import connect
from tests.world import World

pytestmark = pytest.mark.django_db
BERLIN: Final = ZoneInfo("Europe/Berlin")
NIGHT: Final = datetime(2026, 11, 19, 22, 30, tzinfo=UTC)
"""Half past eleven in Berlin, on a Thursday."""
MORNING: Final = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
"""Seven in Berlin."""
QUIET: Final[dict[str, Any]] = {"quiet_from": time(22), "quiet_until": time(7), "zone": "Europe/Berlin"}


class Pager(Notifier):
    """A channel without digests, as Slack or WhatsApp may be."""

    label: ClassVar[str] = "Pager"
    has_buttons: ClassVar[bool] = True
    sent: ClassVar[list[UUID]] = []
    answer: ClassVar[Delivery] = Delivery(sent=True, provider="pager", provider_message_id="p-1")

    def notify(self, notification_id: UUID) -> Delivery:
        """Note it."""
        Pager.sent.append(notification_id)
        return Pager.answer


@pytest.fixture(autouse=True)
def pager(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Pager]]:
    """Register the channel for one test."""
    monkeypatch.setattr("integrations.mail.services.wake", lambda: None)
    Pager.sent, Pager.answer = [], Delivery(sent=True, provider="pager", provider_message_id="p-1")
    notifiers.register("pager", Pager)
    yield Pager
    notifiers._classes.pop("pager")


@pytest.fixture
def office(acme: World) -> Iterator[World]:
    """The first tenant at night, with a mail account, where the approver decides everything."""
    connect(acme)
    levels = [{"name": "Approval", "approvers": [{"type": "role", "value": "approver"}]}]
    create_workflow(actor=acme.actor("owner"), name="All", levels=levels, is_default=True)
    with clock.at(NIGHT):
        yield acme


def wants(world: World, **more: Any) -> None:
    wanted = Wanted(**{"channels_on": ["email", "pager"], **more})
    set_notification_preference(actor=world.actor("approver"), wanted=wanted)


def notification(world: World, approval: Approval | None = None, **more: Any) -> Notification:
    """A notification of the approver, not yet sent."""
    about = approval or ask(world, params={"campaign": f"Nr {Approval.objects.count()}", "budget": "110.00"})
    facts = {"template": "approval_opened", "recipient": world.people["approver"], "channel": "email"}
    made: Notification = Notification.objects.create(approval=about, **{**facts, **more})
    return made


def after(row: Notification) -> tuple[str, str, datetime | None]:
    send_notification(row.pk)
    row.refresh_from_db()
    return row.status, row.held_for, row.hold_until


# Pure rules


@pytest.mark.parametrize(
    ("local", "end"),
    [
        ("2026-11-19 21:59", None),
        ("2026-11-19 22:00", "2026-11-20 07:00"),
        ("2026-11-20 03:00", "2026-11-20 07:00"),
        ("2026-11-20 07:00", None),
        # Clocks go forward at two: the night is an hour shorter.
        ("2026-03-29 01:30", "2026-03-29 07:00"),
        ("2026-10-25 02:30", "2026-10-25 07:00"),
    ],
)
def test_quiet_hours_end_at_the_local_time_through_midnight_and_clock_changes(local: str, end: str | None) -> None:
    moment = datetime.fromisoformat(local).replace(tzinfo=BERLIN)
    wish = Wish(BERLIN, time(22), time(7))
    expected = datetime.fromisoformat(end).replace(tzinfo=BERLIN) if end else moment
    assert after_quiet_hours(wish, moment) == expected


def test_quiet_hours_that_end_in_the_hour_that_occurs_twice_still_end_later() -> None:
    wish = Wish(BERLIN, time(22), time(2, 30))
    second = datetime(2026, 10, 25, 2, 10, tzinfo=BERLIN, fold=1)
    assert timedelta(0) < after_quiet_hours(wish, second) - second.astimezone(UTC) <= timedelta(hours=1)


def test_digest_is_due_at_the_full_hour_or_at_the_local_time() -> None:
    now = datetime(2026, 11, 20, 7, 20, tzinfo=UTC)
    assert next_digest(Wish(BERLIN), now) == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    daily = Wish(BERLIN, every="daily", at=time(8))
    assert next_digest(daily, now) == datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("risk", "urgent", "why"),
    [
        ("low", False, "digest"),
        ("high", False, "limit"),
        ("low", True, "quiet"),
        ("critical", False, None),
        ("critical", True, None),
    ],
)
def test_only_critical_risk_is_held_back_by_nothing(risk: str, urgent: bool, why: str | None) -> None:
    wish = Wish(BERLIN, time(22), time(7), gather="medium", per_hour=1)
    found = hold(wish, Message(risk, is_urgent=urgent), sent_lately=1, now=NIGHT)
    assert (found and found.why) == why
    assert found is None or found.until == MORNING


def test_nothing_is_gathered_beyond_the_deadline_of_its_request() -> None:
    noon = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    wish = Wish(BERLIN, time(22), time(7), gather="low", every="daily", at=time(8), per_hour=1)
    for risk, why in (("low", "digest"), ("high", "limit")):
        late = hold(wish, Message(risk, deadline=noon + timedelta(days=2)), sent_lately=1, now=noon)
        assert (late and late.why) == why
        assert hold(wish, Message(risk, deadline=noon + timedelta(minutes=30)), sent_lately=1, now=noon) is None
        asleep = hold(wish, Message(risk, deadline=NIGHT + timedelta(minutes=20)), sent_lately=1, now=NIGHT)
        assert asleep == Hold(MORNING, "quiet")


def test_request_that_expires_before_the_daily_digest_is_sent_at_once(office: World) -> None:
    wants(office, gather="low", every="daily", at=time(8), quiet_from=None, quiet_until=None)
    row = notification(office)
    with clock.at(row.approval.expires_at - timedelta(hours=2)):
        assert after(row)[0] != "held"


# Held and released


@pytest.mark.parametrize("channel", ["email", "pager"])
def test_notification_waits_for_the_end_of_quiet_hours_on_every_channel(office: World, channel: str) -> None:
    wants(office, **QUIET)
    row = notification(office, channel=channel)
    assert after(row) == ("held", "quiet", MORNING)
    assert (list_unsent(), list_waiting(now=MORNING - timedelta(minutes=1))) == ([], [])
    with clock.at(MORNING):
        assert [key for _, key in list_waiting()] == [row.pk]
        assert release(notification_id=row.pk) == 1
        assert after(row)[0] == "sent"
        assert release(notification_id=row.pk) == 0
    assert (MailDelivery.objects.count(), len(Pager.sent)) == ((1, 0) if channel == "email" else (0, 1))


@pytest.mark.slow
def test_what_waited_leaves_as_one_mail_and_follows_its_delivery(office: World) -> None:
    wants(office, gather="medium", every="daily", at=time(7), zone="Europe/Berlin")
    rows = [notification(office) for _ in range(3)]
    assert {after(row) for row in rows} == {("held", "digest", MORNING)}
    with clock.at(MORNING):
        release(notification_id=rows[1].pk)
        assert len({key for _, key in list_unsent(now=MORNING + timedelta(minutes=1))}) == 1
        for row in rows:  # every task of the digest, also those that come late
            send_notification(row.pk)
    mail = MailDelivery.objects.get()
    assert (mail.type, {row.approval.reference in mail.text for row in rows}) == ("approval_digest", {True})
    assert set(Notification.objects.filter(channel="email").values_list("status", "digest_id")) == {("sent", mail.ref)}


@pytest.mark.slow
def test_high_risk_leaves_at_once_and_low_risk_waits(office: World) -> None:
    wants(office, gather="medium")
    large = ask(office, params={"campaign": "Large", "budget": "9000.00", "reach": 20_000})
    assert large.risk_level in ("high", "critical")
    assert after(notification(office, large))[0] == "sent"
    assert after(notification(office))[:2] == ("held", "digest")


@pytest.mark.slow
@pytest.mark.parametrize("channel", ["email", "pager"])
def test_what_is_more_than_the_limit_waits_for_the_next_hour(office: World, channel: str) -> None:
    wants(office, per_hour=2)
    found = [after(notification(office, channel=channel))[:2] for _ in range(4)]
    assert found == [("sent", ""), ("sent", ""), ("held", "limit"), ("held", "limit")]
    with clock.at(NIGHT + timedelta(minutes=61)):
        for _, waiting in list_waiting():
            release(notification_id=waiting)
        for _, unsent in list_unsent(now=NIGHT + timedelta(hours=2)):
            send_notification(unsent)
    assert not Notification.objects.filter(channel=channel).exclude(status="sent").exists()
    assert MailDelivery.objects.count() + len(Pager.sent) == (3 if channel == "email" else 4)


@pytest.mark.slow
def test_alert_and_late_reminder_ignore_the_limit_but_not_the_night(office: World) -> None:
    wants(office, per_hour=1, gather="medium")
    after(notification(office))
    late = ask(office, params={"campaign": "Late", "budget": "110.00"})
    Membership.objects.filter(user=office.people["approver"]).update(role="admin")
    Approval.objects.filter(pk=late.pk).update(sla_due_at=NIGHT - timedelta(hours=1))
    urgent = [
        {"template": "approval_stuck"},
        {"approval": late, "template": "approval_reminder", "is_reminder": True, "reminder_number": 1},
    ]
    assert [after(notification(office, channel="pager", **more))[0] for more in urgent] == ["sent", "sent"]
    wants(office, **QUIET)
    assert after(notification(office, channel="pager", template="approval_stuck")) == ("held", "quiet", MORNING)
    Approval.objects.filter(pk=late.pk).update(risk_level="critical")
    assert after(notification(office, late, channel="pager"))[0] == "sent"


def test_alert_mail_of_a_notice_waits_for_the_morning(office: World) -> None:
    wants(office, **QUIET)
    notices.leave(people=[office.people["approver"].pk], kind="approval", title="Look", link="/admin/", level="alert")
    on_alert(ref=Notice.objects.latest("id").pk)
    mail = MailDelivery.objects.get()
    assert (mail.due_at, deliver_mail(mail.pk)) == (MORNING, "")


@pytest.mark.slow
def test_digest_says_nothing_about_what_its_person_may_no_longer_see(office: World) -> None:
    wants(office, gather="medium")
    decided, open_one = notification(office), notification(office)
    stuck = notification(office, template="approval_answered")
    for row in (decided, open_one, stuck):
        after(row)
    cancel(actor=office.actor("owner"), approval_id=decided.approval_id, reason="No.")
    stuck.approval.assignments.update(closed_at=NIGHT)
    with clock.at(NIGHT + timedelta(hours=1)):
        release(notification_id=decided.pk)
        send_notification(decided.pk)
        send_notification(open_one.pk)
    text = MailDelivery.objects.get().text
    shown = {row.pk: row.approval.reference in text for row in (decided, open_one, stuck)}
    assert shown == {decided.pk: False, open_one.pk: True, stuck.pk: False}
    decided.refresh_from_db()
    assert (decided.status, decided.failure_reason) == ("skipped", "This person's approval is no longer needed.")


@pytest.mark.slow
def test_digest_of_a_former_member_is_not_sent(office: World) -> None:
    wants(office, gather="medium")
    rows = [notification(office), notification(office)]
    for row in rows:
        after(row)
    Membership.objects.filter(user=office.people["approver"]).update(is_active=False)
    with clock.at(NIGHT + timedelta(hours=1)):
        release(notification_id=rows[0].pk)
        assert after(rows[0])[0] == "skipped"
    assert not MailDelivery.objects.exists()


@pytest.mark.parametrize("stage", ["released", "claimed", "queued"])
def test_killed_worker_loses_nothing_and_sends_nothing_twice(
    office: World, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants(office, gather="medium")
    rows = [notification(office), notification(office)]
    for row in rows:
        after(row)
    begin = NIGHT + timedelta(hours=1)

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with clock.at(begin):
        release(notification_id=rows[0].pk)
        if stage != "released":
            place = "hitl.notifications.send._try" if stage == "claimed" else "hitl.notifications.send._keep"
            with monkeypatch.context() as patch:
                patch.setattr(place, die)
                with pytest.raises(KeyboardInterrupt):
                    send_notification(rows[0].pk)
    with clock.at(begin + timedelta(minutes=5)):
        for _, unsent in list_unsent():
            send_notification(unsent)
        assert list_unsent() == []
    assert MailDelivery.objects.count() == 1
    assert set(Notification.objects.filter(channel="email").values_list("status", flat=True)) == {"sent"}


def test_release_while_quiet_hours_run_again_waits_for_their_end(office: World) -> None:
    wants(office, gather="medium")
    row = notification(office)
    after(row)
    wants(office, **QUIET)
    with clock.at(NIGHT + timedelta(hours=1)):
        release(notification_id=row.pk)
    row.refresh_from_db()
    assert (row.status, row.held_for, row.hold_until) == ("held", "quiet", MORNING)


@pytest.mark.slow
def test_channel_that_a_person_turned_off_stays_silent(office: World) -> None:
    wants(office, channels_on=["email"])
    assert after(notification(office, channel="pager"))[0] == "skipped"
    wants(office, channels_on=["pager"])
    assert not wants_mail(office.people["approver"].pk)
    assert (after(notification(office))[0], after(notification(office, channel="pager"))[0]) == ("skipped", "sent")


@pytest.mark.slow
def test_failing_channel_is_retried_and_says_why_in_words(office: World) -> None:
    Pager.answer = Delivery(sent=False, error="The pager network is down.", retry=False)
    row = notification(office, channel="pager")
    assert after(row)[0] == "failed"
    assert DeadLetter.objects.get().ref == row.pk
    page = _client(office).get(f"/admin/hitl/approval/{row.approval_id}/").content.decode()
    assert "The pager network is down." in page


def test_worker_whose_attempt_failed_has_lost_the_notification_while_it_waits(
    office: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = notification(office, channel="pager")
    claimed: list[Notification] = []

    def notify(_: Pager, notification_id: UUID) -> Delivery:
        claimed.append(Notification.objects.get(pk=notification_id))
        return Delivery(sent=False, error="The pager network is busy.", retry=True)

    monkeypatch.setattr(Pager, "notify", notify)
    assert after(row)[0] == "queued"
    assert row.lease_until is not None, "it waits before the next attempt"
    assert lease.lost(claimed[0]), "the fence was raised with the lease that nobody has"
    Notification.objects.filter(pk=row.pk).update(status="sending")
    _keep(claimed, Delivery(sent=True), NIGHT)
    row.refresh_from_db()
    assert (row.status, row.sent_at) == ("sending", None), "a late result of that worker is not written"


def test_channel_that_is_no_notifier_is_refused() -> None:
    with pytest.raises(TypeError):
        notifiers.register("fax", dict)  # type: ignore[arg-type]


@pytest.mark.parametrize("people", [1, 4])
def test_sweep_asks_the_database_as_often_for_many_as_for_one(office: World, people: int) -> None:
    for number in range(people):
        until = NIGHT - timedelta(minutes=number)
        notification(office, status="held", hold_until=until, channel="pager" if number % 2 else "email")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        list_waiting(now=NIGHT)
        list_unsent(now=NIGHT + timedelta(hours=1))
    statements = [query["sql"] for query in asked if "hitl_notification" in query["sql"]]
    assert len(statements) == 2


# Settings


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"quiet_from": time(7), "quiet_until": time(7)}, "quiet_until"),
        ({"quiet_from": time(7)}, "quiet_until"),
        ({"zone": "Europe/Atlantis"}, "zone"),
        ({"per_hour": 0}, "per_hour"),
        ({"gather": "all"}, "gather"),
        ({"every": "monthly"}, "every"),
        ({"channels_on": ["fax"]}, "channels_on"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_field(office: World, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        wants(office, **wrong)
    assert list(caught.value.facts["fields"]) == [field]


def _client(world: World, role: str = "approver") -> Client:
    client = Client()
    client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
    return client


@pytest.mark.slow
def test_person_saves_own_settings_in_the_console_and_sees_what_waits(office: World) -> None:
    client, page = _client(office), "/admin/hitl/notificationpreference/"
    form = {
        "channels_on": ["email", "pager"], "quiet_from": "22:00", "quiet_until": "22:00", "zone": "Europe/Berlin",
        "gather": "medium", "every": "hourly", "at": "08:00", "per_hour": "5",
    }  # fmt: skip
    refused = client.post(f"{page}settings/", form)
    assert (refused.status_code, "must end at another time" in refused.content.decode()) == (400, True)
    assert client.post(f"{page}settings/", {**form, "quiet_until": "07:00"}).status_code == 302
    row = notification(office)
    after(row)
    shown = client.get(page).content.decode()
    assert ("22:00 to 07:00" in shown, row.approval.reference in shown, "In the digest of" in shown) == (True,) * 3
    detail = client.get(f"/admin/hitl/approval/{row.approval_id}/").content.decode()
    assert "In the digest of" in detail
    assert row.approval.reference not in _client(office, "admin").get(page).content.decode()
    assert AuditEntry.objects.filter(action="NOTIFICATION_PREFERENCE_SET").count() == 1
