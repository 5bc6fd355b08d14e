"""Every page, endpoint and frame by every role: those with its permission come in, and nobody else."""

import os
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from accounts.models import Membership
from channels_app.sockets import console_topics
from conversations.models import Conversation
from core.errors import NotFound, Refused
from core.tenancy.scope import tenant_scope
from tests.accounts.resets.resetting import person_of
from tests.accounts.tokens.devices import Device
from tests.security.conftest import Visitor, token_of
from tests.security.expectations import EXPECTED
from tests.security.permissions import (
    EVERYBODYS,
    MAY,
    TABLE,
    add_people,
    by_itself,
    declared,
    lacks,
    needs,
    write_table,
)
from tests.security.test_every_frame import topic_in
from tests.security.test_every_url import URLS, Signed, asked, watched
from tests.security.town import SECRETS, Town, build_town
from tests.security.urls import path_of
from tests.world import World, build_world, kept_for_the_module

pytestmark = pytest.mark.django_db
DOORS = [(name, method, needed) for (name, method), needed in needs().items() if not name.startswith("topic:")]
TOPICS = [(name, method, needed) for (name, method), needed in needs().items() if name.startswith("topic:")]
SIGNING_IN = ("api-auth-", "api-registration-")
REFUSALS = {"core_auditentry", "core_audithead", "core_refusalcount", "accounts_notice", "core_outbox"}
"""Refused moves on approvals are noted in the audit log, and a run of them alerts compliance."""
ITS_OWN = ("admin:conversations_team_chat", "api-team-messages-list", "api-stream")
"""Of a team, whose people read them; and of a stream, which needs what its topic does."""
FIGURES = "analytics.view_team_figures"
"""Of the teams that somebody leads, and nobody here leads one."""


@pytest.fixture(scope="module")
def town_of_the_module(django_db_setup: None, django_db_blocker: Any) -> Iterator[Town]:
    with kept_for_the_module(django_db_blocker):
        world = build_world()
        add_people(world)
        town = build_town(world)
        with tenant_scope(world.acme.pk):
            rows = Conversation.objects.filter(pk=town.ids["conversations.conversation"])
            rows.update(state="person", assigned_to=world.people["desk"], team=None)
        yield town


@pytest.fixture
def town(town_of_the_module: Town, db: None) -> Town:
    return deepcopy(town_of_the_module)


@pytest.fixture
def world(town: Town) -> World:
    return town.world


@pytest.fixture(autouse=True)
def _no_limits(settings: Any) -> None:
    settings.API_REQUESTS_PER_MINUTE = settings.TENANT_REQUESTS_PER_MINUTE = 10**6


def knock(client: Any, town: Town, name: str, method: str) -> int:
    """Ask for a door with the first tenant's ids, never for want of a CSRF token; return the status."""
    if method in ("get", "post"):
        answer, text = asked(client, town, name, method)
    else:
        headers, path = {"X-CSRFToken": token_of(client)}, path_of(name, URLS[name], town)
        answer = getattr(client, method)(path, {}, content_type="application/json", headers=headers)
        text = answer.content.decode()
    assert "csrf_failed" not in text, (name, method)
    status: int = answer.status_code
    return status


def test_table_has_what_the_product_declares_and_every_page_and_endpoint() -> None:
    told = {
        door: needed
        for door, needed in declared().items()
        if door[0].startswith(("admin:", "api-", "topic:")) and not door[0].startswith(SIGNING_IN)
    }
    if os.environ.get("WALKER_WRITE_PERMISSIONS"):
        write_table(told)
    table = {door: needed for door, needed in needs().items() if door not in by_itself()}
    differ = {door: (table.get(door), told.get(door)) for door in table.keys() | told.keys()}
    say = f"Deliberate? WALKER_WRITE_PERMISSIONS=1 writes {TABLE.name} again."
    assert {door: pair for door, pair in differ.items() if pair[0] != pair[1]} == {}, say
    without = {name for name, row in EXPECTED.items() if name.startswith(("admin:", "api")) and row.get.stranger >= 300}
    without -= {name for name, _, _ in DOORS} | {"admin:logout", "admin:jsi18n", "api_nowhere"}
    without -= {name for name, row in EXPECTED.items() if row.get.owner == 403}  # no role's: the operators'
    # Forms that are with the documents now.
    without -= {f"admin:agents_collection_{name}" for name in ("try", "write", "upload")}
    assert {name for name in without if not name.startswith(SIGNING_IN)} == set()
    assert {name for name, _, _ in DOORS} <= set(EXPECTED)
    assert {needed for _, _, needed in (*DOORS, *TOPICS)} - {"-"} <= MAY["owner"]


SHUT_OUT = [who for who in MAY if who not in ("owner", "nobody")]


@pytest.mark.parametrize(
    ("who", "most"),
    # In the check one request a door, by those who may least.
    [("desk", "once"), *(pytest.param(who, "every method", marks=pytest.mark.slow) for who in SHUT_OUT)],
)
def test_door_is_shut_to_those_without_its_permission_and_nothing_changes(
    town: Town, visitor: Visitor, who: str, most: str
) -> None:
    client, rows = Signed(visitor, who), watched(town)
    shut = [(name, method) for name, method, needed in DOORS if lacks(who, needed)]
    shut = list(dict(shut).items()) if most == "once" else shut
    found = {f"{method} {name}": knock(client.fresh(), town, name, method) for name, method in shut}
    # What is looked for first isn't there for a role that doesn't see it.
    absent = {f"{method} {name}" for name, method in by_itself()}
    assert {
        door: status for door, status in found.items() if status != 403 and (door not in absent or status != 404)
    } == {}
    assert len(found) > 40
    with tenant_scope(town.world.acme.pk):
        assert rows.changed() <= REFUSALS


@pytest.mark.slow
@pytest.mark.parametrize("who", [who for who in MAY if who != "nobody"])
def test_door_opens_to_those_with_its_permission(town: Town, visitor: Visitor, who: str) -> None:
    client, led = Signed(visitor, who), "analytics.view_figures" in MAY[who]
    opened = [name for name, method, needed in DOORS if method == "get" and not lacks(who, needed)]
    found = {name: knock(client.fresh(), town, name, "get") for name in opened}
    shut = {name for name, status in found.items() if status == 403 and EXPECTED[name].get.owner != 403}
    by_more = {name for name, _, needed in DOORS if needed == FIGURES and not led} | set(ITS_OWN)
    assert {name for name in shut if not is_page_shut(who, name)} <= by_more
    assert {name: status for name, status in found.items() if status >= 500} == {}
    # Whose conversations they see is the role's to say as well: it is assigned to one of them, and of no team.
    talk = found["admin:conversations_conversation_change"], found["api-conversations-detail"]
    assert talk == ((404, 404) if who == "night" else (200, 200))


def is_page_shut(who: str, name: str) -> bool:
    """Return True for an action of a row whose page is shut to somebody: a row's form opens with its page alone."""
    pages = [page for page in EXPECTED if page.endswith("_change") and name.startswith(page.removesuffix("change"))]
    return bool(pages) and lacks(who, needs().get((max(pages, key=len), "get"), EVERYBODYS))


@pytest.mark.slow
def test_member_of_nothing_is_told_and_changes_nothing(town: Town, visitor: Visitor) -> None:
    client, rows, wrong = Signed(visitor, "nobody"), watched(town), {}
    for name, method, _ in DOORS:
        if method not in ("get", "post"):
            status, text = knock(client.fresh(), town, name, method), ""
        else:
            answer, text = asked(client.fresh(), town, name, method)
            status = answer.status_code
        if status not in (302, 401, 403) or any(secret in text for secret in SECRETS):
            wrong[f"{method} {name}"] = status
    assert wrong == {}
    with tenant_scope(town.world.acme.pk):
        assert rows.changed() == set()


@pytest.mark.slow
def test_right_that_is_lost_between_two_requests_shuts_its_doors_in_the_same_session_and_device(
    town: Town, visitor: Visitor
) -> None:
    person, device = person_of(town.world, "admin"), Device()
    assert device.sign_in(person).status_code == 200
    client = visitor("admin")
    shut = [(name, method) for name, method, needed in DOORS if lacks("viewer", needed) and not lacks("admin", needed)]
    assert knock(client, town, "admin:core_auditentry_changelist", "get") == device.get("audit/").status_code == 200
    with tenant_scope(town.world.acme.pk):
        Membership.objects.filter(user=person).update(role="viewer")
    found = {f"{method} {name}": knock(client, town, name, method) for name, method in shut}
    for name, method in shut:
        if name.startswith("api-"):
            path = path_of(name, URLS[name], town)
            answer = device.client.generic(
                method.upper(), path, "{}", content_type="application/json", headers=device.headers()
            )
            found[f"{method} {name} by token"] = answer.status_code
    assert {door: status for door, status in found.items() if status != 403} == {}
    assert (knock(client, town, "admin:index", "get"), device.is_in()) == (200, True)


def test_topic_is_refused_without_its_permission(town: Town) -> None:
    def refusal(who: str, name: str, method: str) -> str:
        """Return the code with which a frame of somebody is refused, "" if it isn't."""
        person = town.world.people[who].pk
        topic = console_topics.parse_topic(topic_in(town, name.removeprefix("topic:")), person=person)
        try:
            if method == "subscribe":
                console_topics.heads(person, topic)
            else:
                console_topics.writer(person, town.ids["conversations.conversation"])
        except Refused as problem:
            return problem.code
        except NotFound:
            pass  # another team's
        return ""

    with tenant_scope(town.world.acme.pk):
        found = {(who, *topic): refusal(who, *topic[:2]) for who in MAY for topic in TOPICS}
    shut = {asked for asked, code in found.items() if code in ("not_allowed", "no_membership")}
    assert shut == {(who, *topic) for who in MAY for topic in TOPICS if lacks(who, topic[2])}
