"""Rights on single objects never reach into another tenant."""

import pytest
from django.db import connection

from accounts.models import Membership
from accounts.permissions import object_permissions
from core.errors import NotFound, Refused
from core.tenancy.scope import tenant_scope
from tests.world import World

VIEW = "accounts.view_membership"


def _membership(world: World) -> Membership:
    return Membership.objects.get(user=world.people["viewer"])


def test_right_given_to_a_role_opens_this_object(acme: World) -> None:
    membership = _membership(acme)
    object_permissions.grant(actor=acme.actor("owner"), role="viewer", permission=VIEW, obj=membership)
    assert object_permissions.has_permission(actor=acme.actor("viewer"), permission=VIEW, obj=membership)


def test_right_on_one_object_opens_no_other(acme: World) -> None:
    object_permissions.grant(actor=acme.actor("owner"), role="viewer", permission=VIEW, obj=_membership(acme))
    other = Membership.objects.get(user=acme.people["owner"])
    assert not object_permissions.has_permission(actor=acme.actor("viewer"), permission=VIEW, obj=other)


def test_right_withdrawn_is_gone(acme: World) -> None:
    membership, owner = _membership(acme), acme.actor("owner")
    object_permissions.grant(actor=owner, role="viewer", permission=VIEW, obj=membership)
    object_permissions.withdraw(actor=owner, role="viewer", permission=VIEW, obj=membership)
    with pytest.raises(Refused):
        object_permissions.require_permission(actor=acme.actor("viewer"), permission=VIEW, obj=membership)


def test_right_is_not_given_by_who_lacks_it(acme: World) -> None:
    with pytest.raises(Refused):
        object_permissions.grant(actor=acme.actor("viewer"), role="viewer", permission=VIEW, obj=_membership(acme))


def test_object_of_another_tenant_is_not_found(acme: World) -> None:
    membership, outsider = _membership(acme), acme.outsider()
    with tenant_scope(acme.globex.pk), pytest.raises(NotFound):
        object_permissions.require_permission(actor=outsider, permission=VIEW, obj=membership)


def test_rows_of_rights_are_behind_the_wall(acme: World) -> None:
    object_permissions.grant(actor=acme.actor("owner"), role="viewer", permission=VIEW, obj=_membership(acme))
    with tenant_scope(acme.globex.pk), connection.cursor() as cursor:
        cursor.execute("select count(*) from guardian_groupobjectpermission")
        assert cursor.fetchone() == (0,)
