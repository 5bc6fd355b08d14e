"""Every URL and every topic, asked by somebody who sees only conversations of their own teams, about another team's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Final

import pytest
from django.test import Client

from accounts.members.own_roles import RoleSettings, create_role
from accounts.models import Membership
from accounts.permissions.roles import missing_beside
from accounts.permissions.team_scope import ALLOWED
from accounts.services import add_member
from agents.models import ToolCall
from conversations.inbox.selectors import counts
from conversations.models import Conversation, Draft, Message, Note, SuggestedReply, Survey, Team, TeamMember
from core.errors import Refused
from core.tenancy.scope import tenant_scope
from tests.channels_app.conftest import dial
from tests.security.conftest import Visitor, token_of
from tests.security.rows import Watched
from tests.security.test_every_url import URLS, Signed, asked
from tests.security.town import Town, build_town
from tests.world import OPERATOR, World, build_world, kept_for_the_module

pytestmark = pytest.mark.slow

__all__ = ["dial"]  # a fixture
HIDDEN: Final = "Okapi"
"""A word that stands only in what belongs to the conversation of the other team."""
ROLES: Final = ("support", "approver", "viewer")
# Ids in routes that lead to a conversation, or to a row of one.
ABOUT: Final = (
    "conversation_id", "suggestion_id", "survey_id", "run_id", "call_id", "attachment_id", "note_id",
)  # fmt: skip
PAGES: Final = (
    "admin:conversations_conversation_", "admin:conversations_suggestedreply_", "admin:conversations_survey_",
    "admin:agents_agentrun_",
)  # fmt: skip
ROWS_OF_TALKS: Final = frozenset(
    f"conversations_{name}"
    for name in "conversation message note noteversion draft suggestedreply survey conversationtag attachment".split()
)


def hide(town: Town) -> Team:
    """Put all conversations of the town into a team, where nobody limited is; return that team."""
    with tenant_scope(town.world.acme.pk):
        other = Team.objects.create(name="Other team")
        Conversation.objects.update(team=other, assigned_to=None)
        for model in (Message, Note, SuggestedReply):
            model.objects.update(masked_body=f"{HIDDEN} asked")
        Survey.objects.update(masked_comment=f"{HIDDEN} said")
        ToolCall.objects.update(result={"text": f"{HIDDEN} found"})
        for role in ROLES:
            Membership.objects.filter(user=town.world.people[role]).update(own_teams_only=True)
            own = Team.objects.create(name=f"Team of {role}")
            TeamMember.objects.create(team=own, user=town.world.people[role])
            Draft.objects.update_or_create(
                conversation_id=town.ids["conversations.conversation"],
                writer=town.world.people[role],
                defaults={"body": f"{HIDDEN} draft"},
            )
        return other


def join(town: Town, team: Team, role: str) -> None:
    """Let a person into the team of the conversations."""
    with tenant_scope(town.world.acme.pk):
        TeamMember.objects.create(team=team, user=town.world.people[role])


VIEW: Final = "conversations.view_conversation"
WORN: Final = {
    "teams": ALLOWED["teams"],
    "assigned": ALLOWED["assigned"],
    # Sees all, and may see no conversation: all but what can't be used without.
    "all": frozenset(one for one in ALLOWED["all"] if VIEW not in (one, *missing_beside([one]))),
}
"""The most that a role of one's own may have, by whose conversations it sees."""


def wear(town: Town, sees: str) -> None:
    """Give the person of support a role of its own with all that it may have."""
    with tenant_scope(town.world.acme.pk):
        settings = RoleSettings(f"Sees {sees}", WORN[sees], sees=sees)
        role = create_role(actor=town.world.actor("owner"), settings=settings)
        add_member(actor=OPERATOR, user=town.world.people["support"], role=role.key)


def _palette(client: Client, _: Town) -> str:
    said = {"words": HIDDEN, "csrfmiddlewaretoken": token_of(client)}
    return client.post("/admin/go/", said, headers={"Accept": "application/json"}).content.decode()


def _search(client: Client, _: Town) -> str:
    said = {"words": HIDDEN, "csrfmiddlewaretoken": token_of(client)}
    found: Any = client.post("/admin/conversations/conversation/search/?view=open", said)
    return client.get(found.url).content.decode() if found.status_code == 302 else ""


def _counted(client: Client, town: Town) -> str:
    with tenant_scope(town.world.acme.pk):
        try:
            days = counts.count_by_day(viewer=town.world.actor("support"))
        except Refused:
            return ""
    return str(town.ids["conversations.conversation"]) if any(day.messages for day in days) else ""


FACES: Final[Mapping[str, Callable[[Client, Town], str]]] = {
    "the inbox": lambda client, _: client.get("/admin/inbox/?view=open").content.decode(),
    "the palette": _palette,
    "the search": _search,
    "the counts": _counted,
    "the API": lambda client, _: client.get("/api/v1/conversations/").content.decode(),
    "its search": lambda client, _: client.get("/api/v1/conversations/", {"q": HIDDEN}).content.decode(),
}
"""What tells of conversations without being asked for one: each says its id."""
TELLING: Final = (
    "admin:conversations_conversation_change",
    "admin:conversations_suggestedreply_changelist", "admin:conversations_survey_changelist",
    "admin:hitl_approval_change",
    "api-conversations-list", "api-messages-list", "api-conversation-notes-list", "api-surveys-list",
    "api-surveys-detail", "api-suggested-replies-list", "api-tool-calls-list",
)  # fmt: skip


def told_by(client: Signed, town: Town) -> set[str]:
    """Return the faces that tell of the conversation."""
    key = str(town.ids["conversations.conversation"])
    found = {name: face(client.fresh(), town) for name, face in FACES.items()}
    return {name for name, text in found.items() if key in text}


def routes_about_a_conversation() -> list[str]:
    """Return the URLs that name a conversation, or something in one."""
    return [
        name
        for name, route in URLS.items()
        if name != "widget_file"  # the customer's
        and (any(f"<uuid:{key}>" in route for key in ABOUT) or (name.startswith(PAGES) and "object_id" in route))
    ]


@pytest.fixture(scope="module")
def town_of_the_module(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[Town, Team]]:
    with kept_for_the_module(django_db_blocker):
        town = build_town(build_world())
        yield town, hide(town)


@pytest.fixture
def hidden(town_of_the_module: tuple[Town, Team], db: None) -> tuple[Town, Team]:
    return deepcopy(town_of_the_module)


@pytest.fixture
def world(hidden: tuple[Town, Team]) -> World:
    return hidden[0].world


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["support", *(pytest.param(one, marks=pytest.mark.slow) for one in ROLES[1:])])
def test_no_page_and_no_endpoint_tells_of_another_teams_conversation(
    hidden: tuple[Town, Team], visitor: Visitor, role: str
) -> None:
    town, _ = hidden
    client = Signed(visitor, role)
    found = {name: asked(client.fresh(), town, name) for name in URLS}
    assert {name for name, (_, text) in found.items() if HIDDEN in text} == set()
    about = routes_about_a_conversation()
    assert len(about) > 50
    # Absent is 404; without the right at all 403, and what is only posted 405.
    statuses = {name: found[name][0].status_code for name in about}
    assert {name: status for name, status in statuses.items() if status not in (403, 404, 405)} == {}


@pytest.mark.django_db
def test_no_form_and_no_endpoint_changes_another_teams_conversation(
    hidden: tuple[Town, Team], visitor: Visitor
) -> None:
    town, _ = hidden
    client, answers, touched = Signed(visitor, "support"), {}, {}
    with tenant_scope(town.world.acme.pk):
        rows = Watched()
    for name in URLS:
        answers[name] = asked(client.fresh(), town, name, "post")
        with tenant_scope(town.world.acme.pk):
            touched[name] = rows.changed() & ROWS_OF_TALKS
    assert {name: tables for name, tables in touched.items() if tables} == {}
    assert {name for name, (_, text) in answers.items() if HIDDEN in text} == set()


@pytest.mark.django_db
def test_the_same_person_sees_and_changes_it_once_they_are_in_the_team(
    hidden: tuple[Town, Team], visitor: Visitor
) -> None:
    town, other = hidden
    join(town, other, "support")
    client = Signed(visitor, "support")
    assert [name for name in TELLING if HIDDEN not in asked(client.fresh(), town, name)[1]] == []
    assert HIDDEN in client.fresh().get("/admin/inbox/?view=open").content.decode()
    assert asked(client.fresh(), town, "admin:conversations_conversation_take_over", "post")[0].status_code == 302


@pytest.mark.django_db
@pytest.mark.parametrize("sees", WORN)
def test_no_face_tells_an_own_role_more_than_it_sees(hidden: tuple[Town, Team], visitor: Visitor, sees: str) -> None:
    town, other = hidden
    wear(town, sees)
    if sees == "assigned":  # in the team, whose work they get, and see none of it
        join(town, other, "support")
    client = Signed(visitor, "support")
    found = {name: asked(client.fresh(), town, name) for name in URLS}
    assert {name for name, (_, text) in found.items() if HIDDEN in text} == set()
    statuses = {name: found[name][0].status_code for name in routes_about_a_conversation()}
    assert {name: status for name, status in statuses.items() if status not in (403, 404, 405)} == {}
    assert told_by(client, town) == set()
    if sees == "all":
        return
    with tenant_scope(town.world.acme.pk):
        Conversation.objects.update(assigned_to=town.world.people["support"], state=Conversation.State.PERSON)
    assert [name for name in TELLING if HIDDEN not in asked(client.fresh(), town, name)[1]] == []
    assert told_by(client, town) == set(FACES)
