"""The page of people invites colleagues, shows who has not come yet, and takes invitations back."""

import re
from typing import Any

import pytest

from accounts.models import Invitation, Membership
from accounts.services import add_member
from core.tenancy.scope import platform_scope, tenant_scope
from tests.accounts.invitations.inviting import NEW, invite
from tests.accounts.resets.resetting import person_of
from tests.console.conftest import Browser
from tests.world import OPERATOR, PASSWORD, World, prove

PEOPLE = "/admin/accounts/membership/"
ONE = "/admin/accounts/invitation/"


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_colleague_is_invited_from_the_page_of_people(browser: Browser, world: World) -> None:
    owner = prove(browser("owner"))
    assert "No open invitations" in text(owner.get(PEOPLE))
    given = {"email": NEW, "name": "Ana García", "role": "approver"}
    page = text(owner.post(f"{PEOPLE}invite/", given, follow=True))
    for part in ("The invitation is on its way", "Ana García", "Approver", "Sending email", "Owner Acme"):
        assert part in page
    assert NEW not in page


@pytest.mark.parametrize("way", ["invite", "role"])
def test_who_has_no_second_factor_types_the_password_and_what_was_filled_in_is_done(
    world: World, browser: Browser, way: str
) -> None:
    person_of(world, "owner")
    owner = prove(browser("owner"), ago=301)
    with tenant_scope(world.acme.pk):
        membership = Membership.objects.get(user=world.people["viewer"])
    path = f"{PEOPLE}invite/" if way == "invite" else f"{PEOPLE}{membership.pk}/role/"
    asked = owner.post(path, {"email": NEW, "role": "approver"}, follow=True)
    assert "Confirm it's you" in text(asked)
    assert _done(world, membership) == 0
    owner.post(asked.redirect_chain[-1][0], {"password": "wrong", "next": path})
    assert _done(world, membership) == 0
    owner.post(asked.redirect_chain[-1][0], {"password": PASSWORD, "next": path})
    assert _done(world, membership) == 1


def test_form_that_waits_for_the_password_is_not_done_in_another_organisation(world: World, browser: Browser) -> None:
    person = person_of(world, "owner")
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=person, role="owner")
    owner = browser("owner")
    owner.post("/account/tenant/", {"tenant": str(world.acme.pk)})
    path, ask = f"{PEOPLE}invite/", "/account/reauthenticate/"
    prove(owner, ago=301).post(path, {"email": NEW, "role": "approver"})
    owner.post("/account/tenant/", {"tenant": str(world.globex.pk)})
    assert owner.post(ask, {"password": PASSWORD, "next": path})["Location"] == path
    with platform_scope():
        assert not Invitation.objects.exists()


@pytest.mark.slow
def test_form_of_another_tab_s_organisation_does_nothing(world: World, browser: Browser) -> None:
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=world.people["owner"], role="owner")
    owner = prove(browser("owner"))
    owner.post("/account/tenant/", {"tenant": str(world.acme.pk)})
    [hidden] = re.findall(r'name="of_organisation" value="([^"]+)"', text(owner.get(f"{PEOPLE}invite/")))
    assert hidden == str(world.acme.pk)
    given = {"email": NEW, "role": "viewer", "of_organisation": hidden}
    owner.post("/account/tenant/", {"tenant": str(world.globex.pk)})
    assert owner.post(f"{PEOPLE}invite/", given).status_code == 403
    owner.post("/account/tenant/", {"tenant": str(world.acme.pk)})
    assert "is on its way" in text(owner.post(f"{PEOPLE}invite/", given, follow=True))


def _done(world: World, membership: Membership) -> int:
    with tenant_scope(world.acme.pk):
        changed = Membership.objects.filter(pk=membership.pk, role="approver").count()
        return changed + Invitation.objects.filter(role="approver").count()


def test_role_that_signs_nothing_asks_for_no_password(world: World, browser: Browser) -> None:
    owner = prove(browser("owner"), ago=301)
    assert "is on its way" in text(owner.post(f"{PEOPLE}invite/", {"email": NEW, "role": "support"}, follow=True))


def test_key_that_manages_people_asks_for_the_password(world: World, browser: Browser) -> None:
    person_of(world, "owner")
    owner = prove(browser("owner"), ago=301)
    for scope, word in (
        ("hitl.view_approval", "Your new API key"),
        ("accounts.manage_membership", "Confirm it's you"),
    ):
        given = {"name": "k", "days": 9, "scopes": [scope]}
        assert word in text(owner.post("/admin/accounts/apikey/create/", given, follow=True))


def test_form_offers_only_roles_that_the_viewer_can_give(browser: Browser) -> None:
    form = text(browser("admin").get(f"{PEOPLE}invite/"))
    assert ['value="approver"' in form, 'value="owner"' in form, 'value="compliance"' in form] == [True, False, False]


@pytest.mark.parametrize(
    ("given", "said"),
    [({"email": "x"}, "valid email"), ({"email": "viewer@acme.example"}, "already uses this address")],
)
def test_what_is_wrong_is_said_on_the_form(browser: Browser, given: dict[str, str], said: str) -> None:
    assert said in text(browser("owner").post(f"{PEOPLE}invite/", {"role": "viewer", **given}))


@pytest.mark.slow
def test_invitation_is_sent_again_and_withdrawn(browser: Browser, world: World) -> None:
    row, owner = invite(world), browser("owner")
    assert "Resend invitation" in text(owner.get(f"{ONE}{row.pk}/"))
    assert "A new email is on its way" in text(owner.post(f"{ONE}{row.pk}/resend/", follow=True))
    assert "No open invitations" in text(owner.post(f"{ONE}{row.pk}/withdraw/", follow=True))
    with tenant_scope(world.acme.pk):
        row.refresh_from_db()
        assert (row.round, row.state(row.sent_at)) == (2, "withdrawn")
    assert "Resend invitation" not in text(owner.get(f"{ONE}{row.pk}/"))


def test_who_sees_people_sees_invitations_and_may_not_touch_them(browser: Browser, world: World) -> None:
    row, viewer = invite(world), browser("compliance")
    assert row.masked_address in text(viewer.get(PEOPLE))
    assert "Resend invitation" not in text(viewer.get(f"{ONE}{row.pk}/"))
    assert viewer.post(f"{ONE}{row.pk}/withdraw/").status_code == 403


def test_problem_of_the_mail_is_shown(browser: Browser, world: World) -> None:
    row = invite(world)
    with tenant_scope(world.acme.pk):
        Invitation.objects.update(mail_problem="No mail account is connected.")
    owner = browser("owner")
    assert "Email not delivered" in text(owner.get(PEOPLE))
    assert "No mail account is connected." in text(owner.get(f"{ONE}{row.pk}/"))
