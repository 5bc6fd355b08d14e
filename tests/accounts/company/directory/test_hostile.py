"""What a directory may not do, and what is no request of a directory."""

import re
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from accounts.company.directory import people, places, tokens, views
from accounts.models import Directory, DirectoryGroup, DirectoryPerson, IdentityProvider, Membership
from accounts.services import change_role, remove_member
from conversations.models import Team, TeamMember
from core.actors import system
from core.errors import Conflict, NotFound, Refused
from core.tenancy.scope import tenant_scope
from tests.accounts.company.directory.pushing import Pusher, connect_directory, rule
from tests.rows import check_rows
from tests.world import World, prove

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LIST = "/admin/accounts/identityprovider/"


def test_groups_give_roles_and_teams_and_never_owner(world: World) -> None:
    with tenant_scope(world.acme.pk):
        billing = Team.objects.create(name="Billing")
    rules = (rule("agents", "support", billing.pk), rule("leads", "admin"), rule("owner", "owner"))
    pusher = connect_directory(world, rules=rules)
    ana, boss, chief = (pusher.push(name)["id"] for name in ("ana", "owner", "admin"))
    pusher.settle()
    agents, leads = pusher.group("agents", ana), pusher.group("leads", boss)
    pusher.group("owner", ana)
    pusher.settle()

    def standing(key: str) -> tuple[str, int]:
        with tenant_scope(world.acme.pk):
            return pusher.member(key).role, TeamMember.objects.filter(user=pusher.member(key).user_id).count()

    assert (standing(ana), standing(boss)) == (("support", 1), ("owner", 0))
    assert standing(chief) == ("admin", 0)  # no group of theirs was pushed yet
    pusher.change(f"Groups/{agents}", {"op": "Add", "path": "members", "value": [{"value": chief}]})
    pusher.settle()
    assert standing(chief) == ("support", 1)
    # As Entra writes it.
    pusher.change(f"Groups/{agents}", {"op": "Remove", "path": "members", "value": [{"$ref": None, "value": ana}]})
    pusher.change(f"Groups/{leads}", {"op": "Add", "path": "members", "value": [{"value": ana}]})
    pusher.settle()
    assert standing(ana) == ("admin", 0)
    pusher.change(f"Groups/{leads}", {"op": "replace", "value": {"id": leads, "displayName": "agents"}})  # as Okta does
    pusher.settle()
    assert standing(ana) == ("support", 1)
    pusher.change(f"Groups/{leads}", {"op": "remove", "path": f'members[value eq "{ana}"]'})
    pusher.settle()
    assert standing(ana) == ("viewer", 0)
    pusher.change(f"Groups/{leads}", {"op": "add", "value": {"members": [{"value": ana}]}})
    pusher.settle()
    assert standing(ana) == ("support", 1)
    assert pusher.ask("DELETE", f"Groups/{leads}").status_code == 204
    pusher.settle()
    assert (standing(ana), pusher.ask("GET", f"Groups/{leads}").status_code) == (("viewer", 0), 404)


def test_owners_are_kept_in(world: World) -> None:
    pusher = connect_directory(world)
    maker, (other, _) = pusher.push("owner")["id"], world.another("owner")
    for answer in (pusher.switch(maker, is_on=False), pusher.ask("DELETE", f"Users/{maker}")):
        assert (answer.status_code, answer.json()["detail"].startswith("This person made")) == (403, True)
    key = pusher.push("other", userName=other.email)["id"]
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=other).update(sign_in=Membership.SignIn.FACTOR)
    answer = pusher.switch(key, is_on=False)
    assert (answer.status_code, "emergency owner" in answer.json()["detail"]) == (409, True)
    with tenant_scope(world.acme.pk):
        Membership.objects.filter(user=other).update(sign_in=Membership.SignIn.ANY)
    assert pusher.switch(key, is_on=False).status_code == 200
    assert (pusher.switch(key, is_on=True).status_code, pusher.member(key).role) == (200, "viewer")

    with tenant_scope(world.acme.pk):  # a token of somebody who is no owner and may all the same
        Directory.objects.update(made_by=world.people["admin"])
        row = Directory.objects.select_related("provider").get()
        with pytest.raises(Conflict, match="last owner"):
            people.remove_person(actor=system("tests"), directory=row, person_id=UUID(maker))


def test_token_ends_with_the_rights_of_who_made_it(world: World) -> None:
    pusher = connect_directory(world)
    assert pusher.ask("GET", "Users").status_code == 200
    _, other = world.another("owner")
    with tenant_scope(world.acme.pk):
        change_role(actor=system("tests"), user=world.people["owner"], role="admin")
    assert pusher.ask("GET", "Users").status_code == 401
    with tenant_scope(world.acme.pk):
        change_role(actor=system("tests"), user=world.people["owner"], role="owner")
        assert pusher.ask("GET", "Users").status_code == 200
        membership = Membership.objects.get(user=world.people["owner"])
        remove_member(actor=other, membership_id=membership.pk)
    answer = pusher.ask("GET", "Users")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "Ask an owner to make a new token" in answer.json()["detail"]


def test_another_organisations_directory_finds_and_changes_nothing(world: World) -> None:
    ours, theirs = connect_directory(world), connect_directory(world, tenant=world.globex)
    key = ours.push("ana")["id"]
    group = ours.group("agents", key)
    for path in (f"Users/{key}", f"Groups/{group}"):
        whole = {"userName": "x@globex.example", "displayName": "x"}
        asked = [theirs.ask("GET", path), theirs.ask("PUT", path, whole), theirs.ask("DELETE", path)]
        asked.append(theirs.change(path, {"op": "replace", "path": "displayName", "value": "x"}))
        assert {answer.status_code for answer in asked} == {404}
    refused = theirs.ask("POST", "Groups", {"displayName": "x", "members": [{"value": key}]})
    assert (refused.status_code, refused.json()["scimType"]) == (400, "invalidValue")
    assert theirs.ask("GET", 'Users?filter=userName eq "ana@acme.example"').json()["totalResults"] == 0
    # The same address elsewhere is somebody else.
    mine = theirs.ask("POST", "Users", {"userName": "owner@acme.example", "active": True}).json()["id"]
    assert theirs.member(mine).user_id != world.people["owner"].pk
    with tenant_scope(world.acme.pk):
        assert (str(DirectoryPerson.objects.get().pk), DirectoryGroup.objects.count()) == (key, 1)
    # Nor does a long push of the one keep the other waiting.
    for pusher, name in ((ours, "ben"), (ours, "cy"), (theirs, "dan")):
        pusher.push(name)
    acme, globex = world.acme.pk, world.globex.pk
    assert [tenant_id for tenant_id, _ in places.list_due()] == [acme, globex, acme, globex, acme]


def test_bad_requests_are_refused_in_the_form_of_scim(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pusher = connect_directory(world)
    key = pusher.push("ana")["id"]
    group = pusher.group("all", key)
    ana, deep = f"Users/{key}", b'{"a":' * 3000 + b"1" + b"}" * 3000
    rows: dict[str, tuple[str, str, Any, int]] = {
        "no JSON": ("POST", "Users", b"{", 400),
        "a list": ("POST", "Users", b"[]", 400),
        "NUL": ("POST", "Users", {"userName": "a\x00b@acme.example"}, 400),
        "half a character": ("POST", "Users", b'{"userName": "\\ud800@acme.example"}', 400),
        "deep": ("POST", "Users", deep, 400),
        "no name": ("POST", "Users", {"active": True}, 400),
        "no address": ("POST", "Users", {"userName": "ana"}, 400),
        "long": ("POST", "Users", {"userName": "a@acme.example", "displayName": "x" * 300}, 400),
        "many addresses": ("POST", "Users", {"userName": "b@acme.example", "emails": [{"value": "x"}] * 21}, 400),
        "taken": ("POST", "Users", {"userName": "ANA@acme.example"}, 409),
        "taken id": ("POST", "Users", {"userName": "b@acme.example", "externalId": "id-ana"}, 409),
        "active maybe": ("PATCH", ana, {"Operations": [{"op": "replace", "path": "active", "value": "maybe"}]}, 400),
        "own id": ("PATCH", ana, {"Operations": [{"op": "replace", "path": "id", "value": "1"}]}, 400),
        "no operation": ("PATCH", ana, {"Operations": []}, 400),
        "unknown operation": ("PATCH", ana, {"Operations": [{"op": "move", "path": "active"}]}, 400),
        "wrong path": ("PATCH", ana, {"Operations": [{"op": "remove", "path": "a b ["}]}, 400),
        "nameless": ("PATCH", ana, {"Operations": [{"op": "remove", "path": "userName"}]}, 400),
        "filter": ("GET", "Users?filter=userName xx 1", None, 400),
        "unknown filter": ("GET", 'Users?filter=nothing eq "x"', None, 400),
        "count": ("GET", "Users?count=many", None, 400),
        "long filter": ("GET", f"Users?filter={'(' * 1001}", None, 400),
        "far away": ("GET", f"Users?startIndex={10**20}&count={10**20}", None, 200),
        "NUL in a filter": ("GET", 'Groups?filter=displayName eq "\\u0000"', None, 200),
        "many operations": ("PATCH", ana, {"Operations": [{"op": "remove", "path": "name"}] * 101}, 413),
        "part of a member": ("PATCH", f"Groups/{group}", {"Operations": [
            {"op": "replace", "path": f'members[value eq "{key}"].type', "value": "Group"}]}, 400),
        "no id": ("GET", "Users/ana", None, 404),
        "nowhere": ("GET", "Nothing/here/at/all", None, 404),
        "method": ("DELETE", "Users", None, 405),
        "discovery": ("POST", "Schemas", {}, 405),
        "bulk": ("POST", "Bulk", {}, 501),
        "no group": ("POST", "Groups", {"members": []}, 400),
        "unknown member": ("POST", "Groups", {"displayName": "g", "members": [{"value": str(world.acme.pk)}]}, 400),
        "member without an id": ("POST", "Groups", {"displayName": "g", "members": [{"value": "ana"}]}, 400),
    }  # fmt: skip

    def check(name: str) -> None:
        method, path, said, status = rows[name]
        answer = pusher.ask(method, path, said)
        assert answer.status_code == status, answer.content
        assert status == 200 or answer.json()["status"] == str(status)
        assert answer.headers["Content-Type"] == "application/scim+json"

    check_rows(rows, check)
    for token in ("", "wd_unknown", "wk_unknown"):
        assert Pusher(world.acme, token).ask("GET", "Users").status_code == 401
    browser = Client()
    browser.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    assert browser.get("/scim/v2/Users").status_code == 401
    monkeypatch.setattr(views, "PER_MINUTE", 0)
    answer = pusher.ask("GET", "Users")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")


def test_owner_connects_a_directory_on_the_page_and_others_may_not(world: World) -> None:
    pusher, browser = connect_directory(world), Client()
    browser.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    prove(browser)
    with tenant_scope(world.acme.pk):
        row = IdentityProvider.objects.get()
    answer = browser.post(f"{LIST}{row.pk}/directory/", {"person_claim": "oid"})
    assert "no-store" in answer.headers["Cache-Control"]
    (token,) = set(re.findall(r"wd_[\w-]+", answer.content.decode()))
    assert (pusher.ask("GET", "Users").status_code, Pusher(world.acme, token).ask("GET", "Users").status_code) == (
        401,
        200,
    )
    page = browser.get(f"{LIST}{row.pk}/").content.decode()
    assert ("Last heard from" in page, "/scim/v2" in page, token in page) == (True, True, False)
    stale = prove(browser, ago=4000).post(f"{LIST}{row.pk}/directory/", {"person_claim": "sub"})
    assert stale.status_code == 302
    with tenant_scope(world.acme.pk):
        for role in ("admin", "compliance", "viewer"):
            with pytest.raises(Refused):
                tokens.make_token(actor=world.actor(role), provider_id=row.pk, person_claim="sub")
            with pytest.raises(Refused):
                tokens.disconnect_directory(actor=world.actor(role), provider_id=row.pk)
        tokens.disconnect_directory(actor=world.actor("owner"), provider_id=row.pk)
        with pytest.raises(NotFound):
            tokens.disconnect_directory(actor=world.actor("owner"), provider_id=row.pk)
    assert Pusher(world.acme, token).ask("GET", "Users").status_code == 401
