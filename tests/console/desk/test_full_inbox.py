"""What a full inbox costs: the statements of a page and of the next conversation in place, and its time."""

import os
import re
import statistics
import time
from datetime import timedelta
from typing import Final

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts import saved_views
from conversations import services
from conversations.inbox import states, tags
from conversations.inbox.teams import teams
from conversations.inbox.threads import notes
from conversations.models import ChannelAccount, Conversation, Message
from conversations.replies import canned_replies, macros
from core.clock import now
from tests.console.conftest import Browser
from tests.console.scene import add_workflow, ask, write_in
from tests.conversations.conftest import AGENT
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
INBOX: Final = "/admin/inbox/"
MESSAGES: Final = 50
MOST: Final = 40
"""Statements of a page."""
MOST_IN_PLACE: Final = 24
"""Statements of opening the next conversation in place: its messages, and how to answer."""
LOOKS: Final = 20
WITHIN: Final = 0.5
"""Seconds of the processor for one conversation, on a busy machine of two slow cores."""
IN_PLACE: Final = {"X-Walker-Fragment": "row"}
REST: Final = {"X-Walker-Fragment": "rest"}


@pytest.fixture
def desk(acme: World) -> list[Conversation]:
    """Everything that an inbox can show: the first conversation has all of it, the others less."""
    admin, support, agents = acme.actor("admin"), acme.actor("support"), [acme.another("support") for _ in range(6)]
    add_workflow(acme)
    line = ChannelAccount.objects.create(kind="whatsapp", provider="twilio", name="Line", address="+34900")
    seats = [teams.Seat(user.pk, capacity=20) for user, _ in agents]
    seats.append(teams.Seat(acme.people["support"].pk, capacity=50, is_lead=True))
    for name in ("First line", "Returns", "Sales"):
        team = teams.create_team(actor=admin, settings=teams.TeamSettings(name=name), seats=seats)
    labels = [tags.create_tag(actor=admin, name=name) for name in ("Refund", "Parcel", "Praise")]
    for number in range(5):
        text = canned_replies.CannedText(f"hello{number}", f"Greeting {number}", "Hello, thank you.")
        canned_replies.create_canned_reply(actor=admin, wanted=text)
        steps = {"note": {"text": "Parcel is lost"}, "priority": {"priority": 3}}
        macros.create_macro(actor=admin, wanted=macros.MacroSettings(f"Lost parcel {number}", steps))
    saved_views.save_view(actor=support, list_key="conversations.conversation", name="Hot", query="priority=hot")
    talks = [services.hand_off(
        actor=AGENT, conversation_id=write_in(line, f"Where is order {number}?", value=f"+34600{number:06d}"),
        reason="asked_for_person",
    ) for number in range(12)]  # fmt: skip
    for talk in talks:
        services.move_to_team(actor=admin, conversation_id=talk.pk, team_id=team.pk)
        states.take_over(actor=support, conversation_id=talk.pk)
    for talk in talks[-2:]:
        _fill(acme, talk, [label.pk for label in labels])
    Conversation.objects.filter(pk=talks[0].pk).update(next_due_at=now() - timedelta(hours=1))
    return talks[::-1]


def _fill(acme: World, talk: Conversation, labels: list[object]) -> None:
    """Give a conversation messages, notes, requests and tags."""
    support, newest = acme.actor("support"), Message.objects.filter(conversation=talk).latest("seq")
    Message.objects.bulk_create(
        Message(
            conversation=talk, channel_account_id=talk.channel_account_id, seq=newest.seq + number,
            direction="in" if number % 2 else "out", body=f"Message {number}", masked_body=f"Message {number}",
            status="received" if number % 2 else "sent", sender_type="customer" if number % 2 else "person",
            sender_id=talk.contact_id if number % 2 else acme.people["support"].pk, sender_name="",
        )
        for number in range(1, MESSAGES)
    )  # fmt: skip
    for text in ("Called back", f"@{acme.people['support'].get_full_name()} look", "Sent a parcel"):
        notes.add_note(actor=acme.actor("admin"), conversation_id=talk.pk, text=text)
    for _ in range(2):
        ask(acme, origin={"conversation_id": talk.pk})
    tags.change_tags(actor=support, conversation_id=talk.pk, add=labels)


def statements(client: Client, url: str, headers: dict[str, str] | None = None) -> tuple[list[str], str]:
    """Return what a page asks the database, without the walls' own words, and the page."""
    with CaptureQueriesContext(connection) as queries:
        page = client.get(url, headers=headers or {}).content.decode()
    asked = [query["sql"].split("set local role none; ")[-1] for query in queries]
    # Not the columns: what is read stands behind them.
    asked = [re.sub(r"^(\(?SELECT) .*? FROM ", r"\1 … FROM ", sql)[:200] for sql in asked if "SAVEPOINT" not in sql]
    return asked, page


@pytest.mark.parametrize("role", ["support", "owner"])
def test_full_inbox_and_its_next_conversation_need_few_statements(
    browser: Browser, desk: list[Conversation], role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.extensions.BADGE_SECONDS", 600)  # a busy machine takes more than five
    client, first, second = browser(role), *desk[:2]
    place = f"{INBOX}?view=open&assignee={desk[0].assigned_to_id or ''}"
    client.get(f"{place}&conversation={second.pk}")
    found = {
        "page": statements(client, f"{place}&conversation={first.pk}"),
        "list": statements(client, place),
        "next, in place": statements(client, f"{place}&conversation={second.pk}", IN_PLACE),
        "its rest": statements(client, f"{place}&conversation={second.pk}", REST),
    }
    shown, rest = found["next, in place"][1], found["its rest"][1]
    first_parts = (f"Message {MESSAGES - 1}", "Refund", "BR-1002", "Sales")
    assert [part for part in first_parts if part not in shown and role == "support"] == []
    later = ("Lost parcel 4", "/hello4", "Called back")
    assert [(part, part in shown, part in rest) for part in later if role == "support"] == [
        (part, False, True) for part in later if role == "support"
    ]
    assert found["page"][1].count("wk-row-link") >= len(desk)
    most = {"next, in place": MOST_IN_PLACE}
    too_many = {
        name: "\n".join([f"{len(asked)}:", *asked])
        for name, (asked, _) in found.items()
        if len(asked) > most.get(name, MOST)
    }
    assert too_many == {}, "\n\n".join(too_many.values())


@pytest.mark.timed
def test_next_conversation_opens_in_place_in_time(
    browser: Browser, desk: list[Conversation], capsys: pytest.CaptureFixture[str]
) -> None:
    client, places = browser("support"), [f"{INBOX}?view=mine&conversation={talk.pk}" for talk in desk[:2]]
    for place in places * 2:
        client.get(place, headers=IN_PLACE)
    times, worked = [], []
    for number in range(LOOKS):
        began, idle = time.perf_counter(), time.thread_time()
        answer = client.get(places[number % 2], headers=IN_PLACE)
        times.append(time.perf_counter() - began)
        worked.append(time.thread_time() - idle)
        assert answer.status_code == 200
    with capsys.disabled():
        for name, spans in (("in all", times), ("own processor time", worked)):
            late = statistics.quantiles(spans, n=20)[-1]
            told = f"median {statistics.median(spans) * 1000:.0f} ms, p95 {late * 1000:.0f} ms"
            print(f"\nnext conversation in place, {name}: {told}, load {os.getloadavg()[0]:.1f}")  # noqa: T201
    assert re.search(rf"Message {MESSAGES - 1}\b", answer.content.decode())
    # Whatever else the machine does meanwhile is not the page's.
    assert statistics.median(worked) < WITHIN
