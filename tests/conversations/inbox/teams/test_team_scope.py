"""People limited to their teams: who sets it, what they see and change, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.members.own_roles import RoleSettings, create_role
from accounts.models import Membership
from accounts.permissions.roles import permissions_of
from accounts.permissions.team_scope import set_team_scope
from accounts.selectors import memberships_of
from accounts.services import actor_for_user, add_member
from analytics.alerts.messages import people_of
from analytics.models import AlertRule
from conversations import selectors, services
from conversations.inbox import bulk, states, tags
from conversations.inbox.selectors import counts
from conversations.inbox.teams.seen import seen_conversations, teams_of_people
from conversations.inbox.teams.selectors import figure_scope, list_people, waiting_by_team
from conversations.inbox.teams.teams import Seat, TeamSettings, create_team
from conversations.inbox.threads import notes
from conversations.inbox.threads.selectors import query_notes
from conversations.inbox.triage import triage
from conversations.messages.selectors import messages
from conversations.models import Contact, Conversation, Message, Team, TriageRule
from conversations.replies import canned_replies, drafts
from conversations.services import Draft, Sender
from core.actors import Actor
from core.clock import now
from core.errors import Invalid, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.conversations.conftest import Shop
from tests.world import OPERATOR

pytestmark = pytest.mark.django_db


@dataclass
class Desk:
    """Two teams with a conversation each, and somebody limited to the first."""

    shop: Shop
    own: Team
    other: Team
    mine: Conversation
    theirs: Conversation

    @property
    def limited(self) -> Actor:
        """Return the limited person as they are now."""
        return self.shop.world.actor("support")

    @property
    def admin(self) -> Actor:
        """Return somebody who sees all."""
        return self.shop.world.actor("admin")


def talk_in(shop: Shop, team: Team | None, number: int, **values: Any) -> Conversation:
    """Open a conversation that waits in a team."""
    contact = shop.conversation().contact
    fields = {"state": "person", "escalated_at": now(), "team": team, **values}
    made: Conversation = Conversation.objects.create(
        contact=contact, channel_account=shop.chat, thread=f"t{number}", **fields
    )
    Message.objects.create(
        conversation=made, channel_account=shop.chat, seq=1, direction="in", sender_type="customer", status="received",
        body="Where is my zebra", masked_body="Where is my zebra",
    )  # fmt: skip
    return made


@pytest.fixture
def desk(shop: Shop) -> Desk:
    admin, people = shop.world.actor("admin"), shop.world.people
    own = create_team(actor=admin, settings=TeamSettings(name="Own"), seats=[Seat(people["support"].pk, is_lead=True)])
    other = create_team(actor=admin, settings=TeamSettings(name="Other"), seats=[Seat(people["owner"].pk)])
    found = Desk(shop, own, other, talk_in(shop, own, 1), talk_in(shop, other, 2))
    set_team_scope(actor=admin, membership_id=membership(shop, "support").pk, own_only=True)
    return found


def test_role_that_sees_what_is_assigned_shows_nothing_of_its_peoples_teams(desk: Desk) -> None:
    people, world = desk.shop.world.people, desk.shop.world
    assert set(seen_conversations(desk.limited)) == {desk.mine}
    assert figure_scope(viewer=desk.limited).teams == {desk.own.pk}
    assert [one.open_count for one in list_people(viewer=desk.limited, team_id=desk.own.pk)] == [0]
    allowed = permissions_of("support") - {"analytics.view_team_figures"}
    role = create_role(actor=world.actor("owner"), settings=RoleSettings("Temp", allowed, sees="assigned"))
    add_member(actor=OPERATOR, user=people["support"], role=role.key)
    person = people["support"].pk
    assert (desk.limited.teams, teams_of_people([person])) == (frozenset(), {person: frozenset()})
    assert not seen_conversations(desk.limited).exists()
    assert not figure_scope(viewer=desk.limited)
    assert [one.open_count for one in list_people(viewer=desk.limited, team_id=desk.own.pk)] == [None]
    rule = AlertRule(team_id=desk.own.pk)
    assert (people_of(rule), people_of(AlertRule(team_id=desk.other.pk))) == (
        sorted(people[role].pk for role in ("owner", "admin")),
        [people["owner"].pk],
    )
    with pytest.raises(Invalid):
        notes.add_note(actor=desk.admin, conversation_id=desk.mine.pk, text="Look", mentions=[person])
    Conversation.objects.filter(pk=desk.mine.pk).update(assigned_to_id=person)
    assert set(seen_conversations(desk.limited)) == {desk.mine}
    notes.add_note(actor=desk.admin, conversation_id=desk.mine.pk, text="Look", mentions=[person])


def membership(shop: Shop, role: str) -> Membership:
    """Return the person of the role's membership."""
    found: Membership = Membership.objects.get(user=shop.world.people[role])
    return found


def test_only_who_manages_members_limits_somebody_below_and_it_is_recorded(shop: Shop) -> None:
    admin, support = shop.world.actor("admin"), membership(shop, "support")
    for role in ("support", "viewer", "compliance"):
        with pytest.raises(Refused):
            set_team_scope(actor=shop.world.actor(role), membership_id=membership(shop, "viewer").pk, own_only=True)
    with pytest.raises(Refused):  # not oneself
        set_team_scope(actor=admin, membership_id=membership(shop, "admin").pk, own_only=True)
    for role in ("owner", "admin", "compliance"):
        with pytest.raises((Invalid, Refused)):
            set_team_scope(actor=shop.world.actor("owner"), membership_id=membership(shop, role).pk, own_only=True)
    with pytest.raises(NotFound):
        set_team_scope(actor=admin, membership_id=uuid4(), own_only=True)
    with tenant_scope(shop.world.globex.pk), pytest.raises(NotFound):
        set_team_scope(actor=shop.world.outsider("owner"), membership_id=support.pk, own_only=True)
    for _ in range(2):
        assert set_team_scope(actor=admin, membership_id=support.pk, own_only=True).own_teams_only
    entries = AuditEntry.objects.filter(action="TEAM_SCOPE_SET", object_id=support.pk)
    assert [(row.old_state, row.new_state) for row in entries] == [("all_teams", "own_teams")]
    assert [one.own_teams_only for one in memberships_of(support.user_id)] == [True]
    user = shop.world.people["support"]
    add_member(actor=OPERATOR, user=user, role="approver")
    assert actor_for_user(user).teams == frozenset()  # another role keeps the limit
    add_member(actor=OPERATOR, user=user, role="admin")
    assert actor_for_user(user).teams is None  # one that sees all ends it
    add_member(actor=OPERATOR, user=user, role="support")
    assert actor_for_user(user).teams is None


@pytest.mark.slow
def test_form_and_endpoint_limit_somebody_and_refuse_what_cannot_be(shop: Shop, client: Client) -> None:
    client.force_login(shop.world.people["admin"])
    support, owner = membership(shop, "support"), membership(shop, "compliance")
    page = f"/admin/accounts/membership/{support.pk}/"
    assert client.post(f"{page}teams/", {"own_teams_only": "yes"}).status_code == 302
    assert "Of their own teams" in client.get(page).content.decode()
    assert client.post(f"{page}teams/", {"own_teams_only": "perhaps"}).status_code == 400
    answer = client.post(f"/admin/accounts/membership/{owner.pk}/teams/", {"own_teams_only": "yes"})
    assert answer.status_code != 302
    url = "/api/v1/members/{}/team-scope/"
    plain = {"content_type": "application/json"}
    answer = client.post(url.format(support.pk), {"own_teams_only": False}, **plain)
    assert (answer.status_code, answer.json()["own_teams_only"]) == (200, False)
    assert client.post(url.format(owner.pk), {"own_teams_only": True}, **plain).status_code in (400, 403)
    assert client.post(url.format(support.pk), {"own_teams_only": "x"}, **plain).status_code == 400
    assert client.post(url.format(uuid4()), {"own_teams_only": True}, **plain).status_code == 404
    assert not Membership.objects.filter(own_teams_only=True).exists()


CHANGES: dict[str, Callable[[Actor, Desk], Any]] = {
    "take over": lambda actor, desk: states.take_over(actor=actor, conversation_id=desk.theirs.pk),
    "close": lambda actor, desk: services.close(actor=actor, conversation_id=desk.theirs.pk, resolved=True),
    "assign": lambda actor, desk: states.assign(
        actor=actor, conversation_id=desk.theirs.pk, user_id=actor.user_id or uuid4()
    ),
    "escalate": lambda actor, desk: states.escalate(actor=actor, conversation_id=desk.theirs.pk, reason="backup"),
    "move": lambda actor, desk: services.move_to_team(
        actor=replace(actor, permissions=actor.permissions | {"conversations.assign_conversation"}),
        conversation_id=desk.theirs.pk,
        team_id=desk.own.pk,
    ),
    "reply": lambda actor, desk: services.reply(
        actor=actor, conversation_id=desk.theirs.pk, draft=Draft(text="Hi", sender=Sender(type="person"))
    ),
    "note": lambda actor, desk: notes.add_note(actor=actor, conversation_id=desk.theirs.pk, text="Hi"),
    "draft": lambda actor, desk: drafts.save_draft(actor=actor, conversation_id=desk.theirs.pk, text="Hi"),
    "snooze": lambda actor, desk: services.snooze(
        actor=actor, conversation_id=desk.theirs.pk, until=now() + timedelta(hours=1)
    ),
    "priority": lambda actor, desk: services.set_priority(actor=actor, conversation_id=desk.theirs.pk, priority=4),
    "tag": lambda actor, desk: tags.change_tags(actor=actor, conversation_id=desk.theirs.pk),
    "view": lambda actor, desk: services.record_view(actor=actor, conversation_id=desk.theirs.pk),
    "variables": lambda actor, desk: canned_replies.fill_variables(
        actor=actor, conversation_id=desk.theirs.pk, text="{{ first_name }}", masked=True
    ),
    "notes": lambda actor, desk: query_notes(viewer=actor, conversation_id=desk.theirs.pk),
    "messages": lambda actor, desk: messages.list_messages(viewer=actor, conversation_id=desk.theirs.pk),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_they_do_not_see_they_cannot_touch(desk: Desk, change: str) -> None:
    entries = AuditEntry.objects.count()
    with pytest.raises(NotFound):
        CHANGES[change](desk.limited, desk)
    assert AuditEntry.objects.count() == entries
    states.assign(actor=desk.admin, conversation_id=desk.theirs.pk, user_id=desk.limited.user_id or uuid4())
    CHANGES[change](desk.limited, desk)  # theirs by hand


@pytest.mark.slow
def test_counts_lists_search_and_a_trial_hold_only_what_they_see(desk: Desk) -> None:
    nobodys = talk_in(desk.shop, None, 3)
    both, mine = {desk.mine.pk, desk.theirs.pk, nobodys.pk}, {desk.mine.pk}
    for viewer, seen in ((desk.admin, both), (desk.limited, mine)):
        for filters in ({"state": "person"}, {"needs_person": True}, {"q": "zebra"}):
            page = selectors.list_conversations(viewer=viewer, filters=selectors.ConversationFilters(**filters))
            assert {row.pk for row in page.rows} == seen, filters
        assert selectors.count_needing_person(viewer=viewer) == len(seen)
        assert counts.count_views(viewer=viewer)["waiting"] == len(seen)
        assert sum(day.messages for day in counts.count_by_day(viewer=viewer)) >= len(seen)
    assert set(waiting_by_team(viewer=desk.limited)) == {desk.own.pk}
    assert set(waiting_by_team(viewer=desk.admin)) == {desk.own.pk, desk.other.pk}
    assert sum(day.messages for day in counts.count_by_day(viewer=desk.limited)) == 1
    rule = TriageRule.objects.create(name="All", team=desk.other, position=0)
    manager = replace(desk.limited, permissions=desk.limited.permissions | {"conversations.manage_desk"})
    assert triage.try_rule(actor=manager, rule_id=rule.pk).looked_at == 1
    results = bulk.change_many(
        actor=desk.limited, conversation_ids=[desk.mine.pk, desk.theirs.pk, uuid4()], change="close",
        values={"resolved": True},
    )  # fmt: skip
    assert [row.code for row in results] == ["", "not_found", "not_found"]
    assert results[1].detail == results[2].detail


@pytest.mark.slow
def test_conversation_that_leaves_the_team_is_gone_with_an_answer_that_says_so(desk: Desk, client: Client) -> None:
    client.force_login(desk.shop.world.people["support"])
    page = f"/admin/conversations/conversation/{desk.mine.pk}/"
    assert client.get(page).status_code == 200
    answer = client.post(f"{page}team/", {"team": str(desk.other.pk)})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/inbox/")
    assert client.get(page).status_code == 404
    services.move_to_team(actor=desk.admin, conversation_id=desk.mine.pk, team_id=desk.own.pk)
    answer = client.post(
        f"/api/v1/conversations/{desk.mine.pk}/team/", {"team_id": str(desk.other.pk)}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()) == (200, {"id": str(desk.mine.pk)})
    assert client.get(f"/api/v1/conversations/{desk.mine.pk}/").status_code == 404


@pytest.mark.slow
def test_nobody_is_mentioned_where_they_see_nothing(desk: Desk) -> None:
    support = desk.shop.world.people["support"]
    for said in ({"text": "Look", "mentions": [support.pk]}, {"text": f"@{support.get_full_name()} look"}):
        with pytest.raises(Invalid) as caught:
            notes.add_note(actor=desk.admin, conversation_id=desk.theirs.pk, **said)
        assert "mentions" in caught.value.facts["fields"]
        notes.add_note(actor=desk.admin, conversation_id=desk.mine.pk, **said)


@pytest.mark.slow
def test_contact_page_links_only_to_what_they_see(desk: Desk, client: Client) -> None:
    contact = Contact.objects.get(pk=desk.mine.contact_id)
    client.force_login(desk.shop.world.people["support"])
    for page in (f"/admin/conversations/contact/{contact.pk}/", f"/admin/conversations/conversation/{desk.mine.pk}/"):
        text = client.get(page).content.decode()
        assert str(desk.theirs.pk) not in text
        assert str(desk.mine.pk) in text


@pytest.mark.slow
def test_limit_costs_one_query_for_the_limited_and_none_for_others(desk: Desk, client: Client) -> None:
    def queries(role: str, url: str) -> int:
        client.force_login(desk.shop.world.people[role])
        client.get(url)
        with CaptureQueriesContext(connection) as found:
            assert client.get(url).status_code == 200
        return len(found)

    for url in ("/admin/inbox/?view=open", "/api/v1/conversations/"):
        limited = queries("support", url)
        for number in range(20):
            talk_in(desk.shop, desk.own, 100 + number + len(url) * 100)
        assert queries("support", url) == limited
        set_team_scope(actor=desk.admin, membership_id=membership(desk.shop, "support").pk, own_only=False)
        assert queries("support", url) == limited - 1
        set_team_scope(actor=desk.admin, membership_id=membership(desk.shop, "support").pk, own_only=True)


@pytest.mark.slow
def test_limited_person_who_moved_a_conversation_away_is_where_they_were(desk: Desk, client: Client) -> None:
    client.force_login(desk.shop.world.people["support"])
    left = {
        "?view=waiting&from=inbox": "/admin/inbox/?view=waiting",
        "": "/admin/inbox/",
    }
    for number, (query, wanted) in enumerate(left.items()):
        talk = talk_in(desk.shop, desk.own, 900 + number)
        moved = client.post(f"/admin/conversations/conversation/{talk.pk}/team/{query}", {"team": str(desk.other.pk)})
        assert (moved.status_code, moved["Location"]) == (302, wanted)
        assert client.get(moved["Location"]).status_code == 200
