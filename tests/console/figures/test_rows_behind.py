"""Every number of the pages of figures opens the list of exactly the rows that it counted."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Tenant
from analytics.event_store.store import keep
from analytics.figure_pages.layout import PAGES
from analytics.figures import consumer
from analytics.figures.events import COUNTS, SOURCES, facts_of
from analytics.figures.metrics import METRICS
from analytics.models import FigureDay
from conversations.models import ChannelAccount, Team, TeamMember
from core import clock
from core.bus import Event
from core.ids import uuid7
from tests.console.conftest import Browser
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
NOON = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 13, 23, 0, tzinfo=UTC)
"""In Berlin, at which the last seven days begin."""
FIGURES = "/admin/figures/"
NUMBER = re.compile(r'<a href="([^"]*figures/rows/[^"]*)"(?: aria-label="[^"]*: ([^"]*)")?')
MOST_QUERIES = 40


@pytest.fixture
def account(acme: World) -> ChannelAccount:
    """A number of an organisation in Berlin."""
    Tenant.objects.filter(pk=acme.acme.pk).update(timezone="Europe/Berlin")
    return ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900000000")


def event(kind: str, at: datetime, **said: Any) -> Event:
    return Event(uuid7(), kind, 2, "inbox", 1, said, at, None)


def a_week(team: Team, account: ChannelAccount, agent: UUID, person: UUID) -> Iterator[Event]:
    """Yield events of every type that is counted, some of them just before and just after the period begins."""
    place = {"team": str(team.pk), "channel": str(account.pk)}
    for number, at in enumerate([MIDNIGHT - timedelta(seconds=1), MIDNIGHT, NOON - timedelta(days=1), NOON]):
        talk, run = {"conversation": str(uuid4())}, {"run": str(uuid4()), "agent": str(agent)}
        counted = {"counted": {**place, "person": str(person)}}
        yield event("conversation_opened", at, **talk, counted=place)
        yield event("conversation_reopened", at, **talk, counted=place)
        for _ in range(15):
            yield event("message_received", at, **talk, counted=place)
        for sender in ("agent", "person", "system"):
            said = {"sender": {"type": sender}, "status": "sent" if number % 2 else "queued"}
            yield event("agent_response", at, **talk, **said,
                        counted={**counted["counted"], "seconds": 60 + number, "working_seconds": 30})  # fmt: skip
        for status in ("sent", "delivered", "read"):
            yield event("message_status", at, **talk, status=status, counted={"channel": str(account.pk)})
        yield event("message_failed", at, **talk, counted={**place, "code": "unreachable" if number == 2 else "63016"})
        yield event(
            "conversation_needs_person", at, **talk, reason="complaint", counted={**place, "from_agent": number > 1}
        )
        yield event("conversation_closed", at, **talk, resolved=bool(number % 2),
                    counted={**place, "person": str(person), "by_agent": number == 1, "seconds": 600.0,
                             "working_seconds": 300.0})  # fmt: skip
        yield event("survey_asked", at, **talk, **counted)
        yield event("survey_rated", at, **talk, rating=4, counted={**counted["counted"], "is_first": number != 2})
        yield event("provider_called", at, **talk, channel=str(account.pk), provider="twilio", is_ok=number != 1,
                    milliseconds=250)  # fmt: skip
        yield event("figures.sampled", at, waiting=3, teams=[{"team": str(team.pk), "waiting": 2}],
                    people=[{"team": str(team.pk), "person": str(person), "open": 1, "capacity": 4}])  # fmt: skip
        yield from approvals(at, agent, person, number)
        yield event("agent_run_finished", at, **talk, **run, state="finished", milliseconds=900, code="",
                    asked_back=number == 2)  # fmt: skip
        yield event("tool_called", at, **talk, **run, tool="order_status", state="failed" if number == 2 else "done",
                    milliseconds=80)  # fmt: skip
        yield event("model_called", at, **talk, **run, model="large", outcome="failed" if number == 2 else "answered",
                    milliseconds=700, input_tokens=900, output_tokens=90, price="0.02", currency="EUR")  # fmt: skip


def approvals(at: datetime, agent: UUID, person: UUID, number: int) -> Iterator[Event]:
    request = {"approval_id": str(uuid4()), "reference": f"BR-{number}", "risk_level": "high"}
    verdict = "approved" if number % 2 else "rejected"
    counted = {"agent": str(agent), "channel": "webchat", "kind": "press", "in_conversation": True, "age": 90.0,
               "cost": "20.00", "currency": "EUR", "edited": True, "since_decision": 4.0}  # fmt: skip
    opened = {"event": "propose", "state": "pending", "by": "agent"}
    decided = {"state": verdict, "by": "user", "person": str(person), "level": 1, "late": number == 3,
               "event": ("override" if number == 1 else "approve") if number % 2 else "reject"}  # fmt: skip
    rule = {"event": "approve", "state": "approved", "by": "rule"}
    done = {"event": "finish", "state": "executed", "by": "system"}
    yield event("approval.opened", at, **request, counted={**counted, "moves": [opened]})
    yield event("approval.updated", at, **request, counted={**counted, "moves": [decided]})
    yield event("approval.updated", at, **request, counted={**counted, "moves": [rule, done]})
    yield event("approval.viewed", at, **request, agent=str(agent), seconds=12.0)


def count_rows(viewer: Client, url: str) -> int:
    found = 0
    while url:
        page = viewer.get(url).content.decode()
        found += page.count("<tr data-counted>")
        older = re.search(r'href="(\?[^"]*)" rel="next"', page)
        url = f"{FIGURES}rows/{html.unescape(older[1])}" if older else ""
    return found


def test_every_number_opens_the_rows_that_it_counted(browser: Browser, acme: World, account: ChannelAccount) -> None:
    team = Team.objects.create(name="Front desk")
    events = list(a_week(team, account, uuid4(), acme.people["support"].pk))
    assert {found.type for found in events} == set(COUNTS)
    assert {fact.metric for fact in facts_of(events)} == set(METRICS) == set(SOURCES)
    keep(events)
    consumer.receive(events)
    viewer, wrong, opened = browser("owner"), [], set()
    with clock.at(NOON + timedelta(hours=1)):
        pages = [viewer.get(f"{FIGURES}{key}/?span=7").content.decode() for key in PAGES]
        narrowed = f"{FIGURES}conversations/?span=7&by=channel:{account.pk}"
        pages.append(viewer.get(narrowed).content.decode())
        assert "Nothing in this period" not in pages[-1]
        links = {html.unescape(link): shown for page in pages for link, shown in NUMBER.findall(page)}
        for link, shown in links.items():
            asked = {key: values[0] for key, values in parse_qs(urlsplit(link).query).items()}
            dimension, _, value = asked.get("by", "total:").partition(":")
            rows = FigureDay.objects.filter(metric=asked["figure"], dimension=dimension, value=value)
            rows = rows.filter(day__range=(asked["first"], asked["last"]))
            counted = rows.aggregate(Sum("n"))["n__sum"] or 0
            number = count_rows(viewer, link)
            is_sum = shown.isdecimal() and asked["figure"] not in ("tokens_in", "tokens_out")
            if number != counted or not number or (is_sum and int(shown) != number):
                wrong.append((asked, shown, counted, number))
            opened.add(asked["figure"])
        rows_page = viewer.get(next(link for link in links if "by=person" in link)).content.decode()
    assert wrong == []
    assert set(METRICS) - opened == {"surveys_asked", "resolution_working", "tool_time"}  # on no page
    assert re.search(r'<option value="person:[^"]*" selected>[A-Z]', rows_page)
    assert "The customer hasn&#x27;t written for 24 hours. Only a template can be sent. (63016)" in pages[3]


def test_few_are_no_percentage(browser: Browser, acme: World, account: ChannelAccount) -> None:
    events = list(a_week(Team.objects.create(name="Desk"), account, uuid4(), acme.people["support"].pk))
    consumer.receive(events)
    with clock.at(NOON + timedelta(hours=1)):
        found = browser("owner").get(f"{FIGURES}conversations/?span=7").content.decode()
        assert ">1 of 3<" in found


def test_rows_are_those_of_who_looks(browser: Browser, acme: World, account: ChannelAccount) -> None:
    """A lead sees their team's rows; an outsider none; what is no figure is no page, and rows are counted anew."""
    team, other = Team.objects.create(name="Front desk"), Team.objects.create(name="Back office")
    TeamMember.objects.create(team=team, user=acme.people["support"], is_lead=True)
    for one in (team, other):
        events = list(a_week(one, account, uuid4(), acme.people["support"].pk))
        keep(events)
        consumer.receive(events)
    address = f"{FIGURES}rows/?figure=conversations_opened&span=7"
    with clock.at(NOON + timedelta(hours=1)):
        for role, url, number in (
            ("owner", address, 6), ("owner", f"{address}&by=team:{other.pk}", 3), ("support", address, 3),
            ("support", f"{address}&by=team:{other.pk}", 3),
        ):  # fmt: skip
            assert count_rows(browser(role), url) == number, url
        mine = browser("support").get(f"{address}&by=team:{other.pk}").content.decode()
        assert "Back office" not in mine
        assert count_rows(browser("owner", outside=True), address) == 0
        for role, url, status in (
            ("viewer", address, 403), ("owner", f"{FIGURES}rows/?figure=nothing", 404),
            ("owner", f"{FIGURES}rows/", 404), ("owner", f"{address}&after=x~y~z", 200),
            ("owner", f"{address}&by=kind:x", 200),
        ):  # fmt: skip
            assert browser(role).get(url).status_code == status, url


def test_no_page_of_figures_and_no_dashboard_takes_many_queries(
    browser: Browser, acme: World, account: ChannelAccount
) -> None:
    events = list(a_week(Team.objects.create(name="Desk"), account, uuid4(), acme.people["support"].pk))
    keep(events)
    consumer.receive(events)
    owner, many = browser("owner"), {}
    places = [f"{FIGURES}{key}/" for key in (*PAGES, "system")]
    with clock.at(NOON + timedelta(hours=1)):
        for url in (*places, f"{FIGURES}rows/?figure=messages_in", "/admin/"):
            with CaptureQueriesContext(connection) as asked:
                assert owner.get(url).status_code == 200
            many[url] = len(asked)
    assert {url: number for url, number in many.items() if number > MOST_QUERIES} == {}, many
