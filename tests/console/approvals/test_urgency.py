"""Queue, dashboard, brief and the assistant put requests into one order of urgency; the day's numbers open lists."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agents.answering.tools.own_requests import MOST
from analytics.brief.collect import collect
from console.base.lists import between
from conversations.models import ChannelAccount, Conversation
from core import clock
from core.clock import now
from hitl.models import Approval
from hitl.selectors import list_approvals
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask, write_in
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
QUEUE = "/admin/hitl/approval/?state=waiting"
HOUR = timedelta(hours=1)


def test_queue_dashboard_and_brief_agree(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    made = [ask(acme, params={"campaign": f"Campaign {number}"}) for number in range(5)]
    urgent = (
        ("critical", 9 * HOUR), ("medium", 1 * HOUR), ("low", -1 * HOUR), ("critical", 5 * HOUR), ("high", 2 * HOUR),
    )  # fmt: skip
    for approval, (risk, left) in zip(made, urgent, strict=True):
        Approval.objects.filter(pk=approval.pk).update(risk_level=risk, sla_due_at=now() + left)
    expected = [made[place].reference for place in (2, 3, 0, 4, 1)]
    client, viewer = browser("approver"), acme.actor("approver")
    listed = client.get(QUEUE).context["cl"].result_list
    errands = client.get("/admin/").context["errands"]
    brief = collect(viewer=viewer, sections=["approvals"])["approvals"].rows
    found = {
        "queue": [row.reference for row in listed],
        "dashboard": [errand.title.split()[0] for errand in errands],
        "brief": [row.reference for row in brief],
        "assistant": [row.reference for row in list_approvals(viewer=viewer, mine=True, limit=MOST)],
    }
    assert found == dict.fromkeys(found, expected)


def test_numbers_of_the_day_open_their_lists(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    ask(acme)
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900000000")
    day_end = now().replace(hour=23, minute=59, second=30)
    dues = [None, now() - HOUR, now() - 2 * HOUR, day_end, now() + timedelta(days=2)]
    for number, due in enumerate([*dues, now() - HOUR]):
        key = write_in(line, "Hello?", f"+34 600 123 45{number}")
        owner = acme.people["support" if number < len(dues) else "admin"]
        rests = now() + HOUR if due == dues[-1] else None
        Conversation.objects.filter(pk=key).update(
            state="person", assigned_to=owner, next_due_at=due, snoozed_until=rests
        )
    client, wrong = browser("support"), []
    page = client.get("/admin/")
    numbers = {number.title: number for number in page.context["day"]}
    counted = {title: number.count for title, number in numbers.items()}
    assert counted == {"Mine": 4, "Late": 2, "Due today": 1}  # as the inbox counts them: one is snoozed
    for title, number in numbers.items():
        rows = client.get(number.url).content.decode().count('class="wk-row-link"')
        wrong += [(title, number.count, rows)] if rows != number.count else []
    assert wrong == []
    late = client.get(numbers["Late"].url).content.decode()
    assert ("1 h late" in late, "2 h late" in late) == (True, True)
    mine = [errand.due for errand in page.context["errands"]]
    assert mine == [*sorted(due for due in dues[:-1] if due), None]  # without the one that is snoozed, as the inbox
    waiting = next(number for number in browser("approver").get("/admin/").context["day"] if number.count)
    assert (waiting.title, waiting.count) == ("Decisions waiting", 1)
    assert browser("approver").get(waiting.url).content.decode().count('class="wk-row-link"') == 1


def test_request_is_listed_on_the_day_that_it_says(browser: Browser, acme: World) -> None:
    add_workflow(acme)
    then = now().replace(hour=12) - timedelta(days=7)
    with clock.at(then):
        ask(acme)
    client, days = browser("approver"), (then.date(), now().date())
    listed = [client.get(f"{QUEUE}&days={between(day, day)}").content.decode() for day in days]
    assert [page.count('class="wk-row-link"') for page in listed] == [1, 0]


def test_dashboard_puts_conversations_and_requests_into_one_order_and_shows_leads_who_is_late(
    browser: Browser, acme: World
) -> None:
    add_workflow(acme)
    late, calm = (ask(acme, params={"campaign": name}) for name in ("Winter Boots", "Summer Sale"))
    Approval.objects.filter(pk=late.pk).update(sla_due_at=now() - HOUR, risk_level="low")
    Approval.objects.filter(pk=calm.pk).update(sla_due_at=now() + 5 * HOUR, risk_level="low")
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900000000")
    admin, support = acme.people["admin"], acme.people["support"]
    for number, (whose, due) in enumerate(((admin, now() - 2 * HOUR), (support, now() - HOUR), (None, None))):
        key = write_in(line, "Hello?", f"+34 600 123 45{number}")
        Conversation.objects.filter(pk=key).update(state="person", assigned_to=whose, next_due_at=due)
    page = browser("admin").get("/admin/")
    titles = [errand.title for errand in page.context["errands"]]
    mine = next(title for title in titles if not title.startswith(("BR-", "1 ")))
    assert titles == [mine, f"{late.reference} {late.summary}", "1 conversation needs a person", titles[-1]]
    assert titles[-1].startswith(calm.reference)
    loads = next(entry["tile"]["rows"] for entry in page.context["tiles"] if entry["key"] == "conversations-workload")
    shown = [(row["load"].name, row["load"].open_count, row["load"].late_count) for row in loads]
    assert shown == [("", 1, 0), ("Admin Acme", 1, 1), ("Support Acme", 1, 1)]
    assert "Team workload" not in browser("support").get("/admin/").content.decode()
