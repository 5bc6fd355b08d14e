"""People as directories push them in life: made, changed, switched off and on, recognised at their sign-in, erased."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.company.directory import endpoints
from accounts.models import ApiKey, DirectoryPerson, Identity, IdentityProvider, Membership, TokenFamily, User
from accounts.services import create_api_key
from accounts.sessions import company as sessions
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.company.directory.pushing import ENTERPRISE, USER, Pusher, connect_directory, rule
from tests.accounts.company.issuer import Issuer, arrive, connect, is_in
from tests.accounts.resets.resetting import person_of
from tests.accounts.tokens.devices import Device
from tests.console.test_sign_in import sign_in
from tests.world import World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def pusher(world: World) -> Pusher:
    """The directory of the first organisation."""
    return connect_directory(world)


def told(world: World, *actions: str) -> list[Any]:
    with tenant_scope(world.acme.pk):
        rows = AuditEntry.objects.filter(action__in=actions).order_by("seq")
        return [(row.action, row.facts) for row in rows]


def test_person_is_pushed_changed_and_switched_as_directories_do_it(world: World, pusher: Pusher) -> None:
    more = {"schemas": [USER, ENTERPRISE], ENTERPRISE: {"department": "Sales"}, "title": "Boss"}
    name = {"givenName": "Ana", "familyName": "García"}
    made = pusher.push("ana", name=name, **more)
    key, member = made["id"], pusher.member(made["id"])
    assert (made["active"], made["meta"]["location"].endswith(f"/scim/v2/Users/{key}"), "title" in made) == (
        True,
        True,
        False,
    )
    assert (member.user.get_full_name(), member.user.company_address) == ("Ana García", "ana@acme.example")
    assert (member.role, member.user.has_usable_password()) == ("viewer", False)

    added = {"op": "Add", "path": 'emails[type eq "work"].value', "value": "ana.g@acme.example"}
    renamed = {"op": "Replace", "value": {"name.familyName": "Gómez", f"{ENTERPRISE}:department": "IT"}}
    answer = pusher.change(f"Users/{key}", added, renamed)
    assert (answer.status_code, answer.json()["emails"]) == (200, [{"value": "ana.g@acme.example", "type": "work"}])
    user = User.objects.get(pk=member.user_id)
    assert (user.last_name, user.company_address) == ("Gómez", "ana.g@acme.example")

    assert pusher.switch(key, is_on=False).json()["active"] is False
    assert not pusher.member(key).is_active
    whole = {**answer.json(), "displayName": "Ana", "active": "True"}
    again = pusher.ask("PUT", f"Users/{key}", whole)
    assert (again.status_code, again.json()["active"], again.json()["displayName"]) == (200, True, "Ana")
    assert pusher.member(key).is_active
    without = {name: value for name, value in whole.items() if name != "active"}
    pusher.switch(key, is_on=False)
    assert pusher.ask("PUT", f"Users/{key}", without).json()["active"] is False  # not said is as it was

    assert pusher.ask("DELETE", f"Users/{key}").status_code == 204
    assert (pusher.ask("GET", f"Users/{key}").status_code, User.objects.filter(pk=member.user_id).count()) == (404, 1)
    back = pusher.push("ana.gomez", externalId="id-ana", emails=[{"value": "ana.g@acme.example"}])
    assert (back["id"], pusher.member(key).user_id, pusher.member(key).is_active) == (key, member.user_id, True)
    actions = ("DIRECTORY_PERSON_ADDED", "DIRECTORY_PERSON_CHANGED", "DIRECTORY_PERSON_REMOVED", "MEMBER_REMOVED")
    assert [action for action, _ in told(world, *actions)].count("MEMBER_REMOVED") == 2
    assert told(world, "DIRECTORY_PERSON_CHANGED")[0][1] == {"fields": ["emails", "name"]}


def test_switching_off_ends_all_that_let_somebody_in(world: World, pusher: Pusher) -> None:
    person, browser, device = person_of(world, "support"), Client(), Device()
    sign_in(browser, person)
    device.sign_in(person)
    with tenant_scope(world.acme.pk):
        scopes = ["conversations.view_conversation"]
        _, secret = create_api_key(actor=world.actor("owner"), user=world.people["owner"], name="o", scopes=scopes)
        ApiKey.objects.update(user=person)
    headers = {"Authorization": f"Bearer {secret}"}
    assert Client().get("/api/v1/conversations/", headers=headers).status_code == 200
    key = pusher.push("support")["id"]
    assert (pusher.member(key).user_id, person.first_name) == (person.pk, "Support")  # their own account, as it was
    assert (is_in(browser), device.is_in()) == (True, True)
    assert pusher.switch(key, is_on=False).status_code == 200
    ended = Client().get("/api/v1/conversations/", headers=headers).status_code
    assert (is_in(browser), device.is_in(), ended) == (False, False, 401)
    with tenant_scope(world.acme.pk):
        assert not ApiKey.objects.filter(revoked_at=None).exists()
        assert set(TokenFamily.objects.values_list("ended_why", flat=True)) == {"left"}
    pusher.switch(key, is_on=True)
    assert pusher.member(key).role == "support"
    ended = Client().get("/api/v1/conversations/", headers=headers).status_code
    assert (device.is_in(), ended) == (False, 401)  # they sign in again


def test_the_same_again_writes_nothing(world: World, pusher: Pusher) -> None:
    name = {"givenName": "Ana"}
    made = [pusher.push(f"p{number}", name=name, emails=[{"value": "x@acme.example"}]) for number in range(3)]
    group = pusher.group("all", *(one["id"] for one in made))
    pusher.settle()
    with CaptureQueriesContext(
        connection,
    ) as ran:
        for one in made:
            assert pusher.ask("PUT", f"Users/{one['id']}", one).status_code == 200
            assert pusher.switch(one["id"], is_on=True).status_code == 200
            assert pusher.ask("POST", "Users", {**one, "id": None}).status_code == 409
        members = [{"value": one["id"]} for one in reversed(made)]
        same = {"op": "add", "path": "members", "value": members}
        assert pusher.change(f"Groups/{group}", same).status_code == 200
        assert pusher.ask("PUT", f"Groups/{group}", {"displayName": "all", "members": members}).status_code == 200
        pusher.settle()
    assert [row["sql"] for row in ran if row["sql"].split()[0].upper() in ("INSERT", "UPDATE", "DELETE")] == []


def test_filters_pages_and_shapes(world: World, pusher: Pusher, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [pusher.push(name, displayName=name.title())["id"] for name in ("ana", "ben", "cy")]
    group = pusher.group("Agents", ids[0])

    def found(path: str) -> list[str]:
        answer = pusher.ask("GET", path)
        assert answer.status_code == 200, answer.content
        return [one["id"] for one in answer.json()["Resources"]]

    assert found('Users?filter=userName eq "ANA@acme.example"') == [ids[0]]
    assert found('Users?filter=externalId eq "id-ben"') == [ids[1]]
    assert found('Users?filter=externalId eq "ID-BEN"') == []
    assert found('Users?filter=displayName sw "c" and active eq true') == [ids[2]]
    assert found('Groups?filter=displayName eq "agents"') == [group]
    for shape in ("", "&excludedAttributes=members"):
        assert found(f'Groups?filter=members.value eq "{ids[0]}"{shape}') == [group]
    assert (found("Users?startIndex=2&count=1"), found("Users?startIndex=9")) == ([ids[1]], [])
    listed = pusher.ask("GET", "Users?count=0").json()
    assert (listed["totalResults"], listed["itemsPerPage"], listed["Resources"]) == (3, 0, [])
    shown = pusher.ask("GET", f"Groups/{group}?excludedAttributes=members").json()
    assert (shown["displayName"], "members" in shown) == ("Agents", False)
    monkeypatch.setattr(endpoints, "MOST_PLACES", 0)
    assert pusher.ask("GET", "Groups").json()["scimType"] == "tooMany"
    assert found("Groups?excludedAttributes=members") == [group]
    monkeypatch.undo()
    assert pusher.ask("GET", f"Users/{ids[0]}").json()["groups"][0]["display"] == "Agents"

    tag = pusher.ask("GET", f"Users/{ids[0]}").headers["ETag"]
    assert pusher.ask("GET", f"Users/{ids[0]}", If_None_Match=tag).status_code == 304
    renamed = {"op": "replace", "path": "displayName", "value": "Anna"}
    assert pusher.change(f"Users/{ids[0]}", renamed, If_Match=tag).status_code == 200
    assert pusher.change(f"Users/{ids[0]}", renamed, If_Match=tag).status_code == 412
    for seen in (tag, "W/unreadable"):
        assert pusher.ask("DELETE", f"Users/{ids[0]}", If_Match=seen).status_code == 412
    for place in ("ServiceProviderConfig", "Schemas", "ResourceTypes", f"Schemas/{USER}", "ResourceTypes/Group"):
        answer = pusher.ask("GET", place)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/scim+json"), place


def test_pushed_person_is_recognised_at_the_sign_in_and_follows_the_directory_alone(
    world: World,
    issuer: Issuer,
) -> None:
    rules = (rule("agents", "support"), rule("leads", "admin"))
    connect(world, issuer, rules=rules)  # people need an invitation
    pusher, browser = connect_directory(world, claim="oid"), Client()
    key = pusher.push("ana")["id"]
    pusher.group("agents", key)
    pusher.settle()
    assert arrive(issuer, Client(), "s-9", oid="id-nobody", email="ana@acme.example").status_code == 403
    arrive(issuer, browser, "s-1", oid="id-ana", groups=["leads"])
    assert (is_in(browser), pusher.member(key).role) == (True, "support")
    assert arrive(issuer, Client(), "s-2", oid="id-ana").status_code == 403  # one subject each
    with CaptureQueriesContext(connection) as ran:
        pusher.switch(key, is_on=False)
    tables = [table for row in ran for table in re.findall(r'(?:FROM|UPDATE) "(accounts_\w+)"', row["sql"])]
    # The provider, which signs them out at the same moment, goes the same way.
    assert tables.index("accounts_companysession") < tables.index("accounts_browsersession")
    assert (is_in(browser), arrive(issuer, Client(), "s-1", oid="id-ana").status_code) == (False, 403)

    with tenant_scope(world.acme.pk):
        identity = Identity.objects.get(user_id=pusher.member(key).user_id)
        waiting = sessions.waiting_for(identity, IdentityProvider.objects.get(), "")
    assert not sessions.begin(Client().session, waiting, identity.user_id)  # as if they had come in meanwhile

    other = pusher.push("ben")["id"]  # of whom the directory pushes no group
    arrive(issuer, Client(), "s-4", oid="id-ben", groups=["leads"])
    pusher.settle()
    assert pusher.member(other).role == "admin"

    # Somebody who signed in before the directory was connected, and has another address there.
    first = pusher.member(pusher.push("dora")["id"])
    arrive(issuer, Client(), "s-5", oid="id-dora")
    with tenant_scope(world.acme.pk):
        DirectoryPerson.objects.filter(user_id=first.user_id).delete()
    again = pusher.push("dora", userName="d.smith@acme.example")["id"]
    unused = pusher.member(again)
    assert unused.user_id != first.user_id
    browser = Client()
    arrive(issuer, browser, "s-5", oid="id-dora")
    assert (is_in(browser), pusher.member(again).user_id) == (True, first.user_id)
    with tenant_scope(world.acme.pk):
        assert not Membership.objects.get(pk=unused.pk).is_active
    pusher.switch(again, is_on=False)
    assert not is_in(browser)
    with tenant_scope(world.acme.pk):
        DirectoryPerson.objects.filter(pk=again).delete()
    by_sub = connect_directory(world, claim="sub")
    known = by_sub.member(by_sub.push("d.smith", externalId="s-5")["id"])
    assert (known.user_id, known.is_active) == (first.user_id, True)
    pusher = connect_directory(world, claim="oid")

    mine = pusher.push("viewer")["id"]
    assert arrive(issuer, Client(), "s-3", oid="id-viewer").status_code == 403  # a password is theirs alone
    with tenant_scope(world.acme.pk):
        assert not Identity.objects.filter(user=pusher.member(mine).user_id).exists()


def test_address_of_a_former_member_opens_nothing_of_theirs(world: World, pusher: Pusher) -> None:
    former = world.people["support"]
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=former).update(is_active=False)
    new = pusher.member(pusher.push("support")["id"])
    assert (new.user_id == former.pk, new.user.company_address) == (False, "support@acme.example")
    with tenant_scope(world.acme.pk):
        assert DirectoryPerson.objects.get().user_id == new.user_id
