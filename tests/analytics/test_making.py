"""From a due row to a mail: what stands in it, who may see it, and what happens when something breaks."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection, transaction
from structlog.testing import capture_logs

from accounts.models import Membership
from agents.models import Agent
from analytics import services
from analytics.brief.collect import collect
from analytics.brief.compose import compose
from analytics.models import Brief, every_section
from analytics.services import briefs
from analytics.services.mail_events import BriefMails
from analytics.tasks import make_brief
from core.models import AuditEntry, DeadLetter
from core.reliability import kept
from integrations.mail.types import MailEvent
from integrations.models import MailDelivery, ProviderAccount
from integrations.services import connect_provider
from tests.analytics.conftest import MORNING, Morning, make
from tests.integrations.test_platforms import ShopWithOrders, registered
from tests.offers import section_keys
from tests.world import OPERATOR

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
TODAY = MORNING.date()
SECTIONS = section_keys()


def made(morning: Morning, role: str = "approver", **options: Any) -> Brief:
    """Return the person's daily brief of this morning, put together."""
    morning.wants(role, **options)
    ((_, brief_id),) = services.claim_due(now=MORNING)
    make(brief_id, MORNING)
    return Brief.objects.get(pk=brief_id)


def section(content: dict[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in content["sections"] if row["key"] == key)
    return found


def look(morning: Morning, role: str = "approver", **options: Any) -> dict[str, Any]:
    """Return the content of a brief for the person of a role."""
    wish = {"sections": SECTIONS, "language": "en", "day": TODAY, "now": MORNING, "seconds": 2.0}
    return compose(viewer=morning.actor(role), **{**wish, **options})


def test_due_brief_becomes_one_mail_to_its_person(morning: Morning) -> None:
    brief = made(morning)
    mail = MailDelivery.objects.get()
    assert (brief.state, brief.delivery_id, mail.ref, mail.address) == (
        "sent",
        mail.pk,
        brief.pk,
        morning.world.people["approver"].email,
    )


def test_brief_made_twice_is_mailed_once(morning: Morning) -> None:
    brief = made(morning)
    make(brief.pk, MORNING)
    Brief.objects.update(state="queued", lease_until=MORNING)
    make(brief.pk, MORNING)
    assert MailDelivery.objects.count() == 1


def test_mail_can_be_unsubscribed_with_one_click(morning: Morning) -> None:
    made(morning)
    headers = MailDelivery.objects.get().headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Unsubscribe"].startswith("<http")


def test_brief_tells_what_waits_what_is_overdue_and_who_needs_a_person(morning: Morning) -> None:
    content = look(morning)
    assert {key: len(section(content, key)["rows"]) for key in SECTIONS[:3]} == {
        "approvals": 2,
        "overdue": 1,
        "conversations": 1,
    }


def test_sections_come_in_the_chosen_order(morning: Morning) -> None:
    wanted = ["content", "approvals"]
    assert [row["key"] for row in look(morning, sections=wanted)["sections"]] == wanted


def test_role_that_signs_nothing_has_no_section_about_signatures(morning: Morning) -> None:
    assert "approvals" not in [row["key"] for row in look(morning, "viewer")["sections"]]


def test_another_tenants_person_sees_nothing_of_this_one(morning: Morning, elsewhere: object) -> None:
    viewer = morning.world.outsider("owner")
    found = compose(viewer=viewer, sections=SECTIONS, language="en", day=TODAY, now=MORNING)
    assert [row["key"] for row in found["sections"] if row["rows"]] == []


def test_personal_data_is_masked_everywhere(morning: Morning) -> None:
    made(morning)
    mail = MailDelivery.objects.get()
    told = f"{mail.html}{mail.text}"
    assert [word for word in ("4111 1111", "Ana García", "600 123 456") if word in told] == []


@pytest.mark.parametrize(("do", "trouble", "seconds"), [("fail", "failed", 20.0), ("stall", "slow", 1.0)])
def test_part_that_breaks_leaves_a_sentence_and_the_others_stand(
    morning: Morning, do: str, trouble: str, seconds: float
) -> None:
    morning.sandbox.script("GET /v1/rankings", do, seconds=3, times=3)  # a reading is tried three times
    content = look(morning, seconds=seconds)
    broken = section(content, "rankings")
    assert (broken["trouble"], bool(broken["sentence"]), len(section(content, "paid_ads")["rows"])) == (
        trouble,
        True,
        5,
    )


def test_time_out_of_any_vendor_reads_as_one(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    with registered(monkeypatch, ShopWithOrders):
        connect_provider(actor=OPERATOR, provider="toy_shop", name="Main", credentials={"key": "acme"})
        found = collect(viewer=morning.actor("approver"), sections=["orders"])
    assert found["orders"].trouble == "slow"


def test_agents_read_at_the_same_time(morning: Morning) -> None:
    for what in ("campaigns", "rankings", "content", "audiences"):
        morning.sandbox.script(f"GET /v1/{what}", "stall", seconds=0.7)
    content = look(morning, seconds=1.8)
    assert [row["trouble"] for row in content["sections"]] == [""] * 7


def test_agent_that_is_switched_off_collects_nothing(morning: Morning) -> None:
    Agent.objects.filter(type="seo").update(is_active=False)
    assert section(look(morning), "rankings")["trouble"] == "off"


def test_tenant_without_a_platform_is_told_so(morning: Morning) -> None:
    ProviderAccount.objects.update(is_active=False)
    assert section(look(morning), "content")["trouble"] == "not_connected"


def test_person_without_a_membership_gets_none(morning: Morning) -> None:
    morning.wants()
    ((_, brief_id),) = services.claim_due(now=MORNING)
    Membership.objects.filter(user=morning.world.people["approver"]).update(is_active=False)
    make(brief_id, MORNING)
    assert (Brief.objects.get().reason, MailDelivery.objects.count()) == ("not_a_member", 0)


def test_brief_that_waited_too_long_is_left_out(morning: Morning) -> None:
    morning.wants()
    ((_, brief_id),) = services.claim_due(now=MORNING)
    make(brief_id, MORNING + timedelta(hours=7))
    assert Brief.objects.get().reason == "too_late"


def test_brief_of_a_worker_that_died_is_found_and_made(morning: Morning) -> None:
    morning.wants()
    services.claim_due(now=MORNING)
    Brief.objects.update(state="working", lease_until=MORNING, attempts=1)
    later = MORNING + timedelta(minutes=3)
    ((_, brief_id),) = services.list_stuck(now=later)
    make(brief_id, later)
    assert Brief.objects.get().state == "sent"


def broken_brief(morning: Morning, attempts: int) -> UUID:
    """Return a queued brief that cannot be put together: its language is not one of ours."""
    row = morning.wants()
    type(row).objects.update(language="xx")
    services.claim_due(now=MORNING)
    Brief.objects.update(attempts=attempts)
    brief = Brief.objects.get()
    make_brief(str(brief.tenant_id), str(brief.pk))
    return brief.pk


def test_brief_that_breaks_is_tried_again(morning: Morning) -> None:
    broken_brief(morning, attempts=0)
    assert Brief.objects.get().state == "queued"


def test_claim_that_breaks_is_logged_and_found_again(morning: Morning) -> None:
    def break_claim(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "analytics_brief"'):
            raise OperationalError("canceled")
        return execute(sql, *rest)

    morning.wants()
    ((tenant_id, brief_id),) = services.claim_due(now=MORNING)
    with connection.execute_wrapper(break_claim), capture_logs() as logged:
        make_brief(str(tenant_id), str(brief_id))
    assert [line["event"] for line in logged] == ["brief_failed"]
    transaction.set_rollback(False)
    assert services.list_stuck(now=MORNING + timedelta(minutes=3)) == [(tenant_id, brief_id)]


def test_brief_that_breaks_for_good_is_parked_and_can_be_replayed(morning: Morning) -> None:
    from core.jobs import dead_letters

    broken_brief(morning, attempts=4)
    assert Brief.objects.get().state == "failed"
    dead_letters.replay(actor=morning.actor("admin"), dead_letter_id=DeadLetter.objects.get().pk)
    assert Brief.objects.get().state == "queued"


@pytest.mark.parametrize("attempts", [1, briefs.MAX_ATTEMPTS])
def test_failure_of_a_worker_that_lost_the_brief_writes_nothing(morning: Morning, attempts: int) -> None:
    morning.wants()
    ((_, brief_id),) = services.claim_due(now=MORNING)
    lost = services.claim_brief(brief_id=brief_id, now=MORNING)
    holder = services.claim_brief(brief_id=brief_id, now=MORNING + timedelta(minutes=3))
    assert lost
    assert holder
    lost.attempts = attempts
    services.record_failure(brief=lost, error="KeyError")
    found = Brief.objects.get()
    assert (found.state, found.fence, found.lease_until) == ("working", holder.fence, holder.lease_until)
    assert not DeadLetter.objects.exists()


def test_retried_brief_is_not_ended_by_the_worker_that_had_it(morning: Morning) -> None:
    broken_brief(morning, attempts=4)
    had = Brief.objects.get()
    briefs.requeue_brief(had.pk)
    assert briefs._close(had, "skipped", reason="too_late") is None
    again = Brief.objects.get()
    assert (again.state, again.fence) == ("queued", had.fence + 1)
    assert briefs._close(again, "sent") is None, "no worker has it"
    assert Brief.objects.get().state == "queued"


def heard(brief: Brief, what: Any) -> None:
    assert brief.delivery_id
    BriefMails().on_event(MailEvent(brief.delivery_id, "brief", brief.pk, brief.user_id, what, MORNING))


def test_click_counts_as_opened_too(morning: Morning) -> None:
    brief = made(morning)
    heard(brief, "clicked")
    brief.refresh_from_db()
    assert (brief.opened_at, brief.clicked_at) == (MORNING, MORNING)


def test_complaint_switches_the_brief_off(morning: Morning) -> None:
    heard(made(morning), "spam")
    assert AuditEntry.objects.filter(action="BRIEF_PREFERENCE_SET", new_state="off").exists()


def test_asking_for_one_is_audited_and_sent_whether_or_not_the_daily_one_is_on(morning: Morning) -> None:
    brief = services.request_brief(actor=morning.actor("viewer"), now=MORNING)
    make(brief.pk, MORNING)
    assert AuditEntry.objects.filter(action="BRIEF_ASKED_FOR", object_id=brief.pk).exists()
    assert MailDelivery.objects.get().ref == brief.pk


def test_settings_are_saved_with_an_audit_entry(morning: Morning) -> None:
    row = morning.wants("viewer", language="fr")
    entry = AuditEntry.objects.get(action="BRIEF_PREFERENCE_SET", object_id=row.pk)
    assert (entry.old_state, entry.new_state, entry.facts["language"]) == ("off", "on", "fr")


def test_default_brief_has_sections_of_connected_platforms_only(morning: Morning) -> None:
    assert every_section() == list(SECTIONS)
    ProviderAccount.objects.update(is_active=False)
    kept.forget()
    assert every_section() == ["approvals", "overdue", "conversations"]


def test_stored_section_that_no_platform_offers_any_more_is_left_out(morning: Morning) -> None:
    content = look(morning, sections=["approvals", "gone_section", "content"])
    assert [row["key"] for row in content["sections"]] == ["approvals", "content"]
