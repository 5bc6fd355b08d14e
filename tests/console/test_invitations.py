"""The page of people invites colleagues, shows who has not come yet, and takes invitations back."""

from typing import Any

import pytest

from accounts.models import Invitation
from core.scope import tenant_scope
from tests.accounts.inviting import NEW, invite
from tests.console.conftest import Browser
from tests.world import World

PEOPLE = "/admin/accounts/membership/"
ONE = "/admin/accounts/invitation/"


def text(answer: Any) -> str:
    return str(answer.content.decode())


def test_colleague_is_invited_from_the_page_of_people(browser: Browser, world: World) -> None:
    owner = browser("owner")
    assert "Nobody is invited at the moment" in text(owner.get(PEOPLE))
    given = {"email": NEW, "name": "Ana García", "role": "approver"}
    page = text(owner.post(f"{PEOPLE}invite/", given, follow=True))
    for part in ("The invitation is on its way", "Ana García", "Approver", "Mail is being sent", "Owner Acme"):
        assert part in page
    assert NEW not in page


def test_form_offers_only_roles_that_the_viewer_can_give(browser: Browser) -> None:
    form = text(browser("admin").get(f"{PEOPLE}invite/"))
    assert ['value="approver"' in form, 'value="owner"' in form, 'value="compliance"' in form] == [True, False, False]


@pytest.mark.parametrize(
    ("given", "said"), [({"email": "x"}, "valid email"), ({"email": "viewer@acme.example"}, "has a seat")]
)
def test_what_is_wrong_is_said_on_the_form(browser: Browser, given: dict[str, str], said: str) -> None:
    assert said in text(browser("owner").post(f"{PEOPLE}invite/", {"role": "viewer", **given}))


def test_invitation_is_sent_again_and_withdrawn(browser: Browser, world: World) -> None:
    row, owner = invite(world), browser("owner")
    assert "Send it again" in text(owner.get(f"{ONE}{row.pk}/"))
    assert "A new mail is on its way" in text(owner.post(f"{ONE}{row.pk}/resend/", follow=True))
    assert "Nobody is invited" in text(owner.post(f"{ONE}{row.pk}/withdraw/", follow=True))
    with tenant_scope(world.acme.pk):
        row.refresh_from_db()
        assert (row.round, row.state(row.sent_at)) == (2, "withdrawn")
    assert "Send it again" not in text(owner.get(f"{ONE}{row.pk}/"))


def test_who_sees_people_sees_invitations_and_may_not_touch_them(browser: Browser, world: World) -> None:
    row, viewer = invite(world), browser("compliance")
    assert row.masked_address in text(viewer.get(PEOPLE))
    assert "Send it again" not in text(viewer.get(f"{ONE}{row.pk}/"))
    assert viewer.post(f"{ONE}{row.pk}/withdraw/").status_code == 403


def test_problem_of_the_mail_is_shown(browser: Browser, world: World) -> None:
    row = invite(world)
    with tenant_scope(world.acme.pk):
        Invitation.objects.update(mail_problem="No mail account is connected.")
    owner = browser("owner")
    assert "Mail not delivered" in text(owner.get(PEOPLE))
    assert "No mail account is connected." in text(owner.get(f"{ONE}{row.pk}/"))
