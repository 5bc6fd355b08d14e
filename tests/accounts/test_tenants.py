"""A tenant that is switched off is found by nobody."""

import pytest
from django.test import Client

from accounts import api_keys, selectors, services
from core.errors import Refused
from core.tenancy.scope import tenant_scope
from tests.world import OPERATOR, World


def _switch_off(world: World) -> None:
    with tenant_scope(world.acme.pk):
        services.set_tenant_active(actor=OPERATOR, active=False)


def test_memberships_of_a_tenant_that_is_off_are_not_found(world: World) -> None:
    _switch_off(world)
    assert selectors.memberships_of(world.people["owner"].pk) == []


def test_person_of_a_tenant_that_is_off_does_not_act(world: World) -> None:
    _switch_off(world)
    with pytest.raises(Refused):
        world.actor("owner")


def test_key_of_a_tenant_that_is_off_opens_nothing(acme: World) -> None:
    scopes = ["hitl.view_approval"]
    _, secret = services.create_api_key(actor=OPERATOR, user=acme.people["support"], name="x", scopes=scopes)
    _switch_off(acme)
    assert api_keys.tenant_of_key(secret) is None


def test_console_of_a_tenant_that_is_off_is_closed(client: Client, world: World) -> None:
    client.force_login(world.people["owner"], backend="accounts.backends.RoleBackend")
    _switch_off(world)
    assert client.get("/admin/hitl/approval/").status_code in (302, 403)


def test_tenant_switched_on_again_is_found(world: World) -> None:
    _switch_off(world)
    with tenant_scope(world.acme.pk):
        services.set_tenant_active(actor=OPERATOR, active=True)
    assert len(selectors.memberships_of(world.people["owner"].pk)) == 1


def test_owner_does_not_switch_his_tenant(acme: World) -> None:
    with pytest.raises(Refused):
        services.set_tenant_active(actor=acme.actor("owner"), active=False)


def test_other_tenant_goes_on(world: World) -> None:
    _switch_off(world)
    assert world.outsider("owner").role == "owner"
