"""The console's pages, the unsubscribe link and the API of the daily brief."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from analytics import services, tokens
from analytics.models import Brief, BriefPreference
from analytics.services.briefs import unsubscribe_url
from core import clock
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from integrations.models import MailDelivery
from tests.analytics.conftest import MORNING, Morning, make
from tests.world import World

pytestmark = pytest.mark.django_db
Browser = Callable[..., Client]
MINE = "/admin/analytics/brief/"
FORM = {
    "is_on": "on",
    "at": "06:45",
    "zone": "Asia/Tokyo",
    "language": "de",
    "place_1": "content",
    "place_3": "approvals",
}
OWN = "/api/v1/brief-preferences/me/"


def sent(morning: Morning, role: str = "approver") -> Brief:
    brief = services.request_brief(actor=morning.actor(role), now=clock.now())
    make(brief.pk)
    return Brief.objects.get(pk=brief.pk)


def test_page_without_briefs_says_what_to_do(browser: Browser) -> None:
    page = browser("viewer").get(MINE).content.decode()
    assert "No briefs yet" in page
    assert "Turn on" in page


@pytest.mark.slow
def test_preview_is_put_together_once_and_anew_on_request(browser: Browser, morning: Morning) -> None:
    client = browser("approver")
    client.get(f"{MINE}preview/")
    kept = services.find_preview(viewer=morning.actor("approver"))
    client.get(f"{MINE}preview/")
    assert kept == services.find_preview(viewer=morning.actor("approver"))
    assert client.post(f"{MINE}refresh/").status_code == 429
    with clock.at(clock.now() + timedelta(minutes=2)):
        assert client.post(f"{MINE}refresh/").status_code == 302
    assert services.find_preview(viewer=morning.actor("approver")) is None


@pytest.mark.slow
def test_preview_is_another_one_for_other_rights_and_settings(browser: Browser, morning: Morning) -> None:
    browser("approver").get(f"{MINE}preview/")
    assert services.find_preview(viewer=morning.actor("owner")) is None
    browser("approver").post(f"{MINE}settings/", FORM)
    assert services.find_preview(viewer=morning.actor("approver")) is None


def test_form_saves_time_zone_language_and_order(browser: Browser, acme: World) -> None:
    assert browser("viewer").post(f"{MINE}settings/", FORM).status_code == 302
    row = BriefPreference.objects.get()
    assert (f"{row.at:%H:%M}", row.zone, row.language, row.sections) == (
        "06:45",
        "Asia/Tokyo",
        "de",
        ["content", "approvals"],
    )


@pytest.mark.parametrize(
    "wrong", [{"at": "25:00"}, {"zone": "Mars"}, {"place_2": "content"}, {"place_1": "", "place_3": ""}]
)
def test_form_that_is_wrong_saves_nothing(browser: Browser, acme: World, wrong: dict[str, str]) -> None:
    assert browser("viewer").post(f"{MINE}settings/", {**FORM, **wrong}).status_code == 400
    assert not BriefPreference.objects.exists()


@pytest.mark.slow
def test_preview_shows_todays_brief_and_changes_nothing(browser: Browser, morning: Morning) -> None:
    answer = browser().get(f"{MINE}preview/")
    assert b"Summer Sale" in answer.content
    assert (Brief.objects.count(), MailDelivery.objects.count()) == (0, 0)


@pytest.mark.slow
def test_preview_runs_no_script_and_is_framed_by_us_only(browser: Browser, morning: Morning) -> None:
    answer = browser().get(f"{MINE}preview/")
    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "allow-scripts" not in policy
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.slow
def test_button_sends_one_now_and_a_second_within_a_minute_is_refused(browser: Browser, morning: Morning) -> None:
    client = browser()
    assert [client.post(f"{MINE}send-now/").status_code for _ in range(2)] == [302, 429]


@pytest.mark.slow
def test_month_of_briefs_is_listed_with_the_same_queries(
    browser: Browser, morning: Morning, django_assert_max_num_queries: Any
) -> None:
    client, user = browser(), morning.world.people["approver"]
    for day in range(1, 4):
        Brief.objects.create(user=user, local_date=MORNING.date().replace(day=day), state="sent", sent_at=MORNING)
    client.get(MINE)
    with django_assert_max_num_queries(14):
        assert client.get(MINE).content.decode().count("wk-row-link") == 3


@pytest.mark.slow
def test_past_brief_is_shown_to_its_person_only(browser: Browser, morning: Morning) -> None:
    brief = sent(morning)
    found = [browser(role).get(f"{MINE}{brief.pk}/mail/").status_code for role in ("approver", "owner")]
    assert found == [200, 404]
    assert browser().get(f"{MINE}{brief.pk}/").status_code == 200


@pytest.mark.slow
def test_admin_sees_who_has_it_on_but_has_no_form(browser: Browser, morning: Morning) -> None:
    row = morning.wants()
    client = browser("admin")
    assert "Approver Acme" in client.get("/admin/analytics/briefpreference/").content.decode()
    page = client.get(f"/admin/analytics/briefpreference/{row.pk}/").content.decode()
    assert "Europe/Berlin" in page
    assert 'method="post"' not in page.split('id="main"')[1].split("</main>")[0]


@pytest.mark.slow
def test_looking_at_the_unsubscribe_link_changes_nothing(client: Client, morning: Morning) -> None:
    row = morning.wants(language="de")
    page = client.get(path_of(unsubscribe_url(row.user_id))).content.decode()
    row.refresh_from_db()
    assert ("keinen Tagesüberblick mehr" in page, row.is_on) == (True, True)


@pytest.mark.slow
def test_one_click_unsubscribes_without_a_cookie_and_twice_is_fine(morning: Morning) -> None:
    row = morning.wants()
    client, path = Client(enforce_csrf_checks=True), path_of(unsubscribe_url(row.user_id))
    answers = [client.post(path, {"List-Unsubscribe": "One-Click"}).status_code for _ in range(2)]
    row.refresh_from_db()
    assert (answers, row.is_on, row.next_due_at) == ([200, 200], False, None)
    assert AuditEntry.objects.filter(new_state="off", actor_name="unsubscribe-link").count() == 1


@pytest.mark.slow
def test_link_of_one_tenant_leaves_the_other_alone(client: Client, morning: Morning) -> None:
    row = morning.wants()
    token = tokens.issue(tenant_id=morning.world.globex.pk, user_id=row.user_id)
    client.post(reverse("brief_unsubscribe", args=[token]))
    row.refresh_from_db()
    assert row.is_on


@pytest.mark.slow
@pytest.mark.parametrize("change", [lambda token: token[:-1], lambda token: f"f{token[1:]}", lambda token: token[:3]])
def test_link_that_was_changed_is_refused(client: Client, morning: Morning, change: Callable[[str], str]) -> None:
    row = morning.wants()
    token = tokens.issue(tenant_id=row.tenant_id, user_id=row.user_id)
    assert client.post(reverse("brief_unsubscribe", args=[change(token)])).status_code == 404


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def test_api_saves_and_shows_ones_own(browser: Browser, acme: World) -> None:
    wish = {"is_on": True, "at": "08:00", "zone": "UTC", "sections": ["content"], "language": "fr"}
    client = browser("viewer")
    assert client.post(OWN, wish, content_type="application/json").status_code == 200
    assert {key: value for key, value in client.get(OWN).json().items() if key in wish} == {**wish, "at": "08:00:00"}


def test_api_tells_what_is_wrong(browser: Browser, acme: World) -> None:
    wish = {"is_on": True, "at": "08:00", "zone": "Mars", "sections": ["content"], "language": "fr"}
    answer = browser("viewer").post(OWN, wish, content_type="application/json")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["zone"])


@pytest.mark.parametrize("at", ["08:00Z", "08:00+02:00", "24:00", "8:00", "08:00:00.5", "", 8, None])
def test_api_takes_local_times_only(browser: Browser, acme: World, at: object) -> None:
    wish = {"is_on": True, "at": at, "zone": "UTC", "sections": ["content"], "language": "fr"}
    answer = browser("viewer").post(OWN, wish, content_type="application/json")
    assert (answer.status_code, list(answer.json()["fields"])) == (400, ["at"])


@pytest.mark.slow
def test_api_lists_everybodys_settings_to_admins_only(browser: Browser, morning: Morning) -> None:
    morning.wants()
    answers = [browser(role).get("/api/v1/brief-preferences/") for role in ("admin", "viewer")]
    assert [answer.status_code for answer in answers] == [200, 403]
    assert len(answers[0].json()["results"]) == 1


@pytest.mark.slow
def test_api_sends_one_and_lists_ones_own(browser: Browser, morning: Morning) -> None:
    client = browser()
    assert client.post("/api/v1/briefs/", {}, content_type="application/json").status_code == 201
    with tenant_scope(morning.world.globex.pk):
        Brief.objects.create(user=morning.world.outsiders["owner"], local_date=MORNING.date())
    assert [row["kind"] for row in client.get("/api/v1/briefs/").json()["results"]] == ["asked"]


@pytest.mark.slow
def test_api_changes_single_settings_and_keeps_the_others(browser: Browser, morning: Morning) -> None:
    client = browser("viewer")
    wish = {"is_on": True, "at": "08:00:00", "zone": "Asia/Tokyo", "sections": ["content"], "language": "fr"}
    client.post(OWN, wish, content_type="application/json")

    def change(**body: object) -> Any:
        return client.patch(OWN, body, content_type="application/json")

    for name, value in (
        ("language", "de"),
        ("at", "09:15:00"),
        ("sections", ["approvals", "content"]),
        ("is_on", False),
    ):
        wish[name] = value
        answer = change(**{name: value})
        assert (answer.status_code, {key: answer.json()[key] for key in wish}) == (200, wish)
    assert client.get(OWN).json()["next_due_at"] is None
    assert change(is_on=True).json()["next_due_at"]
    for body, field in (
        ({"zone": "Mars"}, "zone"),
        ({"language": None}, "language"),
        ({}, "body"),
        ({"zoen": "UTC"}, "body"),
    ):
        refused = change(**body)
        assert (refused.status_code, list(refused.json()["fields"])) == (400, [field])
    assert {key: client.get(OWN).json()[key] for key in wish} == {**wish, "is_on": True}


def test_api_changes_settings_that_were_never_saved(browser: Browser, acme: World) -> None:
    answer = browser("viewer").patch(OWN, {"language": "de"}, content_type="application/json")
    assert (answer.status_code, answer.json()["language"], answer.json()["is_on"]) == (200, "de", False)
