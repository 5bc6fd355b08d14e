"""Own roles over the API: the same services as the console's, for people who have just signed in."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from accounts.permissions.roles import permissions_of
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from hitl.services import create_workflow
from tests.accounts.roles.making import give
from tests.api.office import Office
from tests.world import World, prove

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
ROLES = "/api/v1/roles/"
DECIDE, REPLY = "hitl.decide_approval", "conversations.reply_conversation"
NIGHT = {"name": "Night lead", "permissions": [*sorted(permissions_of("viewer")), DECIDE]}


class Person:
    """Somebody who has just signed in to the console, and asks the API by its session."""

    def __init__(self, world: World, role: str) -> None:
        self.client = Client(raise_request_exception=False)
        self.client.force_login(world.people[role], backend="accounts.backends.RoleBackend")
        prove(self.client)

    def send(self, method: str, path: str = "", body: Any = None, **headers: str) -> Any:
        """Send JSON below `roles/`."""
        call = getattr(self.client, method)
        return call(f"{ROLES}{path}", {} if body is None else body, content_type="application/json", headers=headers)

    def get(self, path: str = "") -> Any:
        """Read below `roles/`."""
        return self.client.get(f"{ROLES}{path}")


def code(answer: Any) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return answer.status_code, answer.json()["code"]


def test_role_is_made_previewed_changed_and_deleted(world: World) -> None:
    owner = Person(world, "owner")
    made = owner.send("post", "", NIGHT)
    body = made.json()
    assert (made.status_code, body["key"], body["version"]) == (201, "own-night-lead", 1)
    assert (body["sees"], body["session_hours"]) == ("all", None)
    assert body["permissions"] == sorted(NIGHT["permissions"])
    assert owner.get().json() == {"next": None, "results": [body]}
    path = f"{body['id']}/"
    assert owner.get(path).json() == body
    with tenant_scope(world.acme.pk):
        role = Role.objects.get()
        levels = [{"name": "One", "mode": "any", "approvers": [{"type": "role", "value": role.key}]}]
        create_workflow(actor=world.actor("owner"), name="Budgets", levels=levels)
    give(world, role, "viewer")
    changed = {"permissions": [*sorted(permissions_of("viewer")), REPLY], "sees": "teams"}
    effect = owner.send("post", f"{path}preview/", changed).json()
    assert (effect["people"], effect["gained"], effect["lost"]) == (["Viewer Acme"], [REPLY], [DECIDE])
    assert (effect["version"], effect["given_to"], effect["workflows"][0]["name"]) == (1, [], "Budgets")
    assert "their own teams" in effect["sees"]
    assert owner.get(path).json() == body  # nothing was changed
    after = owner.send("patch", path, {**changed, "version": 1}).json()
    assert (after["version"], after["name"], after["sees"]) == (2, "Night lead", "teams")
    assert code(owner.send("patch", path, {"name": "Late", "version": 1})) == (409, "stale_version")
    assert owner.send("patch", path, {"session_hours": 8, "version": 2}).json()["session_hours"] == 8
    assert owner.send("patch", path, {"session_hours": None, "version": 3}).json()["session_hours"] is None
    assert code(owner.send("delete", path)) == (409, "in_use")
    spare = owner.send("post", "", {**NIGHT, "name": "Spare"}).json()
    assert owner.send("delete", f"{spare['id']}/?version=1").status_code == 204
    assert owner.get(f"{spare['id']}/").status_code == 404
    with tenant_scope(world.acme.pk):
        told = AuditEntry.objects.filter(action__startswith="ROLE_").order_by("seq")
        assert list(told.values_list("action", flat=True)) == [
            "ROLE_CREATED", "ROLE_REVISED", "ROLE_REVISED", "ROLE_REVISED", "ROLE_CREATED", "ROLE_DELETED",
        ]  # fmt: skip
        assert {entry.actor_user_id for entry in told} == {world.people["owner"].pk}


def test_what_is_sent_twice_is_done_once(world: World) -> None:
    owner = Person(world, "owner")
    twice = [owner.send("post", "", NIGHT, **{"Idempotency-Key": "one"}).json() for _ in range(2)]
    assert twice[0] == twice[1]
    assert code(owner.send("post", "", NIGHT)) == (409, "exists")


def test_refusals_name_fields_and_codes(world: World) -> None:
    owner, admin = Person(world, "owner"), Person(world, "admin")
    path = f"{owner.send('post', '', NIGHT).json()['id']}/"
    for field, value in (
        ("name", "owner"), ("name", ""), ("permissions", ["core.fly"]), ("permissions", [REPLY]), ("permissions", []),
        ("sees", "nothing"), ("session_hours", 0),
    ):  # fmt: skip
        for method, where, more in (("post", "", {}), ("patch", path, {"version": 1}), ("post", f"{path}preview/", {})):
            answer = owner.send(method, where, {**NIGHT, field: value, **more})
            assert (answer.status_code, [*answer.json()["fields"]]) == (400, [field]), (method, where, field)
    assert owner.send("patch", path, {"name": "No version"}).status_code == 400
    beyond = {"name": "Sneak", "permissions": ["conversations.view_contact", "conversations.erase_contact"]}
    assert code(admin.send("post", "", beyond)) == (403, "role_above_yours")
    high = owner.send("post", "", beyond).json()
    assert code(admin.send("patch", f"{high['id']}/", {"name": "Mine", "version": 1})) == (403, "role_above_yours")
    assert code(admin.send("delete", f"{high['id']}/")) == (403, "role_above_yours")
    keeps = {"accounts.manage_membership", "accounts.view_membership"}
    kept = {"name": "Keeper", "permissions": sorted(permissions_of("viewer") | keeps)}
    keeper = owner.send("post", "", kept).json()
    with tenant_scope(world.acme.pk):
        give(world, Role.objects.get(pk=keeper["id"]), "support")
    holder = Person(world, "support")
    mine = f"{keeper['id']}/"
    assert code(holder.send("patch", mine, {"name": "Mine", "version": 1})) == (403, "own_role")
    assert code(holder.send("delete", mine)) == (403, "own_role")
    prove(owner.client, ago=301)
    assert code(owner.send("patch", path, {"name": "Late", "version": 1})) == (403, "confirm_first")
    assert code(Person(world, "compliance").send("post", "", NIGHT)) == (403, "not_allowed")
    assert Person(world, "compliance").get().status_code == 200
    assert code(Person(world, "approver").get()) == (403, "not_allowed")


def test_another_organisations_role_is_absent(world: World) -> None:
    path = f"{Person(world, 'owner').send('post', '', NIGHT).json()['id']}/"
    client = Client(raise_request_exception=False)
    client.force_login(world.outsiders["owner"], backend="accounts.backends.RoleBackend")
    prove(client)
    plain: Any = {"content_type": "application/json"}
    assert client.get(ROLES).json()["results"] == []
    assert [
        client.get(f"{ROLES}{path}").status_code,
        client.patch(f"{ROLES}{path}", {"name": "Mine", "version": 1}, **plain).status_code,
        client.delete(f"{ROLES}{path}").status_code,
        client.post(f"{ROLES}{path}preview/", {"name": "Mine"}, **plain).status_code,
    ] == [404] * 4


def test_key_reads_roles_and_changes_none(world: World) -> None:
    path = f"roles/{Person(world, 'owner').send('post', '', NIGHT).json()['id']}/"
    key = Office(world).caller("owner")
    assert [key.get("roles/").status_code, key.get(path).status_code] == [200, 200]
    assert key.post(f"{path}preview/", {"sees": "teams"}).status_code == 200
    refused = [
        key.post("roles/", {**NIGHT, "name": "Other"}),
        key.send("patch", path, {"name": "Late", "version": 1}),
        key.send("delete", path),
    ]
    assert {code(answer) for answer in refused} == {(403, "not_a_person")}
    with tenant_scope(world.acme.pk):
        assert Role.objects.get().version == 1
