"""Notices: left once per change, seen by their person only, mailed when they are alerts, gone after a while."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts import notices
from accounts.models import Notice
from core.clock import now
from core.errors import NotFound, Refused
from core.models import AuditEntry, Outbox
from core.notices import NoticeKind, kinds, leave, leave_for_permission
from core.privacy.retention.services import apply_rule
from core.tenancy.scope import tenant_scope
from tests.world import World

KIND = "tests.notice"


class TestNotice(NoticeKind):
    """A kind of the tests."""

    __test__ = False
    label = "Test"


kinds.register(KIND, TestNotice)


def drop(people: Iterable[UUID], **more: Any) -> None:
    """Leave a notice that says what the tests do not care about."""
    leave(**{"people": people, "kind": KIND, "title": "BR-1042 needs you", "link": "/admin/", **more})


def test_notice_is_left_once_per_person_and_key(acme: World) -> None:
    viewer, owner = acme.people["viewer"].pk, acme.people["owner"].pk
    drop([viewer, viewer], dedupe_key="BR-1042:1")
    drop([owner, viewer], dedupe_key="BR-1042:1", title="Something else")
    drop([viewer])
    drop([viewer])
    said = Notice.objects.filter(person_id=viewer).order_by("id").values_list("title", flat=True)
    assert list(said) == ["BR-1042 needs you"] * 3
    assert Notice.objects.get(person_id=owner).title == "Something else"


def test_same_key_in_another_tenant_is_another_notice(world: World) -> None:
    user = world.people["viewer"].pk
    for tenant in (world.acme, world.globex):
        with tenant_scope(tenant.pk):
            drop([user], dedupe_key="once")
            assert Notice.objects.count() == 1


def test_notice_for_a_right_reaches_those_who_hold_it_now(acme: World) -> None:
    acme.people["compliance"].memberships.update(is_active=False)
    leave_for_permission("core.view_deadletter", kind=KIND, title="2 failed jobs", link="/admin/core/deadletter/")
    assert set(Notice.objects.values_list("person_id", flat=True)) == {
        acme.people[role].pk for role in ("owner", "admin")
    }


def test_personal_data_in_a_notice_is_masked_and_references_stay(acme: World) -> None:
    drop([acme.people["viewer"].pk], title="BR-1042: ann@example.com wrote", body="Call +34 600 123 456, 3 of 10")
    row = Notice.objects.get()
    assert row.title.startswith("BR-1042: ")
    assert row.body.endswith("3 of 10")
    assert not [word for word in ("ann@example.com", "600 123 456") if word in f"{row.title} {row.body}"]


@pytest.mark.parametrize(
    "link",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "admin/", "/a b", "/\n/x",
     f"/{'x' * 300}"],
)  # fmt: skip
def test_link_to_elsewhere_is_refused(acme: World, link: str) -> None:
    with pytest.raises(ValueError, match="our own site"):
        drop([acme.people["viewer"].pk], link=link)
    assert not Notice.objects.exists()


@pytest.mark.parametrize("link", ["https://evil.example/", "//evil.example", "/\\evil.example", "admin/"])
def test_database_refuses_a_link_to_elsewhere(acme: World, link: str) -> None:
    with pytest.raises(IntegrityError, match="notices_link_to_our_own_site"), transaction.atomic():
        Notice.objects.create(person=acme.people["viewer"], kind=KIND, title="x", link=link)


@pytest.mark.parametrize(
    ("more", "error"),
    [({"kind": "tests.unknown"}, NotFound), ({"level": "loud"}, ValueError), ({"dedupe_key": "x" * 201}, ValueError)],
)
def test_notice_of_an_unknown_shape_is_an_error(acme: World, more: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        drop([acme.people["viewer"].pk], **more)
    assert not Notice.objects.exists()


def test_bell_counts_to_ten_and_shows_the_newest(acme: World) -> None:
    viewer = acme.actor("viewer")
    assert notices.read_bell(viewer=viewer) == notices.Bell(0, None)
    for number in range(12):
        drop([acme.people["viewer"].pk], title=f"BR-{number}")
        bell = notices.read_bell(viewer=viewer)
        assert (bell.shown, bell.newest.title if bell.newest else "") == (
            str(number + 1) if number < 9 else "9+",
            f"BR-{number}",
        )
    with CaptureQueriesContext(connection) as asked:
        notices.read_bell(viewer=viewer)
    assert len(asked) == 1


def test_colleagues_and_outsiders_see_and_mark_nothing(acme: World) -> None:
    drop([acme.people["viewer"].pk])
    row = Notice.objects.get()
    for actor in (acme.actor("owner"), acme.outsider()):
        assert not notices.list_own(viewer=actor).exists()
        assert notices.mark_all_seen(actor=actor) == 0
        with pytest.raises(NotFound):
            notices.mark_seen(actor=actor, notice_id=row.pk)
    with tenant_scope(acme.globex.pk), pytest.raises(NotFound):
        notices.mark_seen(actor=acme.actor("viewer"), notice_id=row.pk)
    row.refresh_from_db()
    assert row.seen_at is None


def test_key_without_the_scope_reads_and_marks_nothing(acme: World) -> None:
    actor = acme.actor("viewer").limited_to(frozenset({"hitl.view_approval"}))
    calls: list[Callable[[], object]] = [
        lambda: notices.list_own(viewer=actor),
        lambda: notices.mark_all_seen(actor=actor),
        lambda: notices.mark_seen(actor=actor, notice_id=acme.acme.pk),
    ]
    for call in calls:
        with pytest.raises(Refused):
            call()


def test_seeing_is_kept_once_and_not_audited(acme: World) -> None:
    person, moment = acme.people["viewer"].pk, now()
    entries = AuditEntry.objects.count()
    for _ in range(3):
        drop([person])
    actor, first = acme.actor("viewer"), Notice.objects.earliest("id")
    seen = notices.mark_seen(actor=actor, notice_id=first.pk, now=moment)
    assert notices.mark_seen(actor=actor, notice_id=first.pk).seen_at == seen.seen_at == moment
    assert [notices.mark_all_seen(actor=actor) for _ in range(2)] == [2, 0]
    assert AuditEntry.objects.count() == entries


def test_new_alerts_are_announced_and_repeated_ones_are_not(acme: World) -> None:
    people = [acme.people[role].pk for role in ("viewer", "owner")]
    drop(people, dedupe_key="quiet")
    assert not Outbox.objects.filter(event="notice_alerted").exists()
    for _ in range(2):
        drop(people, level="alert", dedupe_key="loud")
    refs = Outbox.objects.filter(event="notice_alerted").values_list("ref", flat=True)
    assert set(refs) == set(Notice.objects.filter(level="alert").values_list("pk", flat=True))
    assert len(refs) == len(people)


@pytest.mark.parametrize(("key", "count"), [("", 1), ("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", 2)])
def test_leaving_costs_the_same_for_one_and_for_many(acme: World, settings: Settings, key: str, count: int) -> None:
    settings.VAPID_PRIVATE_KEY = key
    counts = []
    for people in ([acme.people["viewer"].pk], [user.pk for user in acme.people.values()]):
        with CaptureQueriesContext(connection) as asked:
            drop(people, dedupe_key="once")
        counts.append(len(asked))
    assert counts == [count, count]


def test_old_notices_are_deleted_seen_ones_first(acme: World) -> None:
    moment = now()
    kept = [(1, True), (89, True), (91, False), (364, False)]
    gone = [(91, True), (366, False), (366, True)]
    for days, is_seen in kept + gone:
        at = moment - timedelta(days=days)
        ref = UUID(int=(int(at.timestamp() * 1000) << 80) + days * 2 + is_seen)
        seen = {"seen_at": at} if is_seen else {}
        Notice.objects.create(
            id=ref, person=acme.people["viewer"], kind=KIND, title=f"{days} {is_seen}", created_at=at, **seen
        )
    assert apply_rule("notices", now=moment) == len(gone)
    assert set(Notice.objects.values_list("title", flat=True)) == {f"{days} {is_seen}" for days, is_seen in kept}


def test_notice_takes_no_word_that_it_does_not_say(acme: World) -> None:
    words: dict[str, Any] = {"kind": KIND, "title": "2 failed jobs", "link": "", "leve": "alert"}
    with pytest.raises(TypeError, match="leve"):
        leave_for_permission("core.view_deadletter", **words)
    assert not Notice.objects.exists()
