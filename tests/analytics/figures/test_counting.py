"""What happens is counted: figures equal plain SQL over the events, however late, in whatever order and parts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4, uuid5

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.figures import consumer
from analytics.models import FigureDay, FigureHour
from analytics.services import sample_all
from conversations import services as talk
from conversations.models import Availability, ChannelAccount, Conversation, Survey, Team, TeamMember
from conversations.services import Draft, Sender
from conversations.surveys import surveys
from core import catalogue
from core.bus import Event
from core.clock import now
from core.events import streams
from core.ids import uuid7
from core.models import StreamEvent
from core.tenancy.scope import current_tenant_id, tenant_scope
from hitl import services as hitl
from hitl.approvals.decide.first_view import note_view
from tests.console.scene import add_workflow, ask, write_in
from tests.world import OPERATOR, World

PLACE = UUID(int=5)
SPAN = datetime(2026, 3, 27, tzinfo=UTC)
"""Berlin's clocks change two days later."""


def taken() -> list[Event]:
    """Return the events of the tenant in scope as the bus gives them."""
    found = StreamEvent.objects.filter(version__isnull=False).order_by("id")
    return [
        Event(
            row.id, row.type, row.version, row.stream, row.seq,
            catalogue.find(row.type).publish(row.stream, row.payload), row.created_at, row.about,
        )
        for row in found
    ]  # fmt: skip


def figures(**those: Any) -> dict[tuple[str, str, str], tuple[int, Decimal]]:
    rows = FigureDay.objects.filter(**those).values_list("metric", "dimension", "value", "n", "total")
    found: dict[tuple[str, str, str], tuple[int, Decimal]] = {}
    for metric, dimension, value, n, total in rows:
        before = found.get((metric, dimension, value), (0, Decimal(0)))
        found[metric, dimension, value] = (before[0] + n, before[1] + total)
    return found


@pytest.mark.slow
def test_a_day_at_work_is_counted(acme: World) -> None:
    add_workflow(acme)
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900000000")
    team = Team.objects.create(name="Care", is_default=True, survey=Team.Asks.ALWAYS)
    person = acme.actor("support")
    TeamMember.objects.create(team=team, user_id=person.user_id, capacity=4)
    begun = now() - timedelta(hours=1)
    chat = write_in(line, "Where is my parcel?", now=begun)
    talk.reply(actor=OPERATOR, conversation_id=chat, draft=Draft(text="Let me see."), now=begun + timedelta(seconds=9))
    talk.hand_off(actor=OPERATOR, conversation_id=chat, reason="asked_for_person", now=begun + timedelta(seconds=20))
    assert Conversation.objects.get().team_id == team.pk
    write_in(line, "Hello?", now=begun + timedelta(seconds=60))
    asked = Conversation.objects.get().person_asked_at
    answered = begun + timedelta(minutes=6)
    talk.reply(
        actor=person, conversation_id=chat, draft=Draft(text="On its way.", sender=Sender(type="person")), now=answered
    )
    talk.close(actor=person, conversation_id=chat, resolved=True, now=begun + timedelta(minutes=30))
    Availability.objects.create(user_id=person.user_id, state="online", source="hand")
    assert sample_all() == 1
    assert sample_all() == 0
    survey = Survey.objects.get()
    surveys.ask_survey(actor=OPERATOR, survey_id=survey.pk)
    approval = ask(acme)
    seen = approval.created_at + timedelta(minutes=1)
    for viewer, at, is_first in (("support", seen, False), ("approver", seen, True), ("admin", seen, False)):
        assert note_view(viewer=acme.actor(viewer), approval=approval, now=at) is is_first
    approval.refresh_from_db()
    hitl.decide(
        actor=acme.actor("approver"), approval_id=approval.pk, verdict="approve", digest=approval.digest,
        now=approval.created_at + timedelta(minutes=2),
    )  # fmt: skip
    consumer.receive(taken())
    found = figures()
    one = (1, Decimal(1))
    assert found["conversations_opened", "channel", str(line.pk)] == one
    assert found["messages_in", "total", ""] == (2, Decimal(2))
    assert found["messages_out", "kind", "agent"] == found["messages_out", "kind", "person"] == one
    assert found["first_answer_agent", "total", ""] == (1, Decimal(9))
    waited = Decimal((answered - asked).total_seconds())
    assert found["first_answer_person", "team", str(team.pk)] == (1, waited)
    assert found["first_answer_person_working", "person", str(person.user_id)] == (1, waited)
    assert found["conversations_escalated", "kind", "asked_for_person"] == one
    assert found["conversations_closed", "kind", "resolved"] == one
    assert found["resolution", "team", str(team.pk)] == (1, Decimal(1800))
    assert ("conversations_by_agent", "total", "") not in found
    assert found["utilisation", "person", str(person.user_id)] == (1, Decimal(0))
    assert found["backlog", "total", ""] == (1, Decimal(0))
    assert found["requests", "kind", approval.kind] == found["requests_by_risk", "kind", approval.risk_level] == one
    assert found["decisions", "kind", "approved"] == one
    assert found["approvals_by", "person", str(acme.people["approver"].pk)] == one
    assert found["decision", "total", ""] == (1, Decimal(120))
    assert found["decided_in_time", "kind", "1"] == one
    assert found["first_view", "total", ""] == (1, Decimal(60))
    assert found["surveys_asked", "team", str(team.pk)] == one


def test_listeners_never_get_what_is_counted(acme: World) -> None:
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900000000")
    chat = write_in(line, "Hi")
    talk.reply(actor=OPERATOR, conversation_id=chat, draft=Draft(text="Hello"))
    talk.hand_off(actor=OPERATOR, conversation_id=chat, reason="asked_for_person")
    ask(acme)
    told = [
        event.payload
        for stream in StreamEvent.objects.values_list("stream", flat=True).distinct()
        for event in streams.read(stream, 0)
    ]
    assert told
    assert [payload for payload in told if streams.COUNTED in payload] == []
    assert StreamEvent.objects.filter(payload__has_key=streams.COUNTED).exists()


ONE_OF = [str(uuid5(PLACE, name)) for name in "abc"]
MOMENTS = st.integers(min_value=0, max_value=6 * 24 * 60).map(lambda minutes: SPAN + timedelta(minutes=minutes))
TIMES = st.floats(min_value=0, max_value=1_000_000).map(lambda seconds: round(seconds, 3))
PLACES = st.fixed_dictionaries({}, optional={"team": st.sampled_from(ONE_OF), "channel": st.sampled_from(ONE_OF)})


def _message(at: datetime, counted: dict[str, Any], sender: str, seconds: float | None) -> dict[str, Any]:
    payload = {
        "id": str(uuid4()), "client_id": None, "sender": {"type": sender, "name": "x"}, "content_type": "text",
        "text": "x", "status": "queued", "created_at": at.isoformat(),
        "counted": {**counted, **({} if seconds is None else {"seconds": seconds})},
    }  # fmt: skip
    return {"type": "agent_response", "stream": f"conversation:{uuid4()}", "payload": payload, "created_at": at}


def _request(at: datetime, kind: str, cost: Decimal, verdict: str) -> dict[str, Any]:
    move = {"event": "approve" if verdict == "approved" else "reject", "state": verdict, "by": "user", "level": 1}
    payload = {
        "approval_id": str(uuid4()), "reference": "BR-1", "state": verdict, "version": 1, "risk_level": "low",
        "holds": [],
        "counted": {
            "kind": kind, "age": 60.0, "cost": str(cost), "currency": "EUR", "in_conversation": False, "edited": False,
            "moves": [{**move, "person": ONE_OF[0], "late": cost > 500}],
        },
    }  # fmt: skip
    return {"type": "approval.updated", "stream": "queue", "payload": payload, "created_at": at}


MESSAGES = st.builds(_message, MOMENTS, PLACES, st.sampled_from(["agent", "person"]), st.none() | TIMES)
REQUESTS = st.builds(
    _request, MOMENTS, st.sampled_from(["press", "pay"]),
    st.decimals(min_value=0, max_value=1000, places=2), st.sampled_from(["approved", "rejected"]),
)  # fmt: skip
HISTORIES = st.lists(MESSAGES | REQUESTS, min_size=1, max_size=40)
LOCAL = "(created_at at time zone 'Europe/Berlin')"
COUNTED = "payload->'counted'"
# Plain SQL over the events: metric, value, day, n, sum.
PLAIN = f"""
select 'messages_out', 'kind', payload->'sender'->>'type', {LOCAL}::date, count(*), count(*)
from core_streamevent where type = 'agent_response' and tenant_id = %(tenant)s group by 3, 4
union all
select 'messages_out', 'team', {COUNTED}->>'team', {LOCAL}::date, count(*), count(*)
from core_streamevent where type = 'agent_response' and tenant_id = %(tenant)s and {COUNTED} ? 'team' group by 3, 4
union all
select case payload->'sender'->>'type' when 'person' then 'first_answer_person' else 'first_answer_agent' end,
  'channel', {COUNTED}->>'channel', {LOCAL}::date, count(*), sum(({COUNTED}->>'seconds')::numeric)
from core_streamevent where type = 'agent_response' and tenant_id = %(tenant)s and {COUNTED} ? 'seconds'
  and {COUNTED} ? 'channel' group by 1, 3, 4
union all
select 'cost_' || (m->>'state'), 'kind', {COUNTED}->>'kind', {LOCAL}::date, count(*), sum(({COUNTED}->>'cost')::numeric)
from core_streamevent, jsonb_array_elements({COUNTED}->'moves') m
where type = 'approval.updated' and tenant_id = %(tenant)s group by 1, 3, 4
union all
select case (m->>'late')::boolean when true then 'decided_late' else 'decided_in_time' end, 'total', '',
  {LOCAL}::date, count(*), count(*)
from core_streamevent, jsonb_array_elements({COUNTED}->'moves') m
where type = 'approval.updated' and tenant_id = %(tenant)s group by 1, 4
"""
HOURS = """
select date_trunc('hour', created_at, 'Europe/Berlin'), count(*) from core_streamevent
where type = 'agent_response' and tenant_id = %(tenant)s group by 1
"""


def _append(history: Sequence[dict[str, Any]]) -> None:
    StreamEvent.objects.bulk_create(
        StreamEvent(id=uuid7(), seq=number, version=2, **event) for number, event in enumerate(history, start=1)
    )


def _plain() -> set[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(PLAIN, {"tenant": current_tenant_id()})
        return {tuple(row) for row in cursor.fetchall()}


def _stored() -> tuple[set[tuple[Any, ...]], set[tuple[Any, ...]]]:
    names = ("metric", "dimension", "value", "bucket", "currency", "n", "total")
    return (
        set(FigureDay.objects.values_list("day", *names)),
        set(FigureHour.objects.values_list("hour", *names)),
    )


def _equal_plain_sql(history: Sequence[dict[str, Any]], seed: int, page: int) -> None:
    dice = random.Random(seed)
    _append(history)
    events = taken()
    dice.shuffle(events)
    while events:
        some = dice.randint(1, len(events))
        consumer.receive(events[:some])
        events = events[some:]
    with connection.cursor() as cursor:
        cursor.execute(HOURS, {"tenant": current_tenant_id()})
        hours = dict(cursor.fetchall())
    found: dict[tuple[Any, ...], list[Any]] = {}
    for metric, dimension, value, day, n, total in FigureDay.objects.values_list(
        "metric", "dimension", "value", "day", "n", "total"
    ):
        sums = found.setdefault((metric, dimension, value, day), [0, Decimal(0)])
        sums[0], sums[1] = sums[0] + n, sums[1] + total
    plain = {row[:4]: [row[4], row[5]] for row in _plain()}
    assert {key: found[key] for key in plain} == plain
    shown = {(key[0], key[1]) for key in plain}
    assert {key for key in found if key[:2] in shown} == set(plain)
    out = FigureHour.objects.filter(metric="messages_out", dimension="total").values_list("hour", "n")
    assert dict(out) == hours
    before = _stored()
    consumer.begin_shadow(SPAN - timedelta(days=2))
    events = taken()
    for first in range(0, len(events), page):
        consumer.receive_in_shadow(events[first : first + page])
    assert _stored() != before
    consumer.swap_shadow(SPAN - timedelta(days=2))
    assert _stored() == before


def _try(world: World, history: Sequence[dict[str, Any]], seed: int, page: int = 1) -> None:
    world.acme.timezone = "Europe/Berlin"
    world.acme.save()
    with transaction.atomic():
        _equal_plain_sql(history, seed, page)
        transaction.set_rollback(True)


FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.slow
@FEW
@given(history=HISTORIES, seed=st.integers(0, 1000))
def test_figures_equal_plain_sql_over_the_events(acme: World, history: list[dict[str, Any]], seed: int) -> None:
    _try(acme, history, seed)


@pytest.mark.long
@settings(FEW, max_examples=500)
@given(history=HISTORIES, seed=st.integers(0, 1000))
def test_figures_equal_plain_sql_over_500_histories(
    committed_world: World, history: list[dict[str, Any]], seed: int
) -> None:
    # Each in a transaction of its own: in one for all, each reads the dead rows of those before it.
    with tenant_scope(committed_world.acme.pk):
        _try(committed_world, history, seed)


@pytest.mark.long
def test_figures_equal_plain_sql_over_a_history_of_100_000_events(acme: World) -> None:
    dice = random.Random(7)
    history = []
    for _ in range(100_000):
        at = SPAN + timedelta(minutes=dice.randrange(6 * 24 * 60))
        if dice.random() < 0.2:
            history.append(
                _request(at, dice.choice(["press", "pay"]), Decimal(dice.randrange(100_000)) / 100, "approved")
            )
            continue
        place = {name: dice.choice(ONE_OF) for name in ("team", "channel") if dice.random() < 0.8}
        seconds = round(dice.lognormvariate(4, 2), 3) if dice.random() < 0.5 else None
        history.append(_message(at, place, dice.choice(["agent", "person"]), seconds))
    _try(acme, history, 7, page=500)
