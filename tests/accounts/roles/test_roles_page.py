"""The page of roles: the matrix, a copy, what a change means before it is saved, and deleting one."""

import html
import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import Role
from accounts.permissions.roles import ALL_PERMISSIONS, permissions_of
from core.tenancy.scope import tenant_scope
from hitl.services import create_workflow
from tests.accounts.keys.soft_key import give_password
from tests.accounts.resets.resetting import person_of
from tests.accounts.roles.making import give, make
from tests.world import World, prove

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/role/"


def shown(answer: Any) -> str:
    """Return the words of a page, with single spaces."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def ticked(answer: Any, name: str) -> set[str]:
    """Return the values of a page's boxes that are ticked."""
    boxes = re.findall(r"<input[^>]*>", answer.content.decode())
    chosen = [one for one in boxes if f'name="{name}"' in one and " checked" in one]
    return {found[1] for one in chosen if (found := re.search(r'value="([^"]*)"', one))}


@pytest.fixture
def owner(world: World) -> Client:
    return prove(give_password(Client(), person_of(world, "owner")))


def test_built_in_role_is_copied_and_the_copy_stands_in_the_matrix(world: World, owner: Client) -> None:
    page = owner.get(LIST)
    assert page.content.decode().count("?of=") == 2 * 6  # in the matrix, and above it for a phone
    assert "Approve and reject requests" in shown(page)
    form = owner.get(f"{LIST}create/?of=support")
    assert ticked(form, "permissions") == permissions_of("support")
    assert 'value="Copy of Support"' in form.content.decode()
    said = {"name": "Second line", "permissions": sorted(permissions_of("support")), "sees": "assigned"}
    answer = owner.post(f"{LIST}create/", said)
    assert (answer.status_code, "analytics.view_team_figures" in shown(answer)) == (400, True)
    said["permissions"] = sorted(permissions_of("support") - {"analytics.view_team_figures"})
    assert owner.post(f"{LIST}create/", said).status_code == 302
    with tenant_scope(world.acme.pk):
        row = Role.objects.get()
    assert (row.key, row.sees, row.session_hours) == ("own-second-lin", "assigned", None)
    assert "Second line" in shown(owner.get(LIST))
    assert "Only conversations assigned to them" in shown(owner.get(f"{LIST}{row.pk}/"))
    for path in ("membership/invite/", f"membership/{member_of(world, 'viewer')}/role/"):
        assert 'value="own-second-lin"' in owner.get(f"/admin/accounts/{path}").content.decode()
    assert owner.get("/admin/accounts/membership/?role=own-second-lin").status_code == 200
    give(world, row, "viewer")
    assert "Those assigned to them" in shown(owner.get(f"/admin/accounts/membership/{member_of(world, 'viewer')}/"))
    # Who sets the company's sign-in could become an owner.
    assert ticked(owner.get(f"{LIST}create/?of=owner"), "permissions") == ALL_PERMISSIONS - {"accounts.manage_sign_in"}
    # An administrator reads the matrix, and can't give what they lack.
    admin = prove(give_password(Client(), person_of(world, "admin")))
    assert ticked(admin.get(f"{LIST}create/?of=owner"), "permissions") == permissions_of("admin")
    assert admin.post(f"{LIST}create/", {**said, "permissions": sorted(ALL_PERMISSIONS)}).status_code == 400
    assert give_password(Client(), person_of(world, "approver")).get(LIST).status_code == 403


def member_of(world: World, role: str) -> Any:
    """Return the id of somebody's membership."""
    with tenant_scope(world.acme.pk):
        return world.people[role].memberships.get().pk


def test_change_is_saved_once_it_was_shown_what_it_means(world: World, owner: Client) -> None:
    decide, reply = "hitl.decide_approval", "conversations.reply_conversation"
    role = make(world, "Night lead", [*permissions_of("viewer"), decide])
    give(world, role, "viewer")
    with tenant_scope(world.acme.pk):
        levels = [{"name": "One", "mode": "any", "approvers": [{"type": "role", "value": role.key}]}]
        create_workflow(actor=world.actor("owner"), name="Budgets", levels=levels)
    path = f"{LIST}{role.pk}/edit/"
    said = {"name": "Night lead", "permissions": [*permissions_of("viewer"), reply], "sees": "all", "version": "1"}
    asked = owner.post(path, said)
    words = shown(asked)
    assert asked.status_code == 200
    for sentence in ("1 person has this role: Viewer Acme.", "They gain: Reply to customers.", "Budgets"):
        assert sentence in words
    assert "They lose: Approve and reject requests." in words
    with tenant_scope(world.acme.pk):
        assert Role.objects.get().version == 1
    mark = re.search(r'name="shown" value="(\w+)"', asked.content.decode())
    assert mark
    # What was shown isn't what is sent now: it is shown again.
    other = owner.post(path, {**said, "shown": mark[1], "permissions": [reply]})
    assert (other.status_code, "They lose" in shown(other)) == (200, True)
    assert owner.post(path, {**said, "shown": mark[1]}).status_code == 302
    with tenant_scope(world.acme.pk):
        row = Role.objects.get()
    assert (row.version, reply in row.permissions, decide in row.permissions) == (2, True, False)
    late = owner.post(path, {**said, "name": "Later"})
    mark = re.search(r'name="shown" value="(\w+)"', late.content.decode())
    assert mark
    assert owner.post(path, {**said, "name": "Later", "shown": mark[1]}).status_code == 409
    assert "Somebody has this role." in shown(owner.post(f"{LIST}{role.pk}/delete/"))
    own = prove(give_password(Client(), person_of(world, "viewer")))
    assert "Viewer Acme Night lead" in shown(own.get("/admin/"))
    assert own.post(path, said).status_code == 403
