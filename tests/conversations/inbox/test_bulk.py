"""Many conversations at once: each for itself, with a reason for those that stay as they are."""

import os
import re
import time
from collections import Counter
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from accounts.models import Membership
from conversations import services
from conversations.inbox import bulk, tags
from conversations.inbox.teams import teams
from conversations.inbox.teams.teams import Seat, TeamSettings
from conversations.models import BulkChange, Conversation, ConversationTag
from conversations.types import SenderIdentity
from core.audit.chain import verify
from core.clock import now
from core.errors import Invalid, Refused
from core.models import AuditEntry
from core.reliability import lease
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import AGENT, Shop, make_shop
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def talks(shop: Shop) -> list[Conversation]:
    """Six conversations of six visitors, of which the last is closed."""
    visitors = [SenderIdentity(kind="webchat", value=f"visitor-{number}") for number in range(6)]
    made = [shop.conversation(sender=visitor, text="I am ann@example.com") for visitor in visitors]
    services.close(actor=AGENT, conversation_id=made[5].pk, resolved=True)
    return made


def test_each_row_is_changed_or_says_why_not(shop: Shop, talks: list[Conversation]) -> None:
    support, people = shop.world.actor("support"), shop.world.people
    ids = [talk.pk for talk in talks]
    with tenant_scope(shop.world.globex.pk):
        foreign = shop.world.outsider()
        refused = bulk.change_many(actor=foreign, conversation_ids=ids, change="close", values={"resolved": True})
        assert {row.code for row in refused} == {"not_found"}
    unknown = uuid4()
    for dry_run in (True, False):
        results = bulk.change_many(
            actor=support,
            conversation_ids=[*ids, unknown, ids[0]],
            change="assign",
            values={"user_id": people["admin"].pk},
            dry_run=dry_run,
        )
        assert [row.code for row in results] == ["", "", "", "", "", "closed", "not_found"]
        assert Conversation.objects.filter(assigned_to=people["admin"]).count() == (0 if dry_run else 5)
        assert AuditEntry.objects.filter(action="CONVERSATION_ASSIGNED").count() == (0 if dry_run else 5)
    tag = tags.create_tag(actor=shop.world.actor("admin"), name="Returns")
    tagged = bulk.change_many(actor=support, conversation_ids=ids, change="tags", values={"add": [tag.pk]})
    assert (all(row.done for row in tagged), ConversationTag.objects.count()) == (True, 6)
    moved = bulk.change_many(actor=support, conversation_ids=ids[:2], change="team", values={"team_id": uuid4()})
    assert not any(row.done for row in moved)  # neither the right nor such a team
    closed = bulk.change_many(actor=support, conversation_ids=ids, change="close", values={"resolved": False})
    assert [row.done for row in closed] == [True] * 5 + [False]
    assert Conversation.objects.filter(state="closed").count() == 6


def test_room_is_counted_over_all_rows_also_in_a_dry_run(shop: Shop) -> None:
    admin, person = shop.world.actor("admin"), shop.world.people["support"]
    seats = [Seat(person.pk, capacity=30)]
    team = teams.create_team(actor=admin, settings=TeamSettings("Desk", is_default=True), seats=seats)
    contact, since = shop.conversation().contact, {"state": "person", "team": team, "team_since": now()}
    rows = [Conversation(contact=contact, channel_account=shop.chat, thread=f"t{one}", **since) for one in range(40)]
    ids = [row.pk for row in Conversation.objects.bulk_create(rows)]
    wanted = {"change": "assign", "values": {"user_id": person.pk}}
    asker = shop.world.actor("support")
    for dry_run in (True, False):
        found = bulk.change_many(actor=asker, conversation_ids=ids, dry_run=dry_run, **wanted)
        assert [row.code for row in found] == [""] * 30 + ["full"] * 10
    assert team.open_loads() == {person.pk: 30}
    again = bulk.change_many(actor=asker, conversation_ids=ids[:30], **wanted)
    assert all(row.done for row in again)
    assert AuditEntry.objects.filter(action="CONVERSATION_ASSIGNED").count() == 30
    assert verify().ok


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_five_hundred_of_which_some_are_closed_or_gone_have_a_result_each(
    committed_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with tenant_scope(committed_world.acme.pk):
        shop = make_shop(committed_world)
        support, contact = committed_world.actor("support"), shop.conversation().contact
        closed = {"state": "closed", "resolved": True, "closed_at": now()}
        rows = [
            Conversation(
                contact=contact, channel_account=shop.chat, thread=f"t{one}", **(closed if one % 8 == 0 else {})
            )
            for one in range(490)
        ]
        ids = [row.pk for row in Conversation.objects.bulk_create(rows)] + [uuid4() for _ in range(10)]
        tag = tags.create_tag(actor=committed_world.actor("admin"), name="Returns")
        wanted: list[tuple[str, dict[str, Any], Counter[str]]] = [
            (
                "assign",
                {"user_id": committed_world.people["admin"].pk},
                Counter({"": 428, "closed": 62, "not_found": 10}),
            ),
            ("tags", {"add": [tag.pk]}, Counter({"": 490, "not_found": 10})),
            ("priority", {"priority": 3}, Counter({"": 428, "closed": 62, "not_found": 10})),
            ("close", {"resolved": True}, Counter({"": 428, "closed": 62, "not_found": 10})),
        ]
        for change, values, codes in wanted:
            began = time.perf_counter()
            results = bulk.change_many(actor=support, conversation_ids=ids, change=change, values=values)
            took = time.perf_counter() - began
            assert [row.id for row in results] == ids
            assert Counter(row.code for row in results) == codes
            assert all(row.detail for row in results if row.code)
            with capsys.disabled():
                print(f"\n{change}: 500 rows in {took:.2f} s, load {os.getloadavg()[0]:.1f}")  # noqa: T201
        assert Conversation.objects.filter(thread__startswith="t").exclude(state="closed").count() == 0
        assert verify().ok


def test_what_cannot_be_meant_changes_nothing(shop: Shop, talks: list[Conversation]) -> None:
    support, ids = shop.world.actor("support"), [talk.pk for talk in talks]
    for wrong, change, values in (
        ([], "close", {"resolved": True}),
        ([uuid4() for _ in range(501)], "close", {"resolved": True}),
        (ids, "erase", {}),
        (ids, "close", {}),
    ):
        with pytest.raises(Invalid):
            bulk.change_many(actor=support, conversation_ids=wrong, change=change, values=values)
    with pytest.raises(Refused):
        bulk.change_many(
            actor=shop.world.actor("viewer"), conversation_ids=ids, change="close", values={"resolved": True}
        )
    assert Conversation.objects.filter(state="closed").count() == 1


def test_selection_of_the_list_is_shown_confirmed_and_reported_masked(shop: Shop, talks: list[Conversation]) -> None:
    client, viewer, tag = Client(), Client(), tags.create_tag(actor=shop.world.actor("admin"), name="Returns")
    client.force_login(shop.world.people["support"], backend="accounts.backends.RoleBackend")
    viewer.force_login(shop.world.people["viewer"], backend="accounts.backends.RoleBackend")
    home = "/admin/conversations/conversation/"
    listed = client.get("/admin/inbox/?view=all").content.decode()
    picks = re.findall(r'name="item" value="([0-9a-f-]{36})"', listed)
    assert len(picks) == 6
    assert "data-pick" not in viewer.get("/admin/inbox/?view=all").content.decode()
    chosen = {"change": "close", "item": [*picks, "nonsense"]}
    preview = client.post(f"{home}bulk/", chosen).content.decode()
    assert "Close 6 conversations" in preview
    assert Conversation.objects.filter(state="closed").count() == 1
    assert client.post(f"{home}bulk/", {**chosen, "confirm": "yes"}).status_code == 400  # resolved or not?
    assert client.post(f"{home}bulk/", {"change": "close", "confirm": "yes", "resolved": "yes"}).status_code == 400
    sent = {**chosen, "confirm": "yes", "resolved": "yes", "key": str(uuid4())}
    pages = [client.post(f"{home}bulk/", sent)["Location"] for _ in range(2)]
    shown = client.get(pages[0])
    report = shown.content.decode()
    assert (pages[0], "Refresh" in shown.headers, BulkChange.objects.count()) == (pages[1], False, 1)
    assert "Close: 5 of 6 done" in report
    for more in ({"resolved": "no"}, {"item": picks[:3]}, {"change": "tags", "tag": str(tag.pk)}):
        other = client.post(f"{home}bulk/", {**sent, **more})
        assert (other.status_code, "was started before" in other.content.decode()) == (409, True), more
    assert BulkChange.objects.count() == 1
    assert [one.get(pages[0]).status_code for one in (viewer, Client())] == [403, 302]
    assert 'href="/admin/inbox/">Back to the list' in report
    assert "This conversation is closed" in report
    for text in (listed, preview, report):
        assert "ann@example.com" not in text
    assert Conversation.objects.filter(state="closed", resolved=True).count() == 6
    for change in ("assign", "team", "tags", "priority"):
        assert client.post(f"{home}bulk/", {**chosen, "change": change}).status_code == 200


def test_change_of_many_shows_how_far_it_is_and_goes_on_after_its_worker_died(shop: Shop) -> None:
    support, stranger = Client(), Client()
    support.force_login(shop.world.people["support"], backend="accounts.backends.RoleBackend")
    stranger.force_login(shop.world.people["owner"], backend="accounts.backends.RoleBackend")
    contact, closed = shop.conversation().contact, {"state": "closed", "resolved": True, "closed_at": now()}
    rows = [
        Conversation(contact=contact, channel_account=shop.chat, thread=f"t{one}", **(closed if one == 3 else {}))
        for one in range(60)
    ]
    ids = [row.pk for row in Conversation.objects.bulk_create(rows)]
    sent = {"change": "close", "item": ids, "confirm": "yes", "resolved": "yes", "key": uuid4()}
    page = support.post("/admin/conversations/conversation/bulk/?from=inbox&view=all", sent)["Location"]
    waiting = support.get(page)
    made = BulkChange.objects.get()
    assert (waiting["Refresh"], "Close: 0 of 60 done" in waiting.content.decode()) == ("2", True)
    assert stranger.get(page).status_code == 404

    # A worker that dies after its first part leaves what that transaction kept.
    dead, actor = lease.claim(BulkChange.objects.all(), bulk.LEASE), shop.world.actor("support")
    assert dead is not None
    part = partial(bulk._change_chunk, actor, begin=partial(bulk.CHANGES["close"][0], actor, resolved=True))
    part(dead.conversation_ids[:25], team_id=None, keep=partial(bulk._keep, dead))
    half = support.get(page).content.decode()
    assert ("Close: 24 of 60 done" in half, "25 of 60 processed, 1 not changed" in half) == (True, True)
    listed = [[f"conversation/{pk}/" in shown for pk in ids] for shown in (waiting.content.decode(), half)]
    assert [sum(each) for each in listed] == [0, 1], "at work it lists what was refused"
    assert not bulk.work_change(change_id=made.pk), "another worker has it"
    later = now() + timedelta(minutes=1)
    assert bulk.list_abandoned() == []
    assert bulk.list_abandoned(now=later) == [(made.tenant_id, made.pk)]
    assert bulk.work_change(change_id=made.pk, now=later)
    with pytest.raises(bulk._Lost):  # it only stalled, and comes back
        part(dead.conversation_ids[25:50], team_id=None, keep=partial(bulk._keep, dead))
    whole = support.get(page)
    assert ("Refresh" in whole.headers, "Close: 59 of 60 done" in whole.content.decode()) == (False, True)
    assert whole.content.decode().count("This conversation is closed") == 1
    assert all(f"conversation/{pk}/" in whole.content.decode() for pk in ids)
    assert AuditEntry.objects.filter(action="CONVERSATION_CLOSED", object_id__in=ids).count() == 59
    assert bulk.prune_changes() == 0
    assert bulk.prune_changes(now=now() + timedelta(days=8)) == 1


def test_change_that_waited_too_long_or_whose_maker_left_is_not_made(shop: Shop) -> None:
    support, person = shop.world.actor("support"), shop.world.people["support"]
    found = {}
    for name in ("late", "lost", "left"):
        rows = [
            Conversation(contact=shop.conversation().contact, channel_account=shop.chat, thread=f"{name}{one}")
            for one in range(26)
        ]
        ids = [row.pk for row in Conversation.objects.bulk_create(rows)]
        made = bulk.start_change(
            actor=support, conversation_ids=ids, change="priority", values={"priority": 3}, key=uuid4()
        )
        if name == "lost":
            Membership.objects.filter(user=person).update(role="viewer")
        if name == "left":
            Membership.objects.filter(user=person).update(is_active=False)
        assert bulk.work_change(change_id=made.pk, now=now() + timedelta(hours=2 if name == "late" else 0))
        made.refresh_from_db()
        found[name] = {tuple(result) for result in made.results}
    assert found == {
        "late": {("stopped", bulk.TOO_LATE)},
        "lost": {("stopped", "Your role doesn't allow this.")},
        "left": {("stopped", "You aren't a member of this organisation.")},
    }
    assert not Conversation.objects.filter(priority=3).exists()
    with pytest.raises(Refused):
        bulk.start_change(
            actor=AGENT, conversation_ids=[uuid4()], change="close", values={"resolved": True}, key=uuid4()
        )
