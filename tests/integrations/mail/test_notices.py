"""Alerts leave by mail too, at most one per person, kind and hour."""

from datetime import datetime, timedelta
from typing import Any

from accounts.models import Notice
from core.events import relay
from core.notices import NoticeKind, kinds, leave
from core.tenancy.scope import tenant_scope
from integrations.mail.events import list_related_objects
from integrations.mail.services import deliver_mail
from integrations.models import MailDelivery
from tests.integrations.mail.servers import Answers
from tests.world import World

MOMENT = datetime.fromisoformat("2026-11-02T10:05:00+00:00")


class Alarm(NoticeKind):
    """A kind of the tests."""

    label = "Failed jobs"


kinds.register("tests.alarm", Alarm)


def alert(world: World, *roles: str, **more: Any) -> None:
    """Leave an alert for the people of these roles and relay what was announced."""
    people = [world.people[role].pk for role in roles]
    given = {"kind": "tests.alarm", "title": "3 failed jobs", "link": "/admin/core/deadletter/", "level": "alert"}
    leave(**{"people": people, "now": MOMENT, **given, **more})
    relay.relay()


def mails() -> list[str]:
    return sorted(mail.address for mail in MailDelivery.objects.filter(type="notice"))


def test_alert_is_mailed_with_its_words_and_its_link(desk: World, api: Answers) -> None:
    alert(desk, "viewer", body="Each can be retried.")
    mail = MailDelivery.objects.get(type="notice")
    viewer = desk.people["viewer"]
    assert (mail.address, mail.user_id, mail.subject) == (viewer.email, viewer.pk, "3 failed jobs")
    for words in (mail.text, mail.html):
        assert "Each can be retried." in words
        assert "/admin/core/deadletter/" in words
    assert deliver_mail(mail.pk) == "sent"
    assert list_related_objects([("notice", mail.ref)])[mail.ref].words == "Alert: 3 failed jobs"


def test_person_gets_one_mail_per_kind_and_hour_and_every_notice(desk: World) -> None:
    viewer, owner = desk.people["viewer"], desk.people["owner"]
    for minutes in (0, 1, 50):
        alert(desk, "viewer", now=MOMENT + timedelta(minutes=minutes))
    alert(desk, "owner")
    alert(desk, "owner", level="warning")
    assert mails() == sorted([viewer.email, owner.email])
    alert(desk, "viewer", kind="approval")
    alert(desk, "viewer", now=MOMENT + timedelta(hours=1))
    assert mails() == sorted([viewer.email] * 3 + [owner.email])
    assert Notice.objects.count() == 7


def test_nothing_is_mailed_to_those_who_left_or_want_none_or_belong_elsewhere(desk: World) -> None:
    desk.people["viewer"].memberships.update(is_active=False)
    desk.people["support"].memberships.update(mail_on=False)
    alert(desk, "viewer", "support")
    leave(
        people=[desk.outsiders["owner"].pk], kind="tests.alarm", title="x", link="", level="alert", now=MOMENT
    )  # fmt: skip
    relay.relay()
    assert mails() == []


def test_without_a_mail_account_the_notice_is_in_the_list_only(world: World) -> None:
    with tenant_scope(world.acme.pk):
        alert(world, "viewer")
        assert (mails(), Notice.objects.count()) == ([], 1)
