"""Exports of figures and of events: the same numbers as the pages, each row once, by the index, for who may."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analytics.event_store import store
from analytics.exports import downloads, jobs, work
from analytics.exports.sources import SOURCES, Terms
from analytics.figures import rows
from analytics.figures.consumer import receive_in_shadow
from analytics.figures.counts import Fact, spread
from analytics.figures.selectors import read_quantiles, read_totals
from analytics.figures.spans import Span
from analytics.models import Export, StoredEvent
from conversations.models import Team, TeamMember
from core.actors import Actor
from core.bus import Event
from core.errors import Invalid, Refused
from core.ids import uuid7
from core.tenancy.scope import tenant_scope
from tests.api.office import Office
from tests.console.approvals.test_evidence import signed_in
from tests.event_types import OTHER, OWNED
from tests.world import World

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SPAN = {"since": datetime(2026, 11, 14, tzinfo=BERLIN), "until": datetime(2026, 11, 21, tzinfo=BERLIN)}


@pytest.fixture
def desk(acme: World) -> World:
    """Two weeks of figures of two teams, and money in two currencies."""
    acme.acme.timezone = BERLIN.key
    acme.acme.save()
    for name in ("Support", "=Sales()"):
        team = Team.objects.create(name=name)
        for days in range(14):
            at = NOON - days * DAY
            facts = [Fact("first_answer_person", at, {"team": str(team.pk)}, seconds) for seconds in range(1, 20)]
            costs = [Fact("model_cost", at, {"kind": "m"}, Decimal("1.5"), currency) for currency in ("EUR", "USD")]
            rows.add(*spread([*facts, *costs], BERLIN))
    return acme


def request(actor: Actor, source: str, **more: Any) -> Export:
    given: dict[str, Any] = {"format": "csv", **SPAN, **more}
    return jobs.request_export(actor=actor, wanted=jobs.Wanted(source, **given), now=NOON + 5 * DAY)


def file_of(actor: Actor, export: Export) -> bytes:
    work.write_export(export_id=export.pk, now=NOON + 5 * DAY)
    return b"".join(downloads.download_export(actor=actor, list_export_id=export.pk).parts)


def table(raw: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(raw.decode("utf-8-sig"), newline="")))


@pytest.mark.slow
def test_figures_are_those_of_the_pages_once_for_each_day_and_value(desk: World) -> None:
    actor, span = desk.actor("admin"), Span(SPAN["since"].date(), NOON.date())
    receive_in_shadow([Event(uuid7(), "conversation_opened", 1, "s:1", 1, {"counted": {}}, NOON, None)])
    export = request(actor, "figures")
    found = table(file_of(actor, export))
    export.refresh_from_db()
    assert export.total == export.written == len(found) == 7 * (1 + 2 + 2 + 2)
    assert not [row for row in found if row["metric"].startswith("~")]
    totals = read_totals(viewer=actor, metrics=["first_answer_person", "model_cost"], span=span)
    waits = [row for row in found if (row["metric"], row["dimension"]) == ("first_answer_person", "total")]
    assert sum(int(row["count"]) for row in waits) == totals["first_answer_person"].now.n == 7 * 38
    money = {
        currency: sum(Decimal(row["total"]) for row in found if (row["currency"], row["value"]) == (currency, "m"))
        for currency in ("EUR", "USD")
    }
    assert money == totals["model_cost"].now.money
    today = read_quantiles(viewer=actor, metric="first_answer_person", span=Span(NOON.date(), NOON.date()))[""]
    (last,) = [row for row in waits if row["day"] == "2026-11-20"]
    assert (float(last["p95_seconds"]), float(last["average"])) == (pytest.approx(today.p95, abs=1e-5), 10.0)
    assert {row["value_name"] for row in found if row["dimension"] == "team"} == {"Support", "'=Sales()"}
    sheet = ZipFile(BytesIO(file_of(actor, request(actor, "figures", format="xlsx")))).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in sheet
    assert b"=Sales()" in sheet
    lines = file_of(actor, request(actor, "figures", format="jsonl", filters={"dimension": "team"})).splitlines()
    assert {(one["unit"], one["p50_seconds"] is None) for one in map(json.loads, lines)} == {("seconds", False)}
    narrowed = request(actor, "figures", filters={"metric": "model_cost", "dimension": "total"})
    assert narrowed.total == 14


@pytest.mark.slow
def test_leads_take_away_their_own_teams_figures_and_no_events(desk: World) -> None:
    person, actor = desk.another("support")
    lead = replace(actor, permissions=actor.permissions | {jobs.USE})
    for source in ("figures", "events"):
        with pytest.raises(Refused):
            request(actor, source)
        with pytest.raises(Refused):
            request(lead, source)
    TeamMember.objects.create(team=Team.objects.get(name="Support"), user=person, is_lead=True)
    store.keep([_event(1, NOON)])
    with pytest.raises(Refused):
        request(lead, "events")
    with pytest.raises(Refused, match="you lead"):
        request(lead, "figures", filters={"dimension": "kind"})
    terms = Terms(SPAN["since"], SPAN["until"])
    source = SOURCES.get("figures")
    lines = [
        line
        for page in source.pages(viewer=lead, terms=terms, size=1)  # type: ignore[attr-defined]
        for line in source.lines(page, in_clear=False)  # type: ignore[attr-defined]
    ]
    assert {(line["dimension"], line["value_name"]) for line in lines} == {("team", "Support")}
    assert len(lines) == source.count(viewer=lead, terms=terms, most=100) == 7  # type: ignore[call-arg]
    with tenant_scope(desk.globex.pk), pytest.raises(Invalid, match="no rows"):
        request(desk.outsider("owner"), "figures")


@pytest.mark.parametrize("source", ["figures", "events"])
def test_spans_that_make_no_sense_are_refused_with_a_word(desk: World, source: str) -> None:
    store.keep([_event(1, NOON)])
    wrong: list[tuple[str, dict[str, Any]]] = [
        ("ends before", {"since": SPAN["until"], "until": SPAN["since"]}),
        ("at most 731 days", {"since": SPAN["since"] - timedelta(days=7300)}),
        ("no rows", {"since": NOON - 90 * DAY, "until": NOON - 60 * DAY}),
        ("no rows", {"since": NOON - timedelta(minutes=2), "until": NOON - timedelta(minutes=1)}),
        ("filters", {"filters": {"payload": "x"}}),
        ("no personal data", {"in_clear": True, "reason": "Because I want to"}),
    ]
    for words, given in wrong:
        with pytest.raises(Invalid) as caught:
            request(desk.actor("admin"), source, **given)
        assert words in f"{caught.value.detail} {caught.value.facts}"
    assert not Export.objects.exists()


def _event(n: int, at: datetime, type: str = OWNED) -> Event:
    return Event(uuid7(), type, 1, "test:1", n, {"n": n}, at, None)


@pytest.fixture
def history(desk: World) -> Iterator[World]:
    """Events of four months, some in the same instant and some in no partition of their own."""
    for months in range(4):
        store.keep_partitions(now=NOON - 30 * months * DAY)
    store.keep([_event(n, NOON - (n // 3) * DAY, OTHER if n % 10 == 0 else OWNED) for n in range(300)])
    with tenant_scope(desk.globex.pk):
        store.keep([_event(1, NOON)])
    return desk  # type: ignore[return-value]


@pytest.mark.slow
def test_events_of_months_come_once_in_order_page_by_page(history: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "AT_ONCE", 7)
    actor, since = history.actor("compliance"), NOON - 99 * DAY
    with CaptureQueriesContext(connection) as seen:
        found = table(file_of(actor, request(actor, "events", since=since)))
    numbers = [json.loads(row["payload"])["n"] for row in found]
    assert sorted(numbers) == list(range(300))
    moments = [row["created_at"] for row in found]
    assert moments == sorted(moments)
    pages = [query["sql"] for query in seen if 'FROM "analytics_event"' in query["sql"] and "LIMIT 7" in query["sql"]]
    assert len(pages) == 44
    with connection.cursor() as cursor:
        cursor.execute(
            "set local enable_seqscan = off"
        )  # the tables are small: what counts is that the index can do it
        cursor.execute(f"explain {pages[20][pages[20].index('SELECT') :]}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan" not in plan
    assert "Sort" not in plan.replace("Merge Append", "").replace("Sort Key", "")
    assert request(actor, "events", since=since, filters={"type": OTHER}).total == 30
    assert StoredEvent.objects.count() == 300


@pytest.mark.slow
def test_pages_and_api_offer_them(history: World) -> None:
    client = signed_in(history.people["admin"])
    for source, title in (("figures", "Export figures"), ("events", "Export events")):
        page = f"/admin/analytics/export/{source}/"
        assert title in client.get(page).content.decode()
        days = {"format": "csv", "since": "2026-11-14", "until": "2026-11-20"}
        assert client.post(page, days).status_code == 302
        assert "Choose a later day" in client.post(page, {**days, "since": "2026-11-21"}).content.decode()
    listed = client.get("/admin/analytics/export/").content.decode()
    assert "Figures (CSV)" in listed
    assert '<option value="events"' in listed or "source=events" in listed
    caller = Office(history).caller("admin")
    body = {"source": "events", "since": "2026-11-01T00:00:00Z", "until": "2026-11-21T00:00:00Z"}
    made = caller.post("exports/", {**body, "filters": {"type": OWNED}})
    assert (made.status_code, made.json()["filters"]) == (201, {"type": OWNED})
    assert caller.post("exports/", {**body, "since": "2006-11-01T00:00:00Z"}).status_code == 400
