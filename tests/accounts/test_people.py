"""Memberships, roles and keys: what a person may do comes from their membership in the tenant in scope."""

from datetime import timedelta

import pytest
from django.http import HttpRequest
from django.test import Client

from accounts import api_keys, selectors, services
from accounts.models import ApiKey, Membership
from core.actors import Actor
from core.clock import now
from core.errors import Invalid, NotFound, Refused
from core.tenancy.scope import tenant_scope
from tests.world import OPERATOR, World


def test_memberships_of_a_person_are_found_without_a_scope(world: World) -> None:
    [membership] = selectors.memberships_of(world.people["approver"].pk)
    assert (membership.tenant_id, membership.role) == (world.acme.pk, "approver")


def test_permission_of_a_role_holds_in_its_tenant(acme: World) -> None:
    assert acme.people["approver"].has_perm("hitl.decide_approval")


def test_permission_in_another_tenant_is_denied(world: World) -> None:
    with tenant_scope(world.globex.pk):
        assert not world.people["owner"].has_perm("hitl.view_approval")


def test_superuser_without_a_membership_may_nothing(acme: World) -> None:
    operator = acme.outsiders["owner"]
    operator.is_superuser = operator.is_staff = True
    assert not operator.has_perm("hitl.view_approval")


def test_actor_without_a_membership_is_refused(acme: World) -> None:
    with pytest.raises(Refused):
        services.actor_for_user(acme.outsiders["owner"])


def test_own_membership_changed_by_oneself_is_refused(acme: World) -> None:
    with pytest.raises(Refused, match="own role"):
        services.add_member(actor=acme.actor("owner"), user=acme.people["owner"], role="viewer")


def test_membership_given_by_a_viewer_is_refused(acme: World) -> None:
    with pytest.raises(Refused):
        services.add_member(actor=acme.actor("viewer"), user=acme.people["support"], role="owner")


def test_admin_gives_no_role_that_may_erase(acme: World) -> None:
    for role in ("compliance", "owner"):
        with pytest.raises(Refused) as caught:
            services.add_member(actor=acme.actor("admin"), user=acme.people["viewer"], role=role)
        assert caught.value.code == "role_above_yours"
    services.add_member(actor=acme.actor("owner"), user=acme.people["viewer"], role="compliance")


def test_unknown_role_is_refused(acme: World) -> None:
    with pytest.raises(Invalid):
        services.add_member(actor=acme.actor("owner"), user=acme.people["viewer"], role="king")


def test_removed_member_may_nothing(acme: World) -> None:
    membership = Membership.objects.get(user=acme.people["approver"])
    services.remove_member(actor=acme.actor("owner"), membership_id=membership.pk)
    with pytest.raises(Refused):
        services.actor_for_user(acme.people["approver"])


def _key(world: World, scopes: list[str]) -> tuple[ApiKey, str]:
    return services.create_api_key(actor=OPERATOR, user=world.people["support"], name="x", scopes=scopes)


def test_nobody_makes_a_key_to_act_as_a_colleague(acme: World) -> None:
    wanted = {"user": acme.people["approver"], "name": "x", "scopes": ["hitl.decide_approval"]}
    with pytest.raises(Refused, match="for yourself"):
        services.create_api_key(actor=acme.actor("owner"), **wanted)


def test_key_acts_as_its_owner_within_its_scopes(acme: World) -> None:
    _, secret = _key(acme, ["hitl.view_approval", "hitl.decide_approval"])
    actor: Actor = api_keys.actor_of_key(secret)
    assert actor.permissions == {"hitl.view_approval"}


def test_key_finds_its_tenant_without_a_scope(acme: World) -> None:
    _, secret = _key(acme, ["hitl.view_approval"])
    assert api_keys.tenant_of_key(secret) == acme.acme.pk


def test_key_is_not_stored(acme: World) -> None:
    key, secret = _key(acme, ["hitl.view_approval"])
    assert secret not in str(ApiKey.objects.filter(pk=key.pk).values().get())


def test_revoked_key_opens_nothing(acme: World) -> None:
    key, secret = _key(acme, ["hitl.view_approval"])
    services.revoke_api_key(actor=acme.actor("owner"), key_id=key.pk)
    assert api_keys.tenant_of_key(secret) is None
    with pytest.raises(Refused):
        api_keys.actor_of_key(secret)


def test_expired_key_is_refused(acme: World) -> None:
    key, secret = _key(acme, ["hitl.view_approval"])
    ApiKey.objects.filter(pk=key.pk).update(expires_at=now())
    with pytest.raises(Refused):
        api_keys.actor_of_key(secret)


def test_key_of_another_tenant_is_not_found(acme: World) -> None:
    key, _ = _key(acme, ["hitl.view_approval"])
    outsider = acme.outsider()
    with tenant_scope(acme.globex.pk), pytest.raises(NotFound):
        services.revoke_api_key(actor=outsider, key_id=key.pk)


@pytest.mark.parametrize("path", ["/account/2fa/", "/account/reauthenticate/", "/account/logout/"])
def test_nobody_keeps_what_a_signed_in_person_saw(client: Client, world: World, path: str) -> None:
    client.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    assert "no-store" in client.get(path)["Cache-Control"]


@pytest.mark.parametrize(("hours", "strength"), [(1, "mfa"), (13, "password"), (24 * 13, "password")])
def test_second_factor_counts_for_half_a_day(hours: int, strength: str) -> None:
    request, at = HttpRequest(), (now() - timedelta(hours=hours)).timestamp()
    for methods in (("password", "mfa"), ("mfa",)):  # the second is a passkey's
        request.session = {"account_authentication_methods": [{"method": m, "at": at} for m in methods]}  # type: ignore[assignment]
        assert services.auth_strength_of(request) == strength
