"""The bell and the list of one's own notices."""

import re
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts import push
from accounts.models import Notice, PushSubscription
from console.pages.notices import PAGE
from core.events import relay
from core.notices import leave
from hitl import services
from hitl.notifications.requester import tell_requester
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask
from tests.integrations.test_push import Browser as PushBrowser
from tests.security.rows import changed, snapshot
from tests.world import World

LIST = "/admin/accounts/notice/"


def text(answer: Any) -> str:
    return str(answer.content.decode())


def drop(world: World, role: str = "viewer", count: int = 1, **more: Any) -> list[Notice]:
    """Leave notices for the person of a role; returns them, newest first."""
    person = world.people[role].pk
    for number in range(count):
        given = {"kind": "approval", "title": f"BR-{number} needs you", "link": "/admin/hitl/approval/"}
        leave(**{"people": [person], **given, **more})
    return list(Notice.objects.filter(person_id=person).order_by("-id")[:count])


@pytest.mark.slow
def test_bell_counts_what_is_new_and_the_list_shows_it(browser: Browser, acme: World) -> None:
    viewer = browser("viewer")
    assert "No notices" in text(viewer.get(LIST))
    drop(acme, level="warning", body="2 of 3 approvals are missing.")
    page = text(viewer.get("/admin/"))
    assert "Notices, 1 new" in page
    for part in ("BR-0 needs you", "2 of 3 approvals are missing.", "Approval", "Warning", "New", "Mark all as seen"):
        assert part in text(viewer.get(LIST))
    drop(acme, count=10)
    assert "Notices, 9+ new" in text(viewer.get("/admin/"))
    for other in (browser("owner"), browser("owner", outside=True)):
        assert "BR-0" not in text(other.get(LIST)) + text(other.get("/admin/"))


def test_opening_a_notice_leads_to_its_page_and_marks_it(browser: Browser, acme: World) -> None:
    first, second = drop(acme, count=2)
    viewer = browser("viewer")
    answer = viewer.post(f"{LIST}{first.pk}/open/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/hitl/approval/")
    assert viewer.post(f"{LIST}{second.pk}/seen/")["Location"] == LIST
    assert not Notice.objects.filter(seen_at=None).exists()
    page = text(viewer.get(LIST))
    assert ("BR-1 needs you" in page, "Mark all as seen" in page, "Notices, " in page) == (True, False, False)


def test_notice_without_a_link_leads_nowhere(browser: Browser, acme: World) -> None:
    [row] = drop(acme, link="")
    viewer = browser("viewer")
    assert f"{row.pk}/open/" not in re.sub(r'data-open="[^"]*"', "", text(viewer.get(LIST)))
    assert viewer.post(f"{LIST}{row.pk}/open/")["Location"] == LIST
    assert "BR-0 needs you" in text(viewer.get(f"{LIST}{row.pk}/"))


@pytest.mark.slow
def test_all_are_marked_at_once_and_reading_marks_none(browser: Browser, acme: World) -> None:
    drop(acme, count=3)
    mine = drop(acme, "owner")
    viewer, before = browser("viewer"), snapshot()
    for path in ("", "see-all/", f"{Notice.objects.earliest('id').pk}/open/"):
        assert viewer.get(f"{LIST}{path}").status_code == 200
    assert changed(before, snapshot()) == set()
    assert "All notices are marked as seen." in text(viewer.post(f"{LIST}see-all/", follow=True))
    assert list(Notice.objects.filter(seen_at=None)) == mine


@pytest.mark.parametrize("path", ["open/", "seen/", ""])
def test_notices_of_others_are_like_absent_ones(browser: Browser, acme: World, path: str) -> None:
    [row] = drop(acme)
    for other in (browser("owner"), browser("owner", outside=True)):
        for key in (row.pk, uuid4()):
            answer = other.post(f"{LIST}{key}/{path}") if path else other.get(f"{LIST}{key}/")
            assert answer.status_code == 404
    row.refresh_from_db()
    assert row.seen_at is None


def test_pages_follow_each_other_without_gaps(browser: Browser, acme: World) -> None:
    drop(acme, count=PAGE + 3)
    viewer = browser("viewer")
    first = text(viewer.get(LIST))
    [before] = re.findall(r'href="\?before=([0-9a-f-]{36})"', first)
    drop(acme, title="BR-999 arrived meanwhile")
    second = text(viewer.get(LIST, {"before": before}))
    titles = [re.findall(r'submit">(BR-\d+) needs', page) for page in (first, second)]
    assert [title for page in titles for title in page] == [f"BR-{number}" for number in range(PAGE + 3)][::-1]
    assert "?before=" not in second
    assert "No older notices" in text(viewer.get(LIST, {"before": str(Notice.objects.earliest("id").pk)}))
    assert "BR-999" in text(viewer.get(LIST, {"before": "nonsense"}))


def test_list_costs_the_same_for_one_and_for_many(browser: Browser, acme: World) -> None:
    viewer, counts = browser("viewer"), []
    for count in (1, 20):
        drop(acme, count=count)
        viewer.get(LIST)
        with CaptureQueriesContext(connection) as asked:
            viewer.get(LIST)
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_approver_finds_a_notice_of_a_request_and_opens_it(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    approval = ask(acme)
    row = Notice.objects.get(person_id=acme.people["approver"].pk)
    assert (row.title, row.kind) == (f"{approval.reference} needs your approval", "approval")
    answer = browser("approver").post(f"{LIST}{row.pk}/open/", follow=True)
    assert answer.redirect_chain[0][0] == f"/admin/hitl/approval/{approval.pk}/"
    assert approval.reference in text(answer)


def test_notices_that_asked_for_a_decision_are_settled_when_the_request_is_closed(
    browser: Browser, acme: World
) -> None:
    add_workflow(acme)
    approval, other = ask(acme), ask(acme, params={"campaign": "Another"})
    assert Notice.objects.filter(kind="approval", seen_at=None).count() == 4  # the approver and the admin, twice
    given = {"actor": acme.actor("approver"), "approval_id": approval.pk, "digest": approval.digest}
    services.decide(**given, verdict="reject", reason="No.")
    relay.relay()
    left = Notice.objects.filter(kind="approval", seen_at=None)
    assert {row.title.split()[0] for row in left} == {other.reference}
    tell_requester(approval.pk)
    relay.relay()
    news = Notice.objects.get(kind="request")
    assert (news.title, news.seen_at) == (f"{approval.reference} was rejected", None)


@pytest.mark.slow
def test_switch_for_devices_is_shown_with_a_key_of_the_installation_only(
    browser: Browser, acme: World, settings: Settings
) -> None:
    viewer = browser("viewer")
    given = {"endpoint": "https://push.example.org/x", **PushBrowser().given}
    settings.VAPID_PRIVATE_KEY = ""
    assert "Notifications on your devices" not in text(viewer.get(LIST))
    assert viewer.post(f"{LIST}push/", given).status_code == 503
    settings.VAPID_PRIVATE_KEY = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc"
    assert f'data-key="{push.public_key_of(settings.VAPID_PRIVATE_KEY)}"' in text(viewer.get(LIST))
    refused = viewer.post(f"{LIST}push/", {**given, "endpoint": "https://127.0.0.1/x"})
    assert (refused.status_code, PushSubscription.objects.count()) == (400, 0)
    assert "also while Walker is closed." in text(viewer.post(f"{LIST}push/", given, follow=True))
    shown = text(viewer.get(LIST))
    assert ("On in 1 browser." in shown, "push.example.org" in shown) == (True, False)
    assert "Off." in text(browser("owner").get(LIST))
    assert "are off on all your devices" in text(viewer.post(f"{LIST}push-off/", follow=True))
    assert "On in 1 browser." not in text(viewer.get(LIST))
    worker = Client().get("/admin/push-worker.js")
    assert (worker.status_code, worker["Content-Type"]) == (200, "text/javascript; charset=utf-8")
