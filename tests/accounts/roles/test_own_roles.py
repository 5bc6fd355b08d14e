"""Roles of an organisation's own: whose they are, who makes, changes and deletes them, and what they cost."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.members.acceptance import accept_invitation
from accounts.members.invitations import invite_member
from accounts.members.own_roles import RoleSettings, create_role, delete_role, find_effect, revise_role
from accounts.models import Membership, Notice, Role, RoleGroup, Tenant
from accounts.permissions.factor_rules import set_factor_rule
from accounts.permissions.roles import ALL_PERMISSIONS, NEEDS, ROLES, missing_beside, permissions_of
from accounts.permissions.team_scope import set_team_scope
from accounts.selectors import list_members, memberships_of, only_assigned, roles_now, roster
from accounts.services import actor_for_user, add_member, change_role, create_api_key, remove_member
from console.pages.invitations import list_grantable_roles
from core.clock import now
from core.errors import Conflict, Invalid, Refused
from core.models import AuditEntry, Outbox
from core.tenancy.scope import platform_scope, tenant_scope
from hitl.services import create_workflow
from tests.accounts.invitations.inviting import PERSON, invite
from tests.accounts.keys.soft_key import give_password, is_in
from tests.accounts.resets.resetting import person_of
from tests.accounts.roles.making import give, make, revise
from tests.accounts.tokens.devices import Device
from tests.world import OPERATOR, World, prove

pytestmark = pytest.mark.django_db
DECIDE, REPLY = "hitl.decide_approval", "conversations.reply_conversation"
MOST = ALL_PERMISSIONS - {"accounts.manage_sign_in"}


def refused(error: type[Exception], call: Any) -> str:
    """Return the code with which a call is refused."""
    with pytest.raises(error) as caught:
        call()
    return str(getattr(caught.value, "code", ""))


def test_role_allows_what_its_organisation_says_and_costs_no_query(world: World) -> None:
    person = world.people["viewer"]
    here = make(world, "Night lead", [*permissions_of("viewer"), DECIDE])
    with tenant_scope(world.globex.pk):
        there = create_role(actor=world.outsider(), settings=RoleSettings("Night lead", permissions_of("support")))
        add_member(actor=OPERATOR, user=world.outsiders["viewer"], role=there.key)
        add_member(actor=OPERATOR, user=person, role=there.key)
    with tenant_scope(world.acme.pk), CaptureQueriesContext(connection) as before:
        actor_for_user(person)
    give(world, here, "viewer")
    with tenant_scope(world.acme.pk), CaptureQueriesContext(connection) as after:
        actor = actor_for_user(person)
    assert len(after) == len(before)
    assert here.key == there.key == "own-night-lead"
    assert (actor.may(DECIDE), actor.may(REPLY), actor.sealed_role) == (True, False, "own-night-lead@1")
    with CaptureQueriesContext(connection) as looked:
        found = {one.tenant_id: one.permissions for one in memberships_of(person.pk)}
    assert len(looked) == 1
    assert found == {world.acme.pk: actor.permissions, world.globex.pk: permissions_of("support")}
    with tenant_scope(world.acme.pk):
        assert person.has_perm(DECIDE)
        assert not person.has_perm(REPLY)
        for permission, has in ((DECIDE, True), (REPLY, False)):
            assert (person.pk in {one.user_id for one in list_members(permission=permission)}) is has
            assert (person.pk in roster().holding(permission)) is has
            assert (permission in roles_now([person.pk])[person.pk].permissions) is has
        with pytest.raises(Invalid):
            add_member(actor=OPERATOR, user=person, role="own-of-nobody")
    with tenant_scope(world.globex.pk):
        holders = {person.pk, world.outsiders["viewer"].pk}
        assert holders <= roster().holding(REPLY).keys()
        assert not holders & roster().holding(DECIDE).keys()
    with platform_scope():
        assert Role.objects.filter(key=here.key).count() == 2
        assert not only_assigned().exists()
    with tenant_scope(world.globex.pk):
        Role.objects.filter(pk=there.pk).update(sees="assigned")
    with platform_scope():
        assert set(only_assigned().values_list("tenant_id", flat=True)) == {world.globex.pk}


def test_nobody_gives_what_they_lack_nor_changes_their_own_role(world: World) -> None:
    high = make(world, "Deputy", MOST)
    low = make(world, "Helper")
    assert refused(Refused, lambda: make(world, "Sneak", MOST, by="admin")) == "role_above_yours"
    assert refused(Refused, lambda: revise(world, high, by="admin", name="Mine")) == "role_above_yours"
    assert refused(Refused, lambda: revise(world, low, by="admin", permissions=MOST)) == "role_above_yours"
    for by in ("approver", "viewer", "compliance"):
        assert refused(Refused, lambda by=by: make(world, "Sneak", by=by)) == "not_allowed"
    with tenant_scope(world.acme.pk):
        admin, viewer = world.actor("admin"), world.people["viewer"]
        for give_it in (add_member, change_role):
            assert refused(Refused, lambda f=give_it: f(actor=admin, user=viewer, role=high.key)) == "role_above_yours"
        change_role(actor=admin, user=viewer, role=low.key)
        stale = replace(world.actor("owner"), proven_lately=False)
        key = world.actor("owner").limited_to(ALL_PERMISSIONS)
        plain = RoleSettings("Plain", permissions_of("viewer"))
        assert refused(Refused, lambda: create_role(actor=stale, settings=plain)) == "confirm_first"
        assert refused(Refused, lambda: create_role(actor=key, settings=plain)) == "not_a_person"
    give(world, high, "support")
    assert refused(Refused, lambda: revise(world, high, by="support", name="Mine")) == "own_role"
    with tenant_scope(world.acme.pk):
        assert refused(Refused, lambda: delete_role(actor=world.actor("support"), role_id=high.pk)) == "own_role"
        assert refused(Refused, lambda: delete_role(actor=world.actor("admin"), role_id=high.pk)) == "role_above_yours"
    for settings in (
        {"name": " "}, {"name": "owner"}, {"name": "ana@initech.example"}, {"permissions": ["core.fly"]},
        {"permissions": ALL_PERMISSIONS}, {"permissions": [REPLY]},
        {"name": "Prize at evil.example"}, {"name": "\u041ewner"},
        {"sees": "nothing"}, {"session_hours": 0}, {"sees": "teams", "permissions": ["analytics.view_figures"]},
        {"sees": "assigned", "permissions": ["analytics.view_team_figures"]},
    ):  # fmt: skip
        with pytest.raises(Invalid):
            revise(world, low, **settings)
    assert refused(Conflict, lambda: make(world, "Helper")) == "exists"


def test_what_permissions_need_is_in_every_built_in_role_that_has_them() -> None:
    assert [role for role in ROLES if missing_beside(permissions_of(role))] == []
    assert set(NEEDS.values()) <= ALL_PERMISSIONS
    assert [begin for begin in NEEDS if not any(name.startswith(begin) for name in ALL_PERMISSIONS)] == []
    assert missing_beside([REPLY, DECIDE]) == ["conversations.view_conversation", "hitl.view_approval"]
    # A run holds what customers wrote.
    assert missing_beside(["agents.view_agentrun"]) == ["agents.view_agent", "conversations.view_conversation"]


def test_nobody_with_an_own_role_makes_or_removes_owners_and_admins(world: World) -> None:
    give(world, make(world, "Deputy", MOST), "support")
    deputy, viewer = world.actor("support"), world.people["viewer"]
    assert deputy.permissions == MOST
    with tenant_scope(world.acme.pk):
        for role in ("owner", "admin"):
            there = Membership.objects.get(user=world.people[role])
            for move in (
                lambda role=role: add_member(actor=deputy, user=viewer, role=role),
                lambda role=role: add_member(actor=deputy, user=world.people[role], role="viewer"),
                lambda there=there: remove_member(actor=deputy, membership_id=there.pk),
                lambda role=role: invite_member(actor=deputy, email="b@new.example", role=role),
                lambda role=role: set_factor_rule(actor=deputy, roles=[role], days=1),
            ):
                assert refused(Refused, move) == "role_above_yours"
        offered = {key for key, _ in list_grantable_roles(deputy)}
        assert offered == {"approver", "support", "compliance", "viewer", "own-deputy"}
        assert change_role(actor=deputy, user=viewer, role="compliance").role == "compliance"


def test_role_with_more_than_support_has_is_given_with_the_factor_that_somebody_has(world: World) -> None:
    keeps = {"accounts.manage_membership", "accounts.view_membership"}
    people = make(world, "People", permissions_of("viewer") | keeps)
    give(world, people, "support")
    for role in ("owner", "support"):
        TOTP.activate(world.people[role], generate_totp_secret())
    owner, keeper, viewer = world.actor("owner"), world.actor("support"), world.people["viewer"]
    key = owner.limited_to(ALL_PERMISSIONS)
    with tenant_scope(world.acme.pk):
        for move in (
            lambda: change_role(actor=owner, user=viewer, role=people.key),
            lambda: invite_member(actor=key, email="b@new.example", role=people.key),
            lambda: revise_role(actor=owner, role_id=people.pk, settings=RoleSettings("People", people.permissions)),
            lambda: set_factor_rule(actor=keeper, roles=["viewer"], days=1),
        ):
            assert refused(Refused, move) == "weak_sign_in"
        strong = replace(owner, auth_strength="mfa")
        assert change_role(actor=strong, user=viewer, role=people.key).role == people.key


def test_change_counts_at_the_next_request_and_is_recorded(world: World) -> None:
    role = make(world, "Night lead", [*permissions_of("viewer"), DECIDE])
    give(world, role, "viewer")
    with tenant_scope(world.acme.pk):
        person = world.people["viewer"]
        assert actor_for_user(person).may(DECIDE)
    revise(world, role, permissions=[*permissions_of("viewer"), REPLY], seen=1)
    with tenant_scope(world.acme.pk):
        actor = actor_for_user(person)
        assert (actor.may(DECIDE), actor.may(REPLY), actor.sealed_role) == (False, True, "own-night-lead@2")
        entry = AuditEntry.objects.get(action="ROLE_REVISED")
        assert (entry.facts["added"], entry.facts["removed"], entry.new_state) == ([REPLY], [DECIDE], "2")
        assert person.pk in Outbox.objects.filter(event="rights_changed").values_list("ref", flat=True)
        assert Notice.objects.filter(title="The role Night lead was changed").exists()
    assert refused(Conflict, lambda: revise(world, role, name="Late", seen=1)) == "stale_version"
    revise(world, role)
    with tenant_scope(world.acme.pk):
        assert AuditEntry.objects.filter(action="ROLE_REVISED").count() == 1
        # What this version doesn't know allows nothing, as a permission that was taken out of it.
        Role.objects.update(permissions=[REPLY, "agents.do_everything"])
        assert actor_for_user(person).permissions == {REPLY}


def test_key_loses_what_the_role_of_its_person_loses(world: World) -> None:
    manage, view = {"accounts.manage_apikey", "conversations.view_contact"}, "conversations.view_contact"
    role = make(world, "Integrator", permissions_of("viewer") | manage)
    give(world, role, "viewer")
    with tenant_scope(world.acme.pk):
        actor = actor_for_user(world.people["viewer"])
        scopes = [view, "conversations.view_conversation"]
        _, secret = create_api_key(actor=actor, user=world.people["viewer"], name="k", scopes=scopes)
    headers = {"Authorization": f"Bearer {secret}"}

    def status(path: str) -> int:
        return Client().get(f"/api/v1/{path}/", headers=headers).status_code

    assert (status("contacts"), status("conversations")) == (200, 200)
    revise(world, role, permissions=permissions_of("viewer"))
    assert (status("contacts"), status("conversations")) == (403, 200)
    # Nor does a key get what the role gets later: it has the scopes that it was made with.
    revise(world, role, permissions=permissions_of("approver"))
    assert (status("contacts"), status("workflows")) == (200, 403)


def test_entries_about_joining_and_devices_keep_the_version(world: World) -> None:
    role = make(world, "Night lead")
    revise(world, role, session_hours=8)
    give(world, role, "viewer")
    with tenant_scope(world.acme.pk):
        row = invite(world, role=role.key)
        person = accept_invitation(invitation_id=row.pk, **PERSON)
    device = Device()
    device.sign_in(person_of(world, "viewer"))
    assert device.post("logout", refresh=device.refresh_token).status_code == 204
    with tenant_scope(world.acme.pk):
        entries = AuditEntry.objects.filter(action__in=["INVITATION_ACCEPTED", "SIGNED_IN", "TOKENS_ENDED"])
        told = list(entries.order_by("seq").values_list("actor_user_id", "role"))
    viewer = world.people["viewer"].pk
    assert told == [(one, "own-night-lead@2") for one in (person.pk, viewer, viewer)]


def test_role_decides_whose_conversations_its_members_see(world: World) -> None:
    role = make(world, "Temp", permissions_of("approver"), sees="teams")
    give(world, role, "viewer")
    person = world.people["viewer"]
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=person)
        assert (membership.own_teams_only, actor_for_user(person).teams) == (True, frozenset())
        with pytest.raises(Invalid):
            set_team_scope(actor=world.actor("owner"), membership_id=membership.pk, own_only=False)
    revise(world, role, sees="all")
    with tenant_scope(world.acme.pk):
        assert actor_for_user(person).teams is None
        set_team_scope(actor=world.actor("owner"), membership_id=membership.pk, own_only=True)
        assert actor_for_user(person).teams == frozenset()
    # What shows other teams' conversations, or counts them, ends the limit of one person, as a built-in role does.
    more = [*permissions_of("approver"), "analytics.view_figures"]
    with tenant_scope(world.acme.pk):
        effect = find_effect(viewer=world.actor("owner"), role_id=role.pk, settings=RoleSettings("Temp", more))
        assert (effect.gained, effect.sees) == (("analytics.view_figures",), "Conversations of all teams")
    with CaptureQueriesContext(connection) as done:
        revise(world, role, permissions=more)
    assert [each for each in done if '"accounts_membership"' in each["sql"] and "FOR NO KEY UPDATE" in each["sql"]]
    with tenant_scope(world.acme.pk):
        assert actor_for_user(person).teams is None
        with pytest.raises(Invalid):
            set_team_scope(actor=world.actor("owner"), membership_id=membership.pk, own_only=True)


def test_role_in_use_is_not_deleted_and_its_key_never_comes_back(world: World) -> None:
    role = make(world, "Night lead", [*permissions_of("viewer"), DECIDE])

    def delete() -> None:
        with tenant_scope(world.acme.pk):
            delete_role(actor=world.actor("owner"), role_id=role.pk)

    give(world, role, "viewer")
    assert refused(Conflict, delete) == "in_use"
    with tenant_scope(world.acme.pk):
        add_member(actor=OPERATOR, user=world.people["viewer"], role="viewer")
    row = invite(world, role=role.key)
    assert refused(Conflict, delete) == "in_use"
    with tenant_scope(world.acme.pk):
        type(row).objects.filter(pk=row.pk).update(withdrawn_at=now())
        levels = [{"name": "One", "mode": "any", "approvers": [{"type": "role", "value": role.key}]}]
        flow = create_workflow(actor=world.actor("owner"), name="Budgets", levels=levels)
    with pytest.raises(Conflict) as used:
        delete()
    assert used.value.facts["workflows"] == ["Budgets"]
    with tenant_scope(world.acme.pk):
        type(flow).objects.filter(pk=flow.pk).update(is_active=False)
        set_factor_rule(actor=world.actor("owner"), roles=[role.key, "viewer"], days=7)
    delete()
    with tenant_scope(world.acme.pk):
        assert set(Tenant.objects.get().factor_due) == {"viewer"}
        with pytest.raises(Invalid):
            add_member(actor=OPERATOR, user=world.people["viewer"], role=role.key)
    assert make(world, "Night lead").key == "own-night-lead"[:13] + "2"
    with tenant_scope(world.acme.pk):
        assert RoleGroup.objects.filter(role__startswith="own-").count() == 2


def test_sessions_and_tokens_end_after_the_hours_of_the_role(world: World) -> None:
    role = make(world, "Kiosk", session_hours=8)
    give(world, role, "viewer")
    person, device = person_of(world, "viewer"), Device()
    browser = give_password(Client(), person)
    device.sign_in(person)
    assert (is_in(browser), device.is_in()) == (True, True)
    assert is_in(prove(browser, ago=7 * 3600))
    assert not is_in(prove(browser, ago=9 * 3600))
    browser = give_password(Client(), person)
    assert is_in(browser)
    later = now() + timedelta(hours=9)
    token = device.refresh_token
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accounts.sessions.store.clock_now", lambda: later)
        assert device.get("approvals/").json()["code"] == "session_over"
        assert device.refresh(token).status_code == 401
    assert device.is_in()
