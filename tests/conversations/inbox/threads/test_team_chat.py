"""The internal chat of a team: for its people, masked, recorded, and over with the seat."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client

from accounts.models import Notice
from conversations.inbox.teams import teams
from conversations.inbox.threads.models import chat_stream
from conversations.inbox.threads.selectors import count_unread, query_team_messages, read_team_chat
from conversations.inbox.threads.team_chat import (
    changeable_team_messages,
    note_team_chat_read,
    revise_team_message,
    write_to_team,
)
from conversations.models import Team, TeamMember, TeamMessage, TeamMessageVersion
from core.clock import now
from core.errors import Conflict, Invalid, NotFound, Refused
from core.events import streams
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import Shop
from tests.conversations.inbox.teams.test_teams import team_of

pytestmark = pytest.mark.django_db
TEXT = "Call ana@customer.example before noon"


def browser(shop: Shop, role: str) -> Client:
    """Sign in the person of a role."""
    client = Client()
    client.force_login(shop.world.people[role], backend="accounts.backends.RoleBackend")
    return client


@pytest.fixture
def team(shop: Shop) -> Team:
    """A team of the person of support alone."""
    return team_of(shop, "support", name="Care")


def test_people_of_the_team_and_managers_read_it_masked_and_others_do_not(shop: Shop, team: Team) -> None:
    support, admin = shop.world.actor("support"), shop.world.actor("admin")
    said = write_to_team(actor=support, team_id=team.pk, text=TEXT)
    write_to_team(actor=admin, team_id=team.pk, text="I do it")
    assert TeamMessage.objects.get(pk=said.pk).body == TEXT
    page = read_team_chat(viewer=support, team_id=team.pk)
    assert [row.author_id for row in page.rows] == [support.user_id, admin.user_id]
    assert "ana@customer" not in str(page)
    events = streams.read(chat_stream(team.pk), 0)
    assert [(row.type, row.seq) for row in events] == [("team_message_written", 1), ("team_message_written", 2)]
    assert "noon" not in str([row.payload for row in events])
    assert "noon" not in str(AuditEntry.objects.get(action="TEAM_MESSAGE_WRITTEN", facts__message=str(said.pk)).facts)
    other = team_of(shop, "owner", name="Orders", is_default=False)
    for role in ("viewer", "approver", "compliance"):
        with pytest.raises(Refused):
            read_team_chat(viewer=shop.world.actor(role), team_id=team.pk)
        with pytest.raises(Refused):
            write_to_team(actor=shop.world.actor(role), team_id=team.pk, text="x")
    with pytest.raises(Refused) as refused:
        read_team_chat(viewer=support, team_id=other.pk)
    assert refused.value.code == "not_in_team"
    with tenant_scope(shop.world.globex.pk):
        outsider = shop.world.outsider()
        for call in (read_team_chat, query_team_messages):
            with pytest.raises(NotFound):
                call(viewer=outsider, team_id=team.pk)
        with pytest.raises(NotFound):
            write_to_team(actor=outsider, team_id=team.pk, text="x")


def test_chat_ends_with_the_seat(shop: Shop, team: Team) -> None:
    support = shop.world.actor("support")
    said = write_to_team(actor=support, team_id=team.pk, text="Hello")
    TeamMember.objects.filter(team=team).delete()
    for call in (
        lambda: read_team_chat(viewer=support, team_id=team.pk),
        lambda: write_to_team(actor=support, team_id=team.pk, text="x"),
        lambda: revise_team_message(actor=support, team_id=team.pk, message_id=said.pk, text="x"),
        lambda: note_team_chat_read(actor=support, team_id=team.pk, seq=1),
    ):
        with pytest.raises(Refused):
            call()
    assert count_unread(viewer=support) == {}
    assert browser(shop, "support").get(f"/admin/conversations/team/{team.pk}/chat/").status_code == 403


def test_mentioned_are_told_if_they_can_read_it(shop: Shop, team: Team) -> None:
    admin, viewer = (shop.world.people[role] for role in ("admin", "viewer"))
    text = f"@{admin.get_full_name()} and @{viewer.get_full_name()}, please look"
    said = write_to_team(actor=shop.world.actor("support"), team_id=team.pk, text=text)
    assert said.mentions == [admin.pk]
    notice = Notice.objects.get(kind="mention")
    assert (notice.person_id, notice.level) == (admin.pk, "alert")
    assert notice.link == f"/admin/conversations/team/{team.pk}/chat/#h-chat"
    for mentions in ([viewer.pk], [UUID(int=1)], [shop.world.outsiders["owner"].pk]):
        with pytest.raises(Invalid):
            write_to_team(actor=shop.world.actor("support"), team_id=team.pk, text="x", mentions=mentions)
    for text in (" ", "x" * 2001):
        with pytest.raises(Invalid):
            write_to_team(actor=shop.world.actor("support"), team_id=team.pk, text=text)
    assert TeamMessage.objects.count() == 1


def test_own_message_is_changed_within_minutes_and_keeps_what_it_said(shop: Shop, team: Team) -> None:
    support, admin = shop.world.actor("support"), shop.world.actor("admin")
    said = write_to_team(actor=support, team_id=team.pk, text=TEXT)
    change = revise_team_message
    with pytest.raises(Refused):
        change(actor=admin, team_id=team.pk, message_id=said.pk, text="Mine")
    with pytest.raises(NotFound):
        change(actor=support, team_id=team.pk, message_id=UUID(int=1), text="x")
    for _ in range(2):
        change(actor=support, team_id=team.pk, message_id=said.pk, text="Done")
    (row,) = read_team_chat(viewer=admin, team_id=team.pk).rows
    assert (row.text, [former.text[:4] for former in row.former]) == ("Done", ["Call"])
    assert "ana@customer" not in str(row.former)
    assert TeamMessageVersion.objects.count() == 1
    late = now() + timedelta(minutes=16)
    with pytest.raises(Conflict) as refused:
        change(actor=support, team_id=team.pk, message_id=said.pk, text="Later", now=late)
    assert refused.value.code == "too_late"
    assert changeable_team_messages(actor=support, team_id=team.pk, now=late) == {}
    assert [row.type for row in streams.read(chat_stream(team.pk), 0)][-1] == "team_message_changed"


@pytest.mark.slow
def test_page_works_with_forms_alone_and_marks_what_is_new(shop: Shop, team: Team) -> None:
    page = f"/admin/conversations/team/{team.pk}/"
    support, admin = browser(shop, "support"), browser(shop, "admin")
    sent = admin.post(f"{page}say/", {"text": "Standup at ten", "mentions": ""})
    assert (sent.status_code, sent["Location"]) == (302, f"{page}chat/#h-say")
    assert count_unread(viewer=shop.world.actor("support")) == {team.pk: 1}
    assert "1 unread" in support.get(page).content.decode()
    assert "Standup at ten" in support.get(f"{page}chat/").content.decode()
    assert count_unread(viewer=shop.world.actor("support")) == {}
    assert "unread" not in support.get(page).content.decode()
    said = write_to_team(actor=shop.world.actor("admin"), team_id=team.pk, text="Moved to eleven")
    assert ">New<" in support.get(f"{page}chat/").content.decode().replace("\n", "").replace("  ", "")
    assert ">New<" not in support.get(f"{page}chat/").content.decode()
    changed = admin.post(f"{page}edit-message/", {"note_id": str(said.pk), "text": "Moved to noon"})
    assert changed.status_code == 302
    assert "Moved to noon" in support.get(f"{page}chat/").content.decode()
    assert support.post(f"{page}say/", {"text": " "}).status_code == 400
    assert support.post(f"{page}edit-message/", {"note_id": str(said.pk), "text": "x"}).status_code == 403
    viewer = browser(shop, "viewer")
    assert [viewer.get(f"{page}{path}").status_code for path in ("chat/", "say/", "")] == [403, 403, 200]
    assert "Open the chat" not in viewer.get(page).content.decode()
    for before in ("x", "-1", "9" * 30, "²"):
        assert support.get(f"{page}chat/", {"before": before}).status_code == 200


@pytest.mark.slow
def test_long_chat_is_read_in_parts(shop: Shop, team: Team) -> None:
    support = shop.world.actor("support")
    for number in range(53):
        write_to_team(actor=support, team_id=team.pk, text=f"No {number}")
    page = read_team_chat(viewer=support, team_id=team.pk)
    assert (len(page.rows), page.rows[-1].text, page.newest) == (50, "No 52", 53)
    earlier = read_team_chat(viewer=support, team_id=team.pk, before=page.earlier)
    assert ([row.text for row in earlier.rows], earlier.earlier) == (["No 0", "No 1", "No 2"], None)
    assert note_team_chat_read(actor=support, team_id=team.pk, seq=10) == 53
    teams.delete_team(actor=shop.world.actor("admin"), team_id=team.pk, seen_version=team.version)
    assert not TeamMessage.objects.exists()
