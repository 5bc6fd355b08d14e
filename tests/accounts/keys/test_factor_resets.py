"""Lost second factors: two people who manage members reset one, and nobody else, and nobody alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.mfa.utils import decrypt
from django.test import Client

from accounts.models import Membership, Notice, User
from accounts.services import add_member
from accounts.sign_in.factor_resets import agree_reset, ask_reset, refuse_reset
from core.actors import Actor
from core.clock import now
from core.errors import Conflict, NotFound, Refused
from core.models import AuditEntry
from core.tenancy.scope import tenant_scope
from tests.accounts.keys.soft_key import give_password, is_in
from tests.accounts.resets.resetting import person_of
from tests.accounts.tokens.devices import Device, families_of
from tests.console.test_sign_in import code_of
from tests.world import OPERATOR, World, prove

pytestmark = pytest.mark.django_db
Move = Callable[..., Membership]


@pytest.fixture
def person(world: World) -> User:
    """The approver, with an app and recovery codes."""
    user = person_of(world)
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    return user


def membership_of(world: World, user: User) -> UUID:
    with tenant_scope(world.acme.pk):
        return Membership.objects.get(user=user).pk


def move(world: World, service: Move, by: str | Actor, user: User, **more: Any) -> Membership:
    """Let somebody ask, agree or refuse."""
    actor = world.actor(by) if isinstance(by, str) else by
    with tenant_scope(world.acme.pk):
        return service(actor=actor, membership_id=membership_of(world, user), **more)


def code_from(world: World, service: Move, by: str | Actor, user: User, **more: Any) -> str:
    """Return the code with which somebody is refused."""
    with pytest.raises((Refused, Conflict)) as caught:
        move(world, service, by, user, **more)
    return caught.value.code


@pytest.mark.slow
def test_two_people_reset_a_factor_and_everything_of_the_person_ends(world: World, person: User) -> None:
    secret = decrypt(Authenticator.objects.get(type="totp").data["secret"])
    device, browser = Device(), give_password(Client(), person)
    device.post("login", ticket=device.sign_in(person).json()["ticket"], code=code_of(secret))
    browser.post("/account/2fa/authenticate/", {"code": code_of(secret, 1)})
    move(world, ask_reset, "owner", person)
    assert (is_in(browser), device.is_in(), Authenticator.objects.count()) == (True, True, 2)
    move(world, agree_reset, "admin", person)
    assert (is_in(browser), device.is_in(), Authenticator.objects.count()) == (False, False, 0)
    assert families_of(world) == [(1, "reset")]
    assert is_in(give_password(Client(), person))
    with tenant_scope(world.acme.pk):
        written = AuditEntry.objects.filter(object_id=membership_of(world, person), action__contains="RESET")
        assert [(entry.action, entry.actor_user_id, entry.facts) for entry in written.order_by("-seq")] == [
            (
                "SECOND_FACTOR_RESET",
                world.people["admin"].pk,
                {"asked_by": str(world.people["owner"].pk), "removed": ["recovery_codes", "totp"]},
            ),
            ("FACTOR_RESET_ASKED", world.people["owner"].pk, {}),
        ]
        told = Notice.objects.filter(person=person, level="alert").order_by("pk").values_list("title", flat=True)
        assert [title for title in told if "reset" in title] == [
            "Someone asked to reset your second factor", "Your second factor was reset",
        ]  # fmt: skip
        waiting = Notice.objects.get(person=world.people["admin"])
        assert (waiting.title, waiting.seen_at is not None) == (
            "A reset of a second factor waits for a second person",
            True,
        )
    assert code_from(world, agree_reset, "admin", person) == "not_asked"


def test_nobody_resets_alone_for_themselves_or_above_their_role(world: World, person: User) -> None:
    assert code_from(world, agree_reset, "owner", person) == "not_asked"
    move(world, ask_reset, "owner", person)
    assert code_from(world, ask_reset, "admin", person) == "asked"
    assert code_from(world, agree_reset, "owner", person) == "four_eyes"
    stale = replace(world.actor("admin"), proven_lately=False)
    keyed = replace(world.actor("admin"), scopes=frozenset({"accounts.manage_membership"}))
    others = (("compliance", "not_allowed"), (stale, "confirm_first"), (keyed, "not_a_person"))
    assert [code_from(world, agree_reset, by, person) for by, _ in others] == [code for _, code in others]
    owner = world.people["owner"]
    TOTP.activate(owner, generate_totp_secret())
    assert code_from(world, ask_reset, "owner", owner) == "yourself"
    assert code_from(world, ask_reset, "admin", owner) == "role_above_yours"
    # The owner has a factor now, and has to have used it, whatever the member's role.
    assert code_from(world, refuse_reset, "owner", person) == "weak_sign_in"
    assert code_from(world, ask_reset, "owner", world.people["viewer"]) == "weak_sign_in"
    assert Authenticator.objects.filter(user=person).count() == 2


@pytest.mark.slow
def test_what_was_asked_ends_with_a_day_a_refusal_or_the_right_to_ask(world: World, person: User) -> None:
    late = now() + timedelta(days=1, minutes=1)
    move(world, ask_reset, "owner", person)
    assert code_from(world, agree_reset, "admin", person, now=late) == "not_asked"
    move(world, refuse_reset, "admin", person)
    assert code_from(world, agree_reset, "admin", person) == "not_asked"
    assert code_from(world, refuse_reset, "admin", person) == "not_asked"
    move(world, ask_reset, "admin", person)
    with tenant_scope(world.acme.pk):
        add_member(actor=OPERATOR, user=world.people["admin"], role="viewer")
    assert code_from(world, agree_reset, "owner", person) == "not_asked"


def test_factor_that_protects_more_than_this_organisation_stays(world: World, person: User) -> None:
    move(world, ask_reset, "owner", person)
    with tenant_scope(world.globex.pk):
        add_member(actor=OPERATOR, user=person, role="viewer")
    assert code_from(world, agree_reset, "admin", person) == "not_here"
    support = world.people["support"]
    assert code_from(world, ask_reset, "owner", support) == "no_factor"
    TOTP.activate(support, generate_totp_secret())
    User.objects.filter(pk=support.pk).update(is_superuser=True)
    assert code_from(world, ask_reset, "owner", support) == "not_here"
    with tenant_scope(world.globex.pk), pytest.raises(NotFound):
        ask_reset(actor=world.outsider(), membership_id=membership_of(world, person))


@pytest.mark.slow
def test_pages_offer_the_next_step(world: World, person: User) -> None:
    owner, admin = (prove(give_password(Client(), person_of(world, role))) for role in ("owner", "admin"))
    page = f"/admin/accounts/membership/{membership_of(world, person)}/"
    shown = owner.get(page).content.decode()
    assert ("Reset second factor" in shown, "Agree to the reset" in shown) == (True, False)
    assert owner.post(f"{page}reset-factor/").status_code == 302
    assert "Agree to the reset" in admin.get(page).content.decode()
    assert owner.post(f"{page}agree-reset/").status_code == 403
    assert admin.post(f"{page}agree-reset/").status_code == 302
    assert not Authenticator.objects.exists()
