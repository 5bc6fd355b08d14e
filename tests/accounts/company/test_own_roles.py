"""Own roles by groups: given by sign-in and directory while who set the rules could give them, and else not."""

import contextlib
import html
import re
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.company import providers
from accounts.company.directory import tokens
from accounts.company.people import try_out
from accounts.company.rules import ROLES, given_now
from accounts.members.own_roles import RoleSettings, create_role, delete_role, find_effect
from accounts.models import DirectoryPerson, IdentityProvider, Membership, Role
from accounts.permissions.roles import ALL_PERMISSIONS, permissions_of
from accounts.services import add_member
from core.clock import now
from core.errors import Conflict, Invalid, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.company.directory.pushing import Pusher, connect_directory, rule
from tests.accounts.company.issuer import CLIENT, Issuer, arrive, change, connect, is_in, link_in, path_of
from tests.accounts.company.test_provider_page import browser_of
from tests.accounts.roles.making import make, revise
from tests.world import OPERATOR, World

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
ERASE = "conversations.erase_contact"
"""What owners have, and administrators don't."""
ERASER = permissions_of("viewer") | {"conversations.view_contact", ERASE}


def role_of(world: World, email: str) -> str:
    """Return the role of somebody with an address here."""
    with tenant_scope(world.acme.pk):
        return Membership.objects.get(user__company_address=email).role


def demote(world: World, role: str = "admin") -> None:
    """Let the owner who set the rules have another role."""
    with tenant_scope(world.acme.pk):
        add_member(actor=OPERATOR, user=world.people["approver"], role="owner")
        add_member(actor=OPERATOR, user=world.people["owner"], role=role)


def settings_of(row: IdentityProvider, **changed: Any) -> providers.ProviderSettings:
    """Return a provider's settings with some of them changed."""
    kept = {name: getattr(row, name) for name in ("issuer", "client_id", "default_role")}
    return providers.ProviderSettings(**{**kept, "rules": tuple(row.rules), **changed})


def test_group_gives_an_own_role_while_who_set_the_rule_could_give_it(world: World, issuer: Issuer) -> None:
    night = make(world, "Night lead", permissions_of("approver"), sees="teams")
    rules = (rule("eraser", make(world, "Eraser", ERASER).key), rule("nights", night.key))
    row = connect(world, issuer, rules=rules, creates_people=True)
    client = Client()
    arrive(issuer, client, "ana", groups=["nights", "unknown"])
    with tenant_scope(world.acme.pk):
        member = Membership.objects.get(user__company_address="ana@acme.example")
        entry = AuditEntry.objects.filter(action="MEMBER_SET").latest("seq")
    assert (member.role, member.own_teams_only, entry.new_state, is_in(client)) == (night.key, True, night.key, True)
    arrive(issuer, Client(), "ben", groups=["eraser", "nights"])
    assert role_of(world, "ben@acme.example") == "own-eraser"
    # An administrator could give the one, and not the other.
    demote(world)
    arrive(issuer, Client(), "cy", groups=["eraser", "nights"])
    arrive(issuer, Client(), "dee", groups=["eraser"])
    arrive(issuer, Client(), "ben", groups=["eraser"])
    found = [role_of(world, f"{name}@acme.example") for name in ("cy", "dee", "ben")]
    assert found == [night.key, "viewer", "own-eraser"]  # who has it keeps it
    # What it has come to allow since counts.
    revise(world, night, by="approver", permissions=ERASER, sees="all")
    arrive(issuer, Client(), "eve", groups=["nights"])
    arrive(issuer, Client(), "cy", groups=["eraser", "nights"])
    assert role_of(world, "cy@acme.example") == night.key
    with tenant_scope(world.acme.pk):
        trial = try_out(row, {"sub": "new", "email": "n@acme.example", "groups": ["nights"]})
    assert (role_of(world, "eve@acme.example"), trial.role, trial.withheld) == ("viewer", "viewer", (night.name,))
    # Another owner answers for the rules by saving them, and they count from then on.
    with tenant_scope(world.acme.pk):
        providers.revise_provider(
            actor=world.actor("approver"), provider_id=row.pk, settings=settings_of(row, creates_people=True)
        )
        assert AuditEntry.objects.filter(action="COMPANY_SIGN_IN_CHANGED").latest("seq").facts["fields"] == [
            "rules_by_id"
        ]
    arrive(issuer, Client(), "eve", groups=["nights"])
    assert role_of(world, "eve@acme.example") == night.key
    with tenant_scope(world.acme.pk):
        add_member(actor=OPERATOR, user=world.people["approver"], role="viewer")
    arrive(issuer, Client(), "flo", groups=["nights"])
    assert role_of(world, "flo@acme.example") == "viewer"


def test_role_that_is_gone_or_anothers_gives_nothing(world: World, issuer: Issuer) -> None:
    gone = make(world, "Gone")
    with tenant_scope(world.globex.pk):
        theirs = create_role(actor=world.outsider(), settings=RoleSettings("Theirs", permissions_of("admin")))
    connect(world, issuer, creates_people=True)
    with tenant_scope(world.acme.pk):  # by somebody who writes the database
        Role.objects.filter(pk=gone.pk).update(deleted_at=now())
        meant = [rule("a", gone.key), rule("b", theirs.key), rule("c", "own-nobodys"), rule("d", "owner")]
        IdentityProvider.objects.update(rules=meant)
    arrive(issuer, Client(), "ana", groups=["a", "b", "c", "d"])
    assert role_of(world, "ana@acme.example") == "viewer"


def test_who_left_a_group_loses_its_role_also_once_who_set_the_rules_has_left(world: World, issuer: Issuer) -> None:
    night = make(world, "Night lead")
    rules = (rule("nights", night.key), rule("admins", "admin"))
    row = connect(world, issuer, rules=rules, creates_people=True)
    with contextlib.suppress(Invalid):  # refused, else it would be nobody's to give once the owner has left
        row = change(world, row, default_role=night.key)
    arrive(issuer, Client(), "ana", groups=["admins"])
    arrive(issuer, Client(), "ben", groups=["nights"])
    demote(world, "viewer")
    arrive(issuer, Client(), "ana")
    arrive(issuer, Client(), "ben", groups=["nights"])
    arrive(issuer, Client(), "cy", groups=["nights", "admins"])
    found = [role_of(world, f"{name}@acme.example") for name in ("ana", "ben", "cy")]
    assert found == ["viewer", night.key, "admin"]
    arrive(issuer, Client(), "ben", groups=["unknown"])
    assert role_of(world, "ben@acme.example") == "viewer"


def test_rules_name_roles_that_are_there_and_not_above_who_sets_them(world: World, issuer: Issuer) -> None:
    night, odd, signs = make(world, "Night lead"), make(world, "A; b = c"), make(world, "= support")
    with tenant_scope(world.globex.pk):
        theirs = create_role(actor=world.outsider(), settings=RoleSettings("Theirs", permissions_of("viewer")))
    row = connect(world, issuer)
    with tenant_scope(world.acme.pk):
        owner = world.actor("owner")
        lines = f"nights = Night lead\nodd = {odd.key}\nsigns = {signs.key}\nagents = support"
        rules = providers.rules_of(lines)
        assert [one["role"] for one in rules] == [night.key, odd.key, signs.key, "support"]
        assert providers.text_of(rules) == lines
        for key in (theirs.key, "owner", "own-nobodys", "no"):
            for wrong in ({"rules": (rule("x", key),)}, {"default_role": key}):
                with pytest.raises(Invalid) as caught:
                    providers.revise_provider(actor=owner, provider_id=row.pk, settings=settings_of(row, **wrong))
                assert caught.value.facts["fields"].keys() == wrong.keys()
        with pytest.raises(Invalid):  # an own role is given by groups alone
            providers.revise_provider(
                actor=owner, provider_id=row.pk, settings=settings_of(row, default_role=night.key)
            )
        with pytest.raises(IntegrityError), transaction.atomic():
            IdentityProvider.objects.update(default_role="own-x")
        less = owner.limited_to(ALL_PERMISSIONS - {"hitl.decide_approval"})
        for wrong in ({"rules": (rule("x", "approver"),)}, {"default_role": "admin"}):
            with pytest.raises(Refused) as refused:
                providers.revise_provider(actor=less, provider_id=row.pk, settings=settings_of(row, **wrong))
            assert refused.value.code == "role_above_yours"
    change(world, row, rules=(rule("nights", night.key),))
    with tenant_scope(world.acme.pk), pytest.raises(Conflict) as used:
        delete_role(actor=world.actor("owner"), role_id=night.pk)
    wanted = "the group “nights”"
    assert (used.value.code, used.value.facts["given_to"]) == ("in_use", [wanted])
    assert wanted in used.value.detail
    with tenant_scope(world.acme.pk):
        settings = RoleSettings("Night lead", permissions_of("viewer"))
        effect = find_effect(viewer=world.actor("owner"), role_id=night.pk, settings=settings)
    assert effect.given_to == (wanted,)
    change(world, row, rules=())
    with tenant_scope(world.acme.pk):
        delete_role(actor=world.actor("owner"), role_id=night.pk)


def test_pages_name_own_roles(world: World, issuer: Issuer) -> None:
    make(world, "Night lead", ERASER)
    row = connect(world, issuer, creates_people=True)
    owner, page = browser_of(world), f"/admin/accounts/identityprovider/{row.pk}/"
    form = owner.get(f"{page}edit/").content.decode()
    options = re.findall(r'<option value="([^"]+)"', form)
    assert [*ROLES] == options  # the role of everyone else is a built-in one
    said = {
        "issuer": issuer.url, "client_id": CLIENT, "scopes": "openid", "groups_claim": "groups", "version": "1",
        "rules": "nights = Night lead", "default_role": "viewer", "creates_people": "yes",
    }  # fmt: skip
    assert owner.post(f"{page}edit/", said).status_code == 302
    shown = html.unescape(owner.get(page).content.decode())
    assert ("nights = Night lead" in shown, "Night lead. Deleted, or allows more" in shown) == (True, False)

    def trial() -> str:
        url = link_in(owner.post(f"{page}try/"))
        return html.unescape(owner.get(path_of(issuer.allow(url, "boss", groups=["nights"]))).content.decode())

    told = trial()
    assert ("<dd>Night lead</dd>" in told, "Let in as a new person." in told) == (True, True)
    assert "Not given" not in told
    with tenant_scope(world.acme.pk):
        IdentityProvider.objects.update(rules_by=world.people["viewer"])
    told = trial()
    assert ("<dd>Viewer</dd>" in told, "Night lead. Deleted, or allows more" in told) == (True, True)
    assert "Night lead. Deleted, or allows more" in html.unescape(owner.get(page).content.decode())
    others = [rule(f"group {number}", make(world, f"Role {number}").key) for number in range(3)]
    with tenant_scope(world.acme.pk):
        IdentityProvider.objects.update(rules=others)
        row.refresh_from_db()
        with CaptureQueriesContext(connection) as asked:
            assert [*given_now(row).lacking.values()] == ["Role 0", "Role 1", "Role 2"]
    assert len(asked) == 2  # who set the rules, and the roles: at each sign-in and each push


def test_pushed_group_gives_it_within_the_rights_of_setter_and_maker(world: World) -> None:
    night, eraser = make(world, "Night lead"), make(world, "Eraser", ERASER)
    pusher = connect_directory(world, rules=[rule("eraser", eraser.key), rule("nights", night.key)])
    ana, ben = (pusher.push(name)["id"] for name in ("ana", "ben"))
    group = pusher.group("nights", ana)
    both = pusher.group("eraser", ben)
    pusher.settle()
    assert [pusher.member(one).role for one in (ana, ben)] == [night.key, eraser.key]
    demote(world)
    with tenant_scope(world.acme.pk):  # another owner's token, for rules of somebody who is none any more
        key = IdentityProvider.objects.get().pk
        token = tokens.make_token(actor=world.actor("approver"), provider_id=key, person_claim="sub")
        pusher = Pusher(world.acme, token)
    cy = pusher.push("cy")["id"]
    for one in (group, both):
        pusher.change(f"Groups/{one}", {"op": "add", "path": "members", "value": [{"value": cy}]})
    dee = pusher.push("dee")["id"]
    pusher.change(f"Groups/{both}", {"op": "add", "path": "members", "value": [{"value": dee}]})
    pusher.settle()
    assert [pusher.member(one).role for one in (ana, ben, cy, dee)] == [night.key, eraser.key, night.key, "viewer"]
    pusher.change(f"Groups/{both}", {"op": "remove", "path": f'members[value eq "{ben}"]'})
    pusher.settle()
    assert pusher.member(ben).role == "viewer"  # who had it, and has left the group
    with tenant_scope(world.acme.pk):
        assert not DirectoryPerson.objects.exclude(due_at=None).exists()


def test_person_who_comes_back_after_their_role_was_deleted_gets_that_of_everyone_else(world: World) -> None:
    night = make(world, "Night lead")
    pusher = connect_directory(world)
    ana = pusher.push("ana")["id"]
    with tenant_scope(world.acme.pk):
        add_member(actor=OPERATOR, user=pusher.member(ana).user, role=night.key)
    assert pusher.switch(ana, is_on=False).status_code == 200
    with tenant_scope(world.acme.pk):
        delete_role(actor=world.actor("owner"), role_id=night.pk)
    assert pusher.switch(ana, is_on=True).status_code == 200
    assert (pusher.member(ana).role, pusher.member(ana).is_active) == ("viewer", True)
