"""Inviting a colleague: who may, what the inviter learns, and a membership that is made once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import services
from accounts.members import acceptance, invitations
from accounts.models import Invitation, Membership, User
from core.clock import now
from core.errors import Conflict, Gone, Invalid, NotFound, Refused, TooMany, WalkerError
from core.models import AuditEntry, Outbox
from core.tenancy.scope import tenant_scope
from tests.accounts.invitations.inviting import NEW, PERSON, invite, link_of
from tests.hitl.machine.test_races import at_once
from tests.security.rows import changed, snapshot
from tests.world import OPERATOR, World


def accept(row: Invitation, **more: Any) -> User:
    given: dict[str, Any] = more if "visitor" in more else {**PERSON, **more}
    return acceptance.accept_invitation(invitation_id=row.pk, **given)


def why_not(row: Invitation, **more: Any) -> str:
    """Accept what must not count; returns why. Nothing is written."""
    before, people = snapshot(), User.objects.count()
    with pytest.raises(WalkerError) as caught:
        accept(row, **more)
    assert (changed(before, snapshot()), User.objects.count()) == (set(), people)
    return caught.value.code


def test_invitation_keeps_the_address_sealed_and_tells_the_audit_ids_only(acme: World) -> None:
    row = invite(acme, name="Ana García")
    with connection.cursor() as cursor:
        cursor.execute("select row_to_json(t)::text from accounts_invitation t")
        stored = str(cursor.fetchone())
    assert not [word for word in (NEW, "ana.new", "García") if word in stored]
    entry = AuditEntry.objects.get(action="MEMBER_INVITED")
    assert (entry.object_id, entry.new_state, entry.facts) == (row.pk, "support", {"round": 1})


def test_same_offer_again_is_the_first_one_and_sends_nothing(acme: World) -> None:
    assert invite(acme).pk == invite(acme, email=f" {NEW.upper()} ").pk
    assert Outbox.objects.filter(event="member_invited").count() == 1


def test_another_role_for_an_invited_address_is_a_conflict(acme: World) -> None:
    invite(acme)
    with pytest.raises(Conflict) as caught:
        invite(acme, role="viewer")
    assert caught.value.code == "invited"


def test_address_with_a_membership_here_is_a_conflict(acme: World) -> None:
    with pytest.raises(Conflict) as caught:
        invite(acme, email="Viewer@Acme.Example")
    assert caught.value.code == "already_member"


def test_inviter_does_not_learn_whether_an_address_has_an_account(acme: World) -> None:
    invite(acme, email="first@acme.example")  # it reads settings that are kept for seconds
    said, asked = [], []
    for address in (NEW, "viewer@globex.example"):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            said.append(invite(acme, email=address).state(now()))
        asked.append([query["sql"].split(" ")[0] for query in queries])
    assert (said, asked[0]) == (["open", "open"], asked[1])


@pytest.mark.parametrize("by", ["viewer", "support", "approver", "compliance"])
def test_who_may_not_change_roles_invites_nobody(acme: World, by: str) -> None:
    with pytest.raises(Refused):
        invite(acme, role="viewer", by=by)


@pytest.mark.parametrize("role", ["owner", "compliance"])
def test_nobody_offers_more_than_he_holds(acme: World, role: str) -> None:
    with pytest.raises(Refused) as caught:
        invite(acme, role=role, by="admin")
    assert caught.value.code == "role_above_yours"


def test_who_has_a_second_factor_lets_in_signers_with_it_only(acme: World) -> None:
    row = invite(acme, role="approver")
    owner = acme.actor("owner")
    TOTP.activate(acme.people["owner"], "JBSWY3DPEHPK3PXP")
    for weak in (owner, replace(owner, auth_strength="api_key")):
        with pytest.raises(Refused) as caught:
            invitations.invite_member(actor=weak, email="b@new.example", role="compliance")
        assert caught.value.code == "weak_sign_in"
    with pytest.raises(Refused):
        invitations.resend_invitation(actor=owner, invitation_id=row.pk)
    strong = replace(owner, auth_strength="mfa")
    assert invitations.resend_invitation(actor=strong, invitation_id=row.pk).round == 2
    with pytest.raises(Refused):
        services.change_role(actor=owner, user=acme.people["viewer"], role="approver")
    assert services.change_role(actor=strong, user=acme.people["viewer"], role="approver").role == "approver"
    assert invite(acme, role="viewer", email="c@new.example").role == "viewer"
    assert accept(row).email == NEW


@pytest.mark.parametrize("email", ["", "ana", "a@b", "mıke@x.example", "a@x.example\nBcc: b@x.example", "a@ıx.example"])
def test_what_is_no_address_is_refused(acme: World, email: str) -> None:
    with pytest.raises(Invalid):
        invite(acme, email=email)


@pytest.mark.parametrize("name", ["Win at evil.example", "http://x", "<b>Ana", "ana@x", "x" * 121])
def test_name_that_reads_as_a_link_is_refused(acme: World, name: str) -> None:
    with pytest.raises(Invalid):
        invite(acme, name=name)


@pytest.mark.parametrize(
    "name", ["Go to evil\uff0eexample", "evil\u3002example", "Ana \u202eloof", "\u0410na", "A\u200bna"]
)
def test_name_that_is_not_what_it_shows_is_refused(acme: World, name: str) -> None:
    with pytest.raises(Invalid):
        invite(acme, name=name)


@pytest.mark.parametrize("name", ["Ana-María d'Ávila jr.", "Анна Петрова", "山田 太郎", "J. R. Ewing"])
def test_names_of_people_are_names(acme: World, name: str) -> None:
    assert invite(acme, name=name).name == name


def test_tenant_sends_so_many_a_day(acme: World, settings: Any) -> None:
    settings.INVITATIONS_PER_DAY = 2
    row = invite(acme)
    invitations.resend_invitation(actor=acme.actor("owner"), invitation_id=row.pk)
    with pytest.raises(TooMany):
        invite(acme, email="second@new.example")


def test_new_person_takes_the_membership(acme: World) -> None:
    row = invite(acme)
    person = accept(row, address="203.0.113.9")
    membership = Membership.objects.get(user=person)
    assert (person.email, membership.role, person.check_password(PERSON["password"])) == (NEW, "support", True)
    entry = AuditEntry.objects.get(action="INVITATION_ACCEPTED")
    assert (entry.actor_user_id, entry.facts["membership"]) == (person.pk, str(membership.pk))


@pytest.mark.slow
def test_membership_is_made_once(acme: World) -> None:
    row = invite(acme)
    accept(row)
    assert why_not(row) == "invitation_over"


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_the_same_moment_make_one_membership(committed_world: World) -> None:
    row = invite(committed_world)
    with tenant_scope(committed_world.acme.pk):
        results = at_once([lambda: accept(row), lambda: accept(row)])
        assert sorted(type(one).__name__ for one in results) == ["Gone", "User"]
        assert Membership.objects.filter(user__email=NEW).count() == 1
        assert AuditEntry.objects.filter(action="INVITATION_ACCEPTED").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_organisations_make_one_account_at_the_same_moment(committed_world: World) -> None:
    world, here = committed_world, invite(committed_world)
    outsider = world.outsider()
    with tenant_scope(world.globex.pk):
        there = invitations.invite_member(actor=outsider, email=NEW, role="viewer")

    def take(tenant_id: UUID, row: Invitation) -> User:
        with tenant_scope(tenant_id):
            return accept(row)

    with tenant_scope(world.acme.pk):
        results = at_once([lambda: take(world.acme.pk, here), lambda: take(world.globex.pk, there)])
    assert sorted(getattr(one, "code", "made") for one in results) == ["made", "sign_in"]
    assert User.objects.filter(email=NEW).count() == 1


@pytest.mark.parametrize(
    "given",
    [
        {"password": "short"},
        {"password": "password1234"},
        {"password": NEW},
        {"first_name": ""},
        {"last_name": "www.x.io"},
    ],
)
def test_weak_password_or_no_name_makes_no_account(acme: World, given: dict[str, str]) -> None:
    assert why_not(invite(acme), **given) == "invalid"


def test_person_of_another_tenant_signs_in_first(acme: World) -> None:
    row, person = invite(acme, email="viewer@globex.example"), acme.outsiders["viewer"]
    assert why_not(row) == "sign_in"
    assert why_not(row, visitor=acme.outsiders["owner"].pk) == "other_person"
    assert accept(row, visitor=person.pk) == person
    assert Membership.objects.get(user=person).role == "support"


def test_new_address_is_not_taken_by_who_is_signed_in(acme: World) -> None:
    assert why_not(invite(acme), visitor=acme.outsiders["viewer"].pk) == "other_person"


@pytest.mark.parametrize("change", ["role", "membership", "account"])
def test_inviter_who_lost_the_right_gives_nothing(acme: World, change: str) -> None:
    row = invite(acme, role="approver", by="admin")
    membership = Membership.objects.get(user=acme.people["admin"])
    if change == "account":
        User.objects.filter(pk=membership.user_id).update(is_active=False)
    else:
        Membership.objects.filter(pk=membership.pk).update(
            **({"role": "support"} if change == "role" else {"is_active": False})
        )
    assert why_not(row) == "invitation_over"


def test_inviter_who_holds_less_now_gives_no_more(acme: World) -> None:
    row = invite(acme, role="owner")
    Membership.objects.filter(user=acme.people["owner"]).update(role="admin")
    assert why_not(row) == "invitation_over"


@pytest.mark.slow
def test_expired_and_withdrawn_invitations_count_no_more(acme: World) -> None:
    row = invite(acme)
    assert why_not(row, now=now() + timedelta(days=8)) == "invitation_over"
    invitations.withdraw_invitation(actor=acme.actor("owner"), invitation_id=row.pk)
    assert why_not(row) == "invitation_over"
    with pytest.raises(Conflict):
        invitations.withdraw_invitation(actor=acme.actor("owner"), invitation_id=row.pk)


def test_expired_one_makes_room_for_another(acme: World) -> None:
    old = invite(acme, now=now() - timedelta(days=8))
    assert invite(acme, role="viewer").pk != old.pk


@pytest.mark.slow
def test_closed_membership_is_opened_again_and_an_open_one_stays(acme: World) -> None:
    membership = Membership.objects.get(user=acme.people["support"])
    services.remove_member(actor=acme.actor("owner"), membership_id=membership.pk)
    row = invite(acme, role="viewer", email="support@acme.example")
    services.add_member(actor=OPERATOR, user=acme.people["support"], role="support")
    assert why_not(row, visitor=membership.user_id) == "already_member"
    services.remove_member(actor=acme.actor("owner"), membership_id=membership.pk)
    accept(row, visitor=membership.user_id)
    membership.refresh_from_db()
    assert (membership.role, membership.is_active) == ("viewer", True)


def test_link_is_kept_as_a_digest_and_leads_to_its_tenant(world: World) -> None:
    row = invite(world)
    secret = link_of(world, row)
    assert invitations.find_invitation(secret) == (world.acme.pk, row.pk)
    assert invitations.find_invitation(secret[:-1]) is None
    with tenant_scope(world.acme.pk):
        assert secret not in str(Invitation.objects.values().get())


def test_link_of_a_tenant_that_is_switched_off_leads_nowhere(world: World) -> None:
    secret = link_of(world, invite(world))
    with tenant_scope(world.acme.pk):
        services.set_tenant_active(actor=OPERATOR, active=False)
    assert invitations.find_invitation(secret) is None


def test_sending_again_ends_the_links_before(acme: World) -> None:
    row = invite(acme)
    old = link_of(acme, row)
    again = invitations.resend_invitation(actor=acme.actor("admin"), invitation_id=row.pk)
    assert invitations.find_invitation(old) is None
    assert link_of(acme, row) == ""
    assert invitations.find_invitation(link_of(acme, row, again.round)) is not None


@pytest.mark.parametrize("move", [invitations.resend_invitation, invitations.withdraw_invitation])
def test_invitation_of_another_tenant_is_not_found(world: World, move: Any) -> None:
    row, outsider = invite(world), world.outsider()
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        move(actor=outsider, invitation_id=row.pk)


@pytest.mark.parametrize("move", [invitations.resend_invitation, invitations.withdraw_invitation])
def test_admin_touches_no_offer_above_his_own_role(acme: World, move: Any) -> None:
    row = invite(acme, role="owner")
    with pytest.raises(Refused):
        move(actor=acme.actor("admin"), invitation_id=row.pk)


def test_links_are_made_by_the_system_only(acme: World) -> None:
    with pytest.raises(Refused):
        invitations.make_invitation_link(actor=acme.actor("owner"), invitation_id=invite(acme).pk, round=1)


def test_old_invitations_are_removed(acme: World) -> None:
    invite(acme)
    assert invitations.purge_invitations(now=now() + timedelta(days=36)) == 0
    assert invitations.purge_invitations(now=now() + timedelta(days=38)) == 1


def test_gone_is_said_to_who_comes_late(acme: World) -> None:
    row = invite(acme)
    opened = acceptance.open_invitation(invitation_id=row.pk, now=now() + timedelta(days=8))
    assert isinstance(opened.problem, Gone)
